//! `.eco-coder.toml`: its form. Unknown keys are refused, with the line.

use std::collections::BTreeMap;

use eco_coder_analyzer::{Choice, Selector, Severity};
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use super::MAX_RULE_FILES;
use crate::backends::embedded::Exclude;

/// The most globs, and the most names of rules, in the whole file.
const MAX_ENTRIES: usize = 500;
/// The longest of them, bytes.
const MAX_ENTRY: usize = 256;

/// What the file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    exclude: Exclude,
    own: Vec<String>,
    everywhere: Choice,
    on_paths: Vec<(GlobSet, Choice)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    rules: WireRules,
    #[serde(default)]
    paths: Vec<WirePaths>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRules {
    #[serde(default)]
    own: Vec<String>,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    on: Vec<String>,
    #[serde(default)]
    off: Vec<String>,
    #[serde(default)]
    severity: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePaths {
    globs: Vec<String>,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    on: Vec<String>,
    #[serde(default)]
    off: Vec<String>,
    #[serde(default)]
    severity: BTreeMap<String, String>,
}

impl Said {
    /// Reads the text; the error is in words for its author.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wire: Wire = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.get(..at).unwrap_or_default().split('\n').count();
            format!("line {line}: {}", shown(error.message()))
        })?;
        let Wire { exclude, rules, paths } = wire;
        let entries = paths.iter().map(|p| p.globs.len() + p.only.len() + p.on.len() + p.off.len() + p.severity.len());
        let entries = entries.sum::<usize>() + exclude.len() + rules.only.len() + rules.on.len() + rules.off.len();
        if entries + rules.severity.len() > MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} globs and names of rules"));
        }
        if rules.own.len() > MAX_RULE_FILES {
            return Err(format!("rules.own names more than {MAX_RULE_FILES} files"));
        }
        let everywhere = choice(&rules.only, &rules.on, &rules.off, &rules.severity)?;
        let mut on_paths = Vec::new();
        for part in &paths {
            let choice = choice(&part.only, &part.on, &part.off, &part.severity)?;
            on_paths.push((globs(&part.globs)?, choice));
        }
        globs(&exclude)?;
        let exclude = Exclude::new(&exclude).map_err(|error| shown(&error.to_string()))?;
        Ok(Self { exclude, own: rules.own, everywhere, on_paths })
    }

    pub(super) fn exclude(&self) -> &Exclude {
        &self.exclude
    }

    pub(super) fn own_files(&self) -> &[String] {
        &self.own
    }

    /// Those that are about this path, the more general ones first.
    pub(super) fn choices(&self, path: &str) -> impl Iterator<Item = &Choice> {
        let here = self.on_paths.iter().filter(move |(globs, _)| globs.is_match(path)).map(|(_, choice)| choice);
        std::iter::once(&self.everywhere).chain(here)
    }

    pub(super) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let choices = std::iter::once(&self.everywhere).chain(self.on_paths.iter().map(|(_, choice)| choice));
        choices.flat_map(Choice::selectors)
    }
}

fn choice(
    only: &[String],
    on: &[String],
    off: &[String],
    severity: &BTreeMap<String, String>,
) -> Result<Choice, String> {
    let selectors = |texts: &[String]| texts.iter().map(|text| selector(text)).collect::<Result<Vec<_>, _>>();
    let severities = severity.iter().map(|(name, severity)| {
        let known: Severity = severity.parse().map_err(|e| format!("{}: {e}", shown(severity)))?;
        Ok::<_, String>((selector(name)?, known))
    });
    Ok(Choice {
        only: selectors(only)?,
        on: selectors(on)?,
        off: selectors(off)?,
        severities: severities.collect::<Result<_, _>>()?,
    })
}

fn selector(text: &str) -> Result<Selector, String> {
    text.parse().map_err(|e| format!("{}: {e}", shown(text)))
}

fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if pattern.len() > MAX_ENTRY {
            return Err(format!("a glob is over {MAX_ENTRY} bytes long"));
        }
        set.add(Glob::new(pattern).map_err(|error| shown(&error.to_string()))?);
    }
    set.build().map_err(|error| shown(&error.to_string()))
}

/// Somebody else's words in a message of ours.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(160).collect();
    short.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}
