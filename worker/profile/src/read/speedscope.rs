//! speedscope's JSON, which py-spy, rbspy and others write: frames once, and profiles of samples with weights or of calls
//! that open and close. All its profiles (threads, mostly) are added up; each unit is a sample type.
//! Source: <https://www.speedscope.app/file-format-schema.json>
//!
//! It doesn't say whose time it is, so a time is one that went by and no CPU time.

mod profile;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use self::profile::OneProfile;
use super::json::{Each, once, stop};
use crate::model::{Builder, Raw};
use crate::{Format, Limits, Profile, ProfileError, SampleType};

/// A frame, as it stands in the file.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    file: Option<Cow<'a, str>>,
    #[serde(default)]
    line: Option<f64>,
}

/// What was read so far.
pub(super) struct Speedscope<'l> {
    limits: &'l Limits,
    builder: Builder<'static>,
    /// The interned frame of each of the file's.
    frames: Vec<u32>,
    /// The file's units, and the sample type of each.
    units: Vec<(String, usize)>,
    is_there: bool,
}

impl<'l> Speedscope<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, builder: Builder::new(limits), frames: Vec::new(), units: Vec::new(), is_there: false }
    }

    pub(super) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Reads `shared`.
    pub(super) fn shared<'s>(&'s mut self, refused: &'s mut Option<ProfileError>) -> Shared<'s, 'l> {
        self.is_there = true;
        Shared { of: self, refused }
    }

    /// Reads `profiles`.
    pub(super) fn profiles<'s>(&'s mut self, refused: &'s mut Option<ProfileError>) -> Profiles<'s, 'l> {
        self.is_there = true;
        Profiles { of: self, refused }
    }

    pub(super) fn finish(self) -> Result<Profile, ProfileError> {
        self.builder.finish_with(Format::Speedscope, &self.frames)
    }

    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), ProfileError> {
        if self.frames.len() >= self.limits.max_entries {
            return Err(ProfileError::TooMany { what: "frames", limit: self.limits.max_entries });
        }
        let file = frame.file.as_deref().unwrap_or_default();
        let raw = Raw { name: frame.name.as_bytes(), file: file.as_bytes(), ..Raw::default() };
        let function = self.builder.symbols.rare(raw)?;
        self.frames.push(self.builder.symbols.frame(function, line(frame.line))?);
        Ok(())
    }

    fn sample_type(&mut self, unit: &str) -> Result<usize, ProfileError> {
        if let Some((_, known)) = self.units.iter().find(|(known, _)| known == unit) {
            return Ok(*known);
        }
        let of = match unit {
            "none" => SampleType::samples(None),
            "bytes" => SampleType::new(b"memory", b"bytes", None),
            "nanoseconds" | "microseconds" | "milliseconds" | "seconds" => {
                SampleType::new(b"wall", unit.as_bytes(), None)
            }
            _ => return Err(ProfileError::Malformed { what: "a profile has an unknown unit" }),
        };
        let new = self.builder.sample_type(of)?;
        self.units.push((unit.to_owned(), new));
        Ok(new)
    }
}

/// From 1, if it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range that is checked")]
fn line(line: Option<f64>) -> u32 {
    line.filter(|line| (1.0..=f64::from(u32::MAX)).contains(line)).map_or(0, |line| line as u32)
}

/// `shared`: an object with the frames.
pub(super) struct Shared<'s, 'l> {
    of: &'s mut Speedscope<'l>,
    refused: &'s mut Option<ProfileError>,
}

impl<'de> DeserializeSeed<'de> for Shared<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Shared<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with frames")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            once(&key, &["frames"], &mut seen).or_else(|why| stop(self.refused, why))?;
            if key == "frames" {
                map.next_value_seed(Each::new(self.refused, |frame| self.of.frame(&frame)))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// `profiles`: an array of them.
pub(super) struct Profiles<'s, 'l> {
    of: &'s mut Speedscope<'l>,
    refused: &'s mut Option<ProfileError>,
}

impl<'de> DeserializeSeed<'de> for Profiles<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Profiles<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of profiles")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(OneProfile { of: &mut *self.of, refused: &mut *self.refused })?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
