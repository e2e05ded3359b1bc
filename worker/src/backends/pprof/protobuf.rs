//! pprof's protobuf. The file is walked twice, its tables first and then its samples one by one, so that what is held
//! grows with the tables, which are counted, and not with what a hostile file makes of two bytes.

use std::collections::HashMap;
use std::ops::Range;

use prost::Message;

use super::messages::{Function, Location, Mapping, Sample, ValueType};
use super::tally::{Frame, Tally};
use super::wire::{Content, Fields};
use super::{Limits, Profile, ProfileError, name};

/// Field numbers of the outermost message.
mod field {
    pub(super) const SAMPLE_TYPE: u64 = 1;
    pub(super) const SAMPLE: u64 = 2;
    pub(super) const MAPPING: u64 = 3;
    pub(super) const LOCATION: u64 = 4;
    pub(super) const FUNCTION: u64 = 5;
    pub(super) const STRING_TABLE: u64 = 6;
    pub(super) const DURATION_NANOS: u64 = 10;
    pub(super) const PERIOD_TYPE: u64 = 11;
    pub(super) const PERIOD: u64 = 12;
}

/// The longest message inside the outermost one: decoded, it takes eight times as much.
const MAX_MESSAGE: usize = 1 << 20;
/// Frames of all samples. Inlined calls make many of one id, so the file's size doesn't bound them.
const MAX_FRAMES: usize = 32 << 20;
/// Kinds of values of one profile; real ones have up to eight.
const MAX_SAMPLE_TYPES: usize = 64;
const NANOS_PER_MS: f64 = 1e6;
const BYTES_PER_MB: f64 = 1024.0 * 1024.0;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ProfileError> {
    let tables = Tables::read(bytes, limits)?;
    let kinds = tables.kinds()?;
    let measure = Measure::choose(&kinds, tables.period()?);
    let memory = ["inuse_space", "inuse-space", "alloc_space", "alloc-space"]
        .iter()
        .find_map(|name| kinds.iter().position(|kind| kind.name == *name && bytes_per_unit(&kind.unit).is_some()));
    if measure.is_none() && memory.is_none() {
        let found: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).take(4).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        return Err(ProfileError::NotMeasured { found });
    }

    let mut tally = Tally::new(limits.max_entries);
    let stacks = Stacks::resolve(&tables, &mut tally)?;
    let counted = kinds.iter().position(Kind::counts_samples);
    let (mut records, mut samples, mut memory_units, mut frames) = (0_u64, 0_u64, 0_u128, 0_usize);
    for sample in samples_of(bytes) {
        let sample = sample?;
        if sample.value.len() != kinds.len() {
            return Err(ProfileError::Malformed { what: "a sample lacks values" });
        }
        if sample.value.iter().any(|value| *value < 0) {
            return Err(ProfileError::Negative);
        }
        let value = |index: usize| sample.value.get(index).map_or(0, |value| value.unsigned_abs());
        records += 1;
        samples = samples.saturating_add(counted.map_or(0, value));
        memory_units += memory.map_or(0, |index| u128::from(value(index)));
        if let Some(measure) = &measure {
            let stack = stacks.frames(&sample, limits.max_depth)?;
            frames += stack.len();
            within(frames, MAX_FRAMES, "frames")?;
            tally.add(stack, u128::from(value(measure.index)));
        }
    }
    if tally.total() == 0 && memory_units == 0 {
        return Err(ProfileError::NoSamples);
    }

    // A CPU profile without a sample, in a file with memory: only the memory is said.
    let measure = measure.filter(|_| tally.total() > 0);
    let ms = measure.as_ref().and_then(|measure| measure.ms);
    let total_ms = ms.map(|ms| tally.total() as f64 * ms);
    if total_ms.is_some_and(|ms| !ms.is_finite()) {
        return Err(ProfileError::Overflow);
    }
    let memory_unit = memory.and_then(|index| bytes_per_unit(&kinds[index].unit));
    let named = measure.as_ref().map(|measure| measure.index).or(memory);
    Ok(Profile {
        total_cpu_time_ms: total_ms.filter(|_| measure.as_ref().is_some_and(|measure| measure.is_cpu)),
        total_memory_mb: memory_unit.filter(|_| memory_units > 0).map(|unit| memory_units as f64 * unit / BYTES_PER_MB),
        duration_ms: (tables.duration_nanos > 0).then_some(tables.duration_nanos as f64 / NANOS_PER_MS),
        sample_type: named.map_or_else(String::new, |index| kinds[index].name.clone()),
        bottlenecks: if measure.is_some() { tally.top(limits.top, ms) } else { Vec::new() },
        samples: if samples > 0 { samples } else { records },
    })
}

/// What one of a sample's values is, in words, lower case, fit to be shown.
struct Kind {
    name: String,
    unit: String,
}

impl Kind {
    fn counts_samples(&self) -> bool {
        matches!(self.name.as_str(), "samples" | "sample" | "cpu-samples" | "cpu_samples" | "wall-samples")
            && ms_per_unit(&self.unit).is_none()
    }

