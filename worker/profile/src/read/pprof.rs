//! pprof's protobuf. The file is walked twice, its tables first and then its samples one by one, so that what is held
//! grows with the tables, which are counted, and not with what a hostile file makes of two bytes.

pub(crate) mod messages;
mod wire;

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;
use prost::Message;

use self::messages::{Function, Location, Mapping, Sample, ValueType};
use self::wire::{Content, Fields};
use crate::model::{Builder, Raw};
use crate::{Format, Limits, Profile, ProfileError, SampleType};

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
    pub(super) const DEFAULT_SAMPLE_TYPE: u64 = 14;
}

/// The longest message inside the outermost one: decoded, it takes eight times as much.
const MAX_MESSAGE: usize = 1 << 20;
/// Frames of all samples, for each sample that may be. Inlined calls make many of one id, so the file's size doesn't bound
/// them.
const MAX_FRAMES_PER_SAMPLE: usize = 32;
const NANOS_PER_MS: f64 = 1e6;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ProfileError> {
    let tables = Tables::read(bytes, limits)?;
    let mut builder = Builder::new(limits);
    tables.sample_types(&mut builder)?;
    builder.duration_ms = Some(tables.duration_nanos as f64 / NANOS_PER_MS);
    let kinds = builder.sample_types().len();
    let counted = builder.sample_types().iter().position(|kind| kind.counts_samples);
    let stacks = Stacks::resolve(&tables, &mut builder)?;

    let most = limits.max_samples.saturating_mul(MAX_FRAMES_PER_SAMPLE);
    let (mut records, mut samples, mut frames) = (0_u64, 0_u64, 0_usize);
    let (mut sample, mut stack) = (Sample::default(), Vec::new());
    for message in samples_of(bytes) {
        decode(&mut sample, message?)?;
        if sample.value.len() != kinds {
            return Err(ProfileError::Malformed { what: "a sample lacks values" });
        }
        if sample.value.iter().any(|value| *value < 0) {
            return Err(ProfileError::Negative);
        }
        records += 1;
        let count = counted.and_then(|index| sample.value.get(index)).map_or(0, |count| count.unsigned_abs());
        samples = samples.saturating_add(count);
        stacks.frames(&sample, limits.max_depth, &mut stack)?;
        frames += stack.len();
        within(frames, most, "frames")?;
        let node = builder.tree.stack(&stack)?;
        for (kind, value) in sample.value.iter().enumerate() {
            builder.add(kind, node, *value as f64)?;
        }
    }
    builder.samples = if samples > 0 { samples } else { records };
    builder.finish(Format::Pprof)
}

