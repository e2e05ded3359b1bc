//! The parts of a log that are read, as they are written. Lists are read up to a bound and no further kept.

use std::fmt;
use std::marker::PhantomData;

use eco_coder_analyzer::Confidence;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use super::MAX_RESULTS;

/// Rules, artifacts and runs that are kept.
const MAX_LIST: usize = 50_000;

#[derive(serde::Deserialize)]
pub(super) struct Log {
    pub(super) version: String,
    #[serde(default, deserialize_with = "list")]
    pub(super) runs: Vec<Run>,
}

#[derive(serde::Deserialize)]
pub(super) struct Run {
    pub(super) tool: Tool,
    #[serde(default)]
    pub(super) results: Results,
    #[serde(default, deserialize_with = "list")]
    pub(super) artifacts: Vec<Artifact>,
}

#[derive(serde::Deserialize)]
pub(super) struct Tool {
    pub(super) driver: Component,
    #[serde(default, deserialize_with = "list")]
    pub(super) extensions: Vec<Component>,
}

#[derive(serde::Deserialize)]
pub(super) struct Component {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "list")]
    pub(super) rules: Vec<Descriptor>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) id: String,
    short_description: Option<Text>,
    full_description: Option<Text>,
    help: Option<Text>,
    help_uri: Option<String>,
    default_configuration: Option<Configuration>,
    #[serde(default)]
    message_strings: serde_json::Map<String, Value>,
    #[serde(default)]
    properties: serde_json::Map<String, Value>,
}

#[derive(serde::Deserialize)]
struct Text {
    text: Option<String>,
}

#[derive(serde::Deserialize)]
struct Configuration {
    level: Option<String>,
}

impl Descriptor {
    pub(super) fn title(&self) -> Option<&str> {
        self.short_description.as_ref()?.text.as_deref()
    }

    /// What to do: the rule's help, if it is short enough to be an advice and no page.
    pub(super) fn help(&self) -> Option<&str> {
        let help = self.help.as_ref().and_then(|help| help.text.as_deref()).filter(|help| help.len() <= 300);
        help.or_else(|| self.full_description.as_ref()?.text.as_deref().filter(|text| text.len() <= 300))
    }

    pub(super) fn link(&self) -> Option<&str> {
        self.help_uri.as_deref().filter(|uri| uri.starts_with("https://") && uri.len() <= 300)
    }

    pub(super) fn tags(&self) -> Vec<&str> {
        let tags = self.properties.get("tags").and_then(Value::as_array);
        tags.into_iter().flatten().filter_map(Value::as_str).take(20).collect()
    }

    /// 0 to 10; GitHub writes it as text.
    pub(super) fn security_severity(&self) -> Option<f64> {
        let score = self.properties.get("security-severity")?;
        let score = score.as_f64().or_else(|| score.as_str()?.parse().ok())?;
        (0.0..=10.0).contains(&score).then_some(score)
    }

    pub(super) fn confidence(&self) -> Confidence {
        match self.properties.get("precision").and_then(Value::as_str) {
            Some("very-high" | "high") => Confidence::High,
            Some("low") => Confidence::Low,
            _ => Confidence::Medium,
        }
    }

    fn level(&self) -> Option<&str> {
        self.default_configuration.as_ref()?.level.as_deref()
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Result {
    pub(super) rule_id: Option<String>,
    pub(super) rule_index: Option<i64>,
    pub(super) rule: Option<Reference>,
    level: Option<String>,
    kind: Option<String>,
    baseline_state: Option<String>,
    #[serde(default)]
    pub(super) message: Message,
    #[serde(default, deserialize_with = "list")]
    pub(super) locations: Vec<Location>,
    #[serde(default, deserialize_with = "list")]
    suppressions: Vec<Suppression>,
}

impl Result {
    /// Neither passed, nor suppressed, nor gone.
    pub(super) fn is_open(&self) -> bool {
        let fails =
            self.kind.as_deref().is_none_or(|kind| matches!(kind, "fail" | "open" | "review" | "informational"));
        let there = self.baseline_state.as_deref() != Some("absent");
        let suppressed =
            self.suppressions.iter().any(|one| !matches!(one.status.as_deref(), Some("rejected" | "underReview")));
        fails && there && !suppressed
    }

    pub(super) fn rule_id<'a>(&'a self, descriptor: Option<&'a Descriptor>) -> Option<&'a str> {
        let own = self.rule_id.as_deref().or(self.rule.as_ref().and_then(|rule| rule.id.as_deref()));
        own.or(descriptor.map(|descriptor| descriptor.id.as_str()))
    }

    pub(super) fn level<'a>(&'a self, descriptor: Option<&'a Descriptor>) -> &'a str {
        self.level.as_deref().or(descriptor.and_then(Descriptor::level)).unwrap_or("warning")
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Reference {
    pub(super) id: Option<String>,
    pub(super) index: Option<i64>,
    #[serde(rename = "toolComponent")]
    pub(super) component: Option<ComponentReference>,
}

#[derive(serde::Deserialize)]
pub(super) struct ComponentReference {
    pub(super) index: Option<i64>,
}

#[derive(Default, serde::Deserialize)]
pub(super) struct Message {
    text: Option<String>,
    id: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
}

impl Message {
    /// Its own text, or the rule's for its id, with its arguments put in.
    pub(super) fn text<'a>(&'a self, descriptor: Option<&'a Descriptor>) -> Option<&'a str> {
        if self.text.is_some() {
            return self.text.as_deref();
        }
        // A form with holes says little without what goes into them; it isn't put together from untrusted parts.
        let form = descriptor?.message_strings.get(self.id.as_deref()?)?.get("text")?.as_str()?;
        (self.arguments.is_empty() && !form.contains('{')).then_some(form)
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Location {
    #[serde(rename = "physicalLocation")]
    pub(super) physical: Option<PhysicalLocation>,
}

#[derive(serde::Deserialize)]
pub(super) struct PhysicalLocation {
    #[serde(rename = "artifactLocation")]
    pub(super) artifact: Option<ArtifactLocation>,
    pub(super) region: Option<Region>,
}

#[derive(serde::Deserialize)]
pub(super) struct ArtifactLocation {
    pub(super) uri: Option<String>,
    pub(super) index: Option<i64>,
}

#[derive(serde::Deserialize)]
pub(super) struct Region {
    #[serde(rename = "startLine")]
    pub(super) start: Option<u32>,
    #[serde(rename = "endLine")]
    pub(super) end: Option<u32>,
}

#[derive(serde::Deserialize)]
pub(super) struct Artifact {
    pub(super) location: Option<ArtifactLocation>,
}

#[derive(serde::Deserialize)]
struct Suppression {
    status: Option<String>,
}

/// A run's results, up to the bound.
#[derive(Default)]
pub(super) struct Results {
    pub(super) kept: Vec<Result>,
    pub(super) cut: bool,
}

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let (kept, cut) = deserializer.deserialize_any(Bounded(MAX_RESULTS, PhantomData))?;
        Ok(Self { kept, cut })
    }
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> std::result::Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Bounded(MAX_LIST, PhantomData)).map(|(kept, _)| kept)
}

struct Bounded<T>(usize, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = (Vec<T>, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    // Some tools write null for an empty list.
    fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<Self::Value, E> {
        Ok((Vec::new(), false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.0 {
            match list.next_element()? {
                Some(one) => kept.push(one),
                None => return Ok((kept, false)),
            }
        }
        let mut cut = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            cut = true;
        }
        Ok((kept, cut))
    }
}