    /// `cpu`, `cpu-time`, `cpu_time`.
    fn is_cpu(&self) -> bool {
        self.name.starts_with("cpu")
    }

    fn is_wall(&self) -> bool {
        self.name.starts_with("wall") || self.name == "time"
    }
}

/// The value that the bottlenecks are about.
struct Measure {
    index: usize,
    /// Time of a value of 1, ms.
    ms: Option<f64>,
    is_cpu: bool,
}

impl Measure {
    /// CPU time; else samples times their period, if that is CPU time; else wall time; else samples alone.
    fn choose(kinds: &[Kind], period: Option<(Kind, i64)>) -> Option<Self> {
        let find = |wanted: &dyn Fn(&Kind) -> bool| kinds.iter().position(wanted);
        let timed = |index: usize, is_cpu| Self { index, ms: ms_per_unit(&kinds[index].unit), is_cpu };
        let cpu = find(&|kind| kind.is_cpu() && ms_per_unit(&kind.unit).is_some());
        let wall = find(&|kind| kind.is_wall() && ms_per_unit(&kind.unit).is_some());
        let counts = find(&Kind::counts_samples).map(|index| {
            let period = period.filter(|(kind, period)| *period > 0 && (kind.is_cpu() || kind.is_wall()));
            let ms = period.as_ref().and_then(|(kind, period)| Some(ms_per_unit(&kind.unit)? * *period as f64));
            Self { index, ms, is_cpu: ms.is_some() && period.is_some_and(|(kind, _)| kind.is_cpu()) }
        });
        match (cpu, counts, wall) {
            (Some(cpu), ..) => Some(timed(cpu, true)),
            (None, Some(counts), _) if counts.is_cpu => Some(counts),
            (None, _, Some(wall)) => Some(timed(wall, false)),
            (None, counts, None) => counts,
        }
    }
}

fn ms_per_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "nanoseconds" | "nanosecond" | "ns" => 1e-6,
        "microseconds" | "microsecond" | "us" | "µs" => 1e-3,
        "milliseconds" | "millisecond" | "ms" => 1.0,
        "seconds" | "second" | "s" => 1e3,
        _ => return None,
    })
}

fn bytes_per_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "bytes" | "byte" | "b" => 1.0,
        "kilobytes" | "kilobyte" | "kb" | "kib" => 1024.0,
        "megabytes" | "megabyte" | "mb" | "mib" => BYTES_PER_MB,
        _ => return None,
    })
}

/// Everything but the samples, borrowed from the file.
#[derive(Default)]
struct Tables<'a> {
    strings: Vec<&'a [u8]>,
    sample_types: Vec<ValueType>,
    functions: HashMap<u64, Function>,
    mappings: HashMap<u64, i64>,
    /// Of each location its mapping, and which of `lines` are its own.
    locations: HashMap<u64, (u64, Range<usize>)>,
    /// Function ids and lines.
    lines: Vec<(u64, i64)>,
    period_type: Option<ValueType>,
    period: i64,
    duration_nanos: i64,
}

impl<'a> Tables<'a> {
    fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ProfileError> {
        let mut tables = Self::default();
        let (mut samples, mut entries) = (0_usize, 0_usize);
        for content in Fields::of(bytes) {
            let (number, content) = content?;
            match (number, content) {
                (field::SAMPLE, Content::Bytes(_)) => {
                    samples += 1;
                    within(samples, limits.max_samples, "samples")?;
                }
                (field::STRING_TABLE, Content::Bytes(text)) => {
                    within(tables.strings.len() + 1, limits.max_entries, "strings")?;
                    tables.strings.push(text);
                }
                (field::PERIOD, Content::Varint(value)) => tables.period = value.cast_signed(),
                (field::DURATION_NANOS, Content::Varint(value)) => tables.duration_nanos = value.cast_signed(),
                (field::PERIOD_TYPE, Content::Bytes(message)) => tables.period_type = Some(decode(message)?),
                (field::SAMPLE_TYPE, Content::Bytes(message)) => {
                    within(tables.sample_types.len() + 1, MAX_SAMPLE_TYPES, "kinds of values")?;
                    tables.sample_types.push(decode(message)?);
                }
                (field::MAPPING | field::LOCATION | field::FUNCTION, Content::Bytes(message)) => {
                    entries += 1;
                    within(entries, limits.max_entries, "functions and locations")?;
                    tables.entry(number, message)?;
                    within(tables.lines.len(), limits.max_entries, "lines")?;
                }
                (field::SAMPLE_TYPE..=field::STRING_TABLE | field::PERIOD_TYPE, _) => {
                    return Err(ProfileError::Malformed { what: "a field has another type" });
                }
                _ => {}
            }
        }
        Ok(tables)
    }

