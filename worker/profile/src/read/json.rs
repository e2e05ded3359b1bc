//! JSON: one pass over the file, in whatever order its keys stand, which is V8's or speedscope's by what it holds. What isn't
//! read is passed over without being held, and without recursion.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cpuprofile::CpuProfile;
use super::speedscope::Speedscope;
use crate::{Limits, Profile, ProfileError};

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Profile, ProfileError> {
    let mut document = Document {
        cpuprofile: CpuProfile::new(limits),
        speedscope: Speedscope::new(limits),
        foreign: None,
        seen: Vec::new(),
        refused: None,
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let outcome = Top(&mut document).deserialize(&mut json).and_then(|()| json.end());
    if let Some(refused) = document.refused {
        return Err(refused);
    }
    outcome.map_err(|e| ProfileError::Json { line: e.line(), column: e.column() })?;
    if document.speedscope.is_there() {
        document.speedscope.finish()
    } else if document.cpuprofile.is_there() {
        document.cpuprofile.finish()
    } else {
        Err(document.foreign.unwrap_or(ProfileError::Malformed { what: "its JSON is none of V8's or speedscope's" }))
    }
}

/// What is read of the outermost object.
const KEYS: [&str; 7] = ["nodes", "samples", "timeDeltas", "startTime", "endTime", "shared", "profiles"];

struct Document<'l> {
    cpuprofile: CpuProfile<'l>,
    speedscope: Speedscope<'l>,
    foreign: Option<ProfileError>,
    seen: Vec<String>,
    /// Why reading stopped, if it wasn't the JSON.
    refused: Option<ProfileError>,
}

struct Top<'d, 'l>(&'d mut Document<'l>);

impl<'de> DeserializeSeed<'de> for Top<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

const TRACE: ProfileError = ProfileError::Foreign {
    what: "a trace of Chrome's",
    instead: "save a .cpuprofile: `node --cpu-prof`, or the profiler of the inspector",
};

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a profile")
    }

    /// Traces may be an array of events, too.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.foreign = Some(TRACE);
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Document { cpuprofile, speedscope, foreign, seen, refused } = self.0;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            once(&key, &KEYS, seen).or_else(|why| stop(refused, why))?;
            match &*key {
                "nodes" => map.next_value_seed(Each::new(refused, |node| cpuprofile.node(&node)))?,
                "samples" => map.next_value_seed(Each::new(refused, |id| cpuprofile.sample(id)))?,
                "timeDeltas" => map.next_value_seed(Each::new(refused, |delta| cpuprofile.delta(delta)))?,
                "startTime" => cpuprofile.start = Some(map.next_value()?),
                "endTime" => cpuprofile.end = Some(map.next_value()?),
                "shared" => map.next_value_seed(speedscope.shared(refused))?,
                "profiles" => map.next_value_seed(speedscope.profiles(refused))?,
                "traceEvents" => {
                    *foreign = Some(TRACE);
                    map.next_value::<IgnoredAny>()?;
                }
                "head" => {
                    *foreign = Some(ProfileError::Foreign {
                        what: "a heap profile of V8",
                        instead: "open it in speedscope and save it from there as JSON",
                    });
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Hands the items of an array on, one by one, and keeps none.
pub(super) struct Each<'r, T, F> {
    refused: &'r mut Option<ProfileError>,
    take: F,
    item: PhantomData<T>,
}

impl<'r, T, F: FnMut(T) -> Result<(), ProfileError>> Each<'r, T, F> {
    pub(super) fn new(refused: &'r mut Option<ProfileError>, take: F) -> Self {
        Self { refused, take, item: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), ProfileError>> DeserializeSeed<'de> for Each<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), ProfileError>> Visitor<'de> for Each<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.take)(item).or_else(|why| stop(self.refused, why))?;
        }
        Ok(())
    }
}

/// A key that is read stands once: of two, readers take another each.
pub(super) fn once(key: &str, known: &[&str], seen: &mut Vec<String>) -> Result<(), ProfileError> {
    if known.contains(&key) {
        if seen.iter().any(|other| other == key) {
            return Err(ProfileError::Malformed { what: "a key of its JSON stands twice" });
        }
        seen.push(key.to_owned());
    }
    Ok(())
}

/// Ends the reading of the JSON, for a reason of ours.
pub(super) fn stop<T, E: Error>(refused: &mut Option<ProfileError>, why: ProfileError) -> Result<T, E> {
    *refused = Some(why);
    Err(E::custom("refused"))
}

#[cfg(test)]
mod tests;
