//! Profiles built by hand, for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use crate::read::messages::{Function, Line, Location, Mapping, Sample, ValueType};
use crate::{Limits, Options, Profile, ProfileError, Summary, read, summary};

/// The outermost message, for writing only.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct File {
    #[prost(message, repeated, tag = "1")]
    pub(crate) sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub(crate) string_table: Vec<String>,
    #[prost(int64, tag = "9")]
    pub(crate) time_nanos: i64,
    #[prost(int64, tag = "10")]
    pub(crate) duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    pub(crate) period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    pub(crate) period: i64,
}

impl File {
    pub(crate) fn new(sample_types: &[(&str, &str)]) -> Self {
        let mut file = Self { string_table: vec![String::new()], ..Self::default() };
        for (kind, unit) in sample_types {
            let of = file.value_type(kind, unit);
            file.sample_type.push(of);
        }
        file
    }

    pub(crate) fn string(&mut self, text: &str) -> i64 {
        let index = self.string_table.iter().position(|known| known == text).unwrap_or_else(|| {
            self.string_table.push(text.to_owned());
            self.string_table.len() - 1
        });
        i64::try_from(index).unwrap()
    }

    pub(crate) fn value_type(&mut self, kind: &str, unit: &str) -> ValueType {
        ValueType { kind: self.string(kind), unit: self.string(unit) }
    }

    pub(crate) fn period(mut self, kind: &str, unit: &str, period: i64) -> Self {
        self.period_type = Some(self.value_type(kind, unit));
        self.period = period;
        self
    }

    /// A location of one or more lines, innermost first: name, file, line.
    pub(crate) fn location(&mut self, lines: &[(&str, &str, i64)]) -> u64 {
        let line = lines.iter().map(|(name, file, line)| Line { function_id: self.function(name, file), line: *line });
        let line: Vec<Line> = line.collect();
        let id = self.location.len() as u64 + 1;
        self.location.push(Location { id, mapping_id: 0, line });
        id
    }

    pub(crate) fn function(&mut self, name: &str, file: &str) -> u64 {
        let (name, filename) = (self.string(name), self.string(file));
        let id = self.function.len() as u64 + 1;
        self.function.push(Function { id, name, filename, start_line: 7 });
        id
    }

    pub(crate) fn sample(&mut self, leaf_first: &[u64], value: &[i64]) {
        self.sample.push(Sample { location_id: leaf_first.to_vec(), value: value.to_vec() });
    }

    pub(crate) fn read(&self) -> Result<Summary, ProfileError> {
        summary(&self.encode_to_vec(), None, &Limits::default())
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// 10 ms a sample: 3 in `search` on line 41, 1 on line 44, and 1 in `main`.
pub(crate) fn cpu_file() -> File {
    let mut file = File::new(&[("samples", "count"), ("cpu", "nanoseconds")]).period("cpu", "nanoseconds", 10_000_000);
    file.duration_nanos = 2_000_000_000;
    let main = file.location(&[("main", "app/main.py", 3)]);
    let hot = file.location(&[("search", "app/orders.py", 41)]);
    let warm = file.location(&[("search", "app/orders.py", 44)]);
    file.sample(&[hot, main], &[3, 30_000_000]);
    file.sample(&[warm, main], &[1, 10_000_000]);
    file.sample(&[main], &[1, 10_000_000]);
    file
}

/// Any text as a profile.
pub(crate) fn profile(text: &str) -> Profile {
    read(text.as_bytes(), &Options::default(), &Limits::default()).unwrap()
}