    fn entry(&mut self, number: u64, message: &[u8]) -> Result<(), ProfileError> {
        if number == field::MAPPING {
            let mapping: Mapping = decode(message)?;
            self.mappings.insert(mapping.id, mapping.filename);
        } else if number == field::FUNCTION {
            let function: Function = decode(message)?;
            self.functions.insert(function.id, function);
        } else {
            let location: Location = decode(message)?;
            let from = self.lines.len();
            self.lines.extend(location.line.iter().map(|line| (line.function_id, line.line)));
            self.locations.insert(location.id, (location.mapping_id, from..self.lines.len()));
        }
        Ok(())
    }

    fn string(&self, index: i64) -> Result<&'a [u8], ProfileError> {
        if index == 0 {
            return Ok(b"");
        }
        let string = usize::try_from(index).ok().and_then(|index| self.strings.get(index));
        string.copied().ok_or(ProfileError::Malformed { what: "a name is not in the string table" })
    }

    fn kind(&self, of: ValueType) -> Result<Kind, ProfileError> {
        let word = |index| self.string(index).map(|text| name::shown(text).to_lowercase());
        // A name that is shown in an error is a word, not a paragraph.
        let name = word(of.kind)?.chars().take(40).collect();
        Ok(Kind { name, unit: word(of.unit)? })
    }

    fn kinds(&self) -> Result<Vec<Kind>, ProfileError> {
        self.sample_types.iter().map(|of| self.kind(*of)).collect()
    }

    fn period(&self) -> Result<Option<(Kind, i64)>, ProfileError> {
        self.period_type.map(|of| Ok((self.kind(of)?, self.period))).transpose()
    }
}

/// The frames of every location, ready to be added up.
struct Stacks {
    frames: Vec<Frame>,
    locations: HashMap<u64, Range<usize>>,
}

impl Stacks {
    fn resolve<'a>(tables: &Tables<'a>, tally: &mut Tally<'a>) -> Result<Self, ProfileError> {
        let mut functions = HashMap::new();
        let mut numbers: HashMap<i64, usize> = HashMap::new();
        for (id, function) in &tables.functions {
            let (name, file) = (tables.string(function.name)?, tables.string(function.filename)?);
            let key = (
                *numbers.entry(function.name).or_insert_with(|| tally.name(name)),
                *numbers.entry(function.filename).or_insert_with(|| tally.name(file)),
            );
            functions.insert(*id, tally.numbered(key, name, file, line(function.start_line))?);
        }
        let mut stacks = Self { frames: Vec::new(), locations: HashMap::new() };
        for (id, (mapping, lines)) in &tables.locations {
            let from = stacks.frames.len();
            for (function, number) in tables.lines.get(lines.clone()).unwrap_or_default() {
                let function = match functions.get(function) {
                    Some(function) => *function,
                    None if *function == 0 => tally.function(b"", b"", 0)?,
                    None => return Err(ProfileError::Malformed { what: "a line's function is missing" }),
                };
                stacks.frames.push(Frame { function, line: line(*number) });
            }
            if lines.is_empty() {
                let function = tally.function(binary(tables, *mapping)?, b"", 0)?;
                stacks.frames.push(Frame { function, line: 0 });
            }
            stacks.locations.insert(*id, from..stacks.frames.len());
        }
        Ok(stacks)
    }

    /// The sample's frames, leaf first, at most `max_depth`.
    fn frames(&self, sample: &Sample, max_depth: usize) -> Result<Vec<Frame>, ProfileError> {
        let mut frames = Vec::with_capacity(sample.location_id.len().min(max_depth));
        for id in &sample.location_id {
            if frames.len() >= max_depth {
                break;
            }
            let range =
                self.locations.get(id).ok_or(ProfileError::Malformed { what: "a sample's location is missing" })?;
            let room = max_depth - frames.len();
            frames.extend(self.frames.get(range.clone()).unwrap_or_default().iter().take(room).copied());
        }
        Ok(frames)
    }
}

/// The name of the binary or library that code without symbols is in.
fn binary<'a>(tables: &Tables<'a>, mapping: u64) -> Result<&'a [u8], ProfileError> {
    let path = tables.mappings.get(&mapping).map_or(Ok(b"".as_slice()), |filename| tables.string(*filename))?;
    Ok(path.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(path))
}

fn samples_of(bytes: &[u8]) -> impl Iterator<Item = Result<Sample, ProfileError>> {
    Fields::of(bytes).filter_map(|content| match content {
        Ok((field::SAMPLE, Content::Bytes(message))) => Some(decode(message)),
        Ok(_) => None,
        Err(e) => Some(Err(e)),
    })
}

fn decode<M: Message + Default>(message: &[u8]) -> Result<M, ProfileError> {
    if message.len() > MAX_MESSAGE {
        return Err(ProfileError::TooMany { what: "bytes in one record", limit: MAX_MESSAGE });
    }
    M::decode(message).map_err(|_| ProfileError::Malformed { what: "a record can't be read" })
}

fn within(count: usize, limit: usize, what: &'static str) -> Result<(), ProfileError> {
    if count > limit { Err(ProfileError::TooMany { what, limit }) } else { Ok(()) }
}

/// 0: none, or none that can be.
fn line(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
