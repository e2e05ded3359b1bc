//! One of a speedscope file's profiles: samples and their weights, or events. Knows no frame but by its number.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::super::json::{Each, once, stop};
use super::Speedscope;
use crate::ProfileError;

/// Opens or closes a call.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    frame: u32,
    at: f64,
}

/// Reads one profile and adds it up.
pub(super) struct OneProfile<'s, 'l> {
    pub(super) of: &'s mut Speedscope<'l>,
    pub(super) refused: &'s mut Option<ProfileError>,
}

#[derive(Default)]
struct Content {
    unit: Option<String>,
    /// The node of each sample, and its weight.
    nodes: Vec<u32>,
    weights: Vec<f64>,
    /// Calls that are open, outermost first: frame and node.
    open: Vec<(u32, u32)>,
    now: Option<f64>,
    is_evented: bool,
}

impl<'de> DeserializeSeed<'de> for OneProfile<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneProfile<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a profile")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { of, refused } = self;
        let (mut content, mut seen) = (Content::default(), Vec::new());
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            once(&key, &["unit", "samples", "weights", "events"], &mut seen).or_else(|why| stop(refused, why))?;
            match &*key {
                "unit" => content.unit = Some(map.next_value::<Cow<'_, str>>()?.into_owned()),
                "samples" => {
                    map.next_value_seed(Each::new(refused, |stack: Vec<u32>| content.sample(stack, of)))?;
                }
                "weights" => map.next_value_seed(Each::new(refused, |weight| content.weight(weight, of)))?,
                "events" => map.next_value_seed(Each::new(refused, |event| content.event(&event, of)))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        content.add_to(of).or_else(|why| stop(refused, why))
    }
}

impl Content {
    /// Root first.
    fn sample(&mut self, mut stack: Vec<u32>, of: &mut Speedscope<'_>) -> Result<(), ProfileError> {
        bounded(self.nodes.len(), of)?;
        stack.reverse();
        stack.truncate(of.limits.max_depth);
        self.nodes.push(of.builder.tree.stack(&stack)?);
        Ok(())
    }

    fn weight(&mut self, weight: f64, of: &Speedscope<'_>) -> Result<(), ProfileError> {
        bounded(self.weights.len(), of)?;
        self.weights.push(weight);
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>, of: &mut Speedscope<'_>) -> Result<(), ProfileError> {
        bounded(self.nodes.len(), of)?;
        self.is_evented = true;
        let before = self.now.replace(event.at).unwrap_or(event.at);
        if event.at < before {
            return Err(ProfileError::Malformed { what: "its events are not in the order of time" });
        }
        let node = self.open.last().map_or(0, |(_, node)| *node);
        if event.at > before && node > 0 {
            self.nodes.push(node);
            self.weights.push(event.at - before);
        }
        match &*event.kind {
            "O" => self.open.push((event.frame, of.builder.tree.child(node, event.frame)?)),
            "C" if self.open.last().is_some_and(|(frame, _)| *frame == event.frame) => {
                self.open.pop();
            }
            "C" => return Err(ProfileError::Malformed { what: "an event closes a call that isn't the last one" }),
            _ => return Err(ProfileError::Malformed { what: "an event neither opens nor closes a call" }),
        }
        Ok(())
    }

    fn add_to(self, of: &mut Speedscope<'_>) -> Result<(), ProfileError> {
        if self.nodes.len() != self.weights.len() {
            return Err(ProfileError::Malformed { what: "samples and weights differ in number" });
        }
        if self.is_evented && !self.open.is_empty() {
            return Err(ProfileError::Malformed { what: "a call is never closed" });
        }
        let sample_type = of.sample_type(self.unit.as_deref().unwrap_or("none"))?;
        of.builder.samples = of.builder.samples.saturating_add(self.nodes.len() as u64);
        for (node, weight) in self.nodes.iter().zip(self.weights) {
            of.builder.add(sample_type, *node, weight)?;
        }
        Ok(())
    }
}

fn bounded(count: usize, of: &Speedscope<'_>) -> Result<(), ProfileError> {
    let limit = of.limits.max_samples;
    if count < limit { Ok(()) } else { Err(ProfileError::TooMany { what: "samples", limit }) }
}