/// Everything but the samples, borrowed from the file.
#[derive(Default)]
struct Tables<'a> {
    strings: Vec<&'a [u8]>,
    sample_types: Vec<ValueType>,
    functions: HashMap<u64, Function, RandomState>,
    mappings: HashMap<u64, i64, RandomState>,
    /// Of each location its mapping, and which of `lines` are its own.
    locations: HashMap<u64, (u64, Range<usize>), RandomState>,
    /// Function ids and lines.
    lines: Vec<(u64, i64)>,
    period_type: Option<ValueType>,
    period: i64,
    duration_nanos: i64,
    default_sample_type: i64,
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
                (field::DEFAULT_SAMPLE_TYPE, Content::Varint(value)) => {
                    tables.default_sample_type = value.cast_signed();
                }
                (field::DURATION_NANOS, Content::Varint(value)) => tables.duration_nanos = value.cast_signed(),
                (field::PERIOD_TYPE, Content::Bytes(message)) => tables.period_type = Some(decoded(message)?),
                (field::SAMPLE_TYPE, Content::Bytes(message)) => {
                    tables.sample_types.push(decoded(message)?);
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
            let mapping: Mapping = decoded(message)?;
            self.mappings.insert(mapping.id, mapping.filename);
        } else if number == field::FUNCTION {
            let function: Function = decoded(message)?;
            self.functions.insert(function.id, function);
        } else {
            let location: Location = decoded(message)?;
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

    /// What a function's names are; those of function 0 are not known.
    fn raw(&self, function: u64, module: &'a [u8]) -> Result<Raw<'a>, ProfileError> {
        let Some(known) = self.functions.get(&function) else {
            let unknown = (function == 0).then_some(Raw { module, ..Raw::default() });
            return unknown.ok_or(ProfileError::Malformed { what: "a line's function is missing" });
        };
        let (name, file) = (self.string(known.name)?, self.string(known.filename)?);
        Ok(Raw { name, file, module, start_line: line(known.start_line) })
    }

    fn sample_types(&self, builder: &mut Builder<'a>) -> Result<(), ProfileError> {
        let period_type = self.period_type.map(|of| Ok((self.string(of.kind)?, self.string(of.unit)?))).transpose()?;
        let period = period_type.map(|(name, unit)| (name, unit, self.period as f64));
        for of in &self.sample_types {
            builder.sample_type(SampleType::new(self.string(of.kind)?, self.string(of.unit)?, period))?;
        }
        let usual = Some(self.default_sample_type).filter(|usual| *usual != 0);
        builder.default_type = usual.and_then(|usual| self.sample_types.iter().position(|of| of.kind == usual));
        Ok(())
    }
}

/// The frames of every location, ready to be added up.
struct Stacks {
    frames: Vec<u32>,
    /// Ids of the locations in their order, which mostly has no gaps, and which of `frames` are each one's.
    ids: Vec<u64>,
    ranges: Vec<Range<usize>>,
}

impl Stacks {
    fn resolve<'a>(tables: &Tables<'a>, builder: &mut Builder<'a>) -> Result<Self, ProfileError> {
        let mut functions: HashMap<(u64, u64), u32, RandomState> = HashMap::default();
        let mut ids: Vec<u64> = tables.locations.keys().copied().collect();
        ids.sort_unstable();
        let mut stacks = Self { frames: Vec::new(), ids: Vec::new(), ranges: Vec::new() };
        for id in &ids {
            let Some((mapping, lines)) = tables.locations.get(id) else { continue };
            let from = stacks.frames.len();
            let module = binary(tables, *mapping)?;
            for (function, number) in tables.lines.get(lines.clone()).unwrap_or_default() {
                let key = (*function, *mapping);
                let known = match functions.get(&key) {
                    Some(known) => *known,
                    None => builder.symbols.function(tables.raw(*function, module)?)?,
                };
                functions.insert(key, known);
                stacks.frames.push(builder.symbols.frame(known, line(*number))?);
            }
            if lines.is_empty() {
                let unnamed = builder.symbols.function(Raw { name: module, module, ..Raw::default() })?;
                stacks.frames.push(builder.symbols.frame(unnamed, 0)?);
            }
            stacks.ranges.push(from..stacks.frames.len());
        }
        stacks.ids = ids;
        Ok(stacks)
    }

    fn location(&self, id: u64) -> Option<Range<usize>> {
        let first = self.ids.first()?;
        let guess = usize::try_from(id.checked_sub(*first)?).ok()?;
        let is_there = self.ids.get(guess) == Some(&id);
        let place = if is_there { guess } else { self.ids.binary_search(&id).ok()? };
        self.ranges.get(place).cloned()
    }

    /// The sample's frames, leaf first, at most `max_depth`.
    fn frames(&self, sample: &Sample, max_depth: usize, stack: &mut Vec<u32>) -> Result<(), ProfileError> {
        stack.clear();
        for id in &sample.location_id {
            if stack.len() >= max_depth {
                break;
            }
            let missing = ProfileError::Malformed { what: "a sample's location is missing" };
            let range = self.location(*id).ok_or(missing)?;
            let room = max_depth - stack.len();
            stack.extend(self.frames.get(range).unwrap_or_default().iter().take(room));
        }
        Ok(())
    }
}

/// The name of the binary or library that code without symbols is in.
fn binary<'a>(tables: &Tables<'a>, mapping: u64) -> Result<&'a [u8], ProfileError> {
    let path = tables.mappings.get(&mapping).map_or(Ok(b"".as_slice()), |filename| tables.string(*filename))?;
    Ok(path.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(path))
}

fn samples_of(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], ProfileError>> {
    Fields::of(bytes).filter_map(|content| match content {
        Ok((field::SAMPLE, Content::Bytes(message))) => Some(Ok(message)),
        Ok(_) => None,
        Err(e) => Some(Err(e)),
    })
}

fn decoded<M: Message + Default>(message: &[u8]) -> Result<M, ProfileError> {
    let mut into = M::default();
    decode(&mut into, message)?;
    Ok(into)
}

/// Decodes into a message that is used again and again.
fn decode<M: Message>(into: &mut M, message: &[u8]) -> Result<(), ProfileError> {
    if message.len() > MAX_MESSAGE {
        return Err(ProfileError::TooMany { what: "bytes in one record", limit: MAX_MESSAGE });
    }
    into.clear();
    into.merge(message).map_err(|_| ProfileError::Malformed { what: "a record can't be read" })
}

fn within(count: usize, limit: usize, what: &'static str) -> Result<(), ProfileError> {
    if count > limit { Err(ProfileError::TooMany { what, limit }) } else { Ok(()) }
}

/// 0: none, or none that can be.
fn line(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
