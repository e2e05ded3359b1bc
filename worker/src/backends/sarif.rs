//! SARIF 2.1.0 as linters write it: bytes in, what they found out. Pure. What a file says is untrusted text; what it doesn't need
//! to say is not read. Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod wire;

use eco_coder_analyzer::{Category, Confidence, Severity};
use wire::{Descriptor, Log, Results, Run};

/// The longest file, bytes. GitHub takes 10 MB, compressed.
pub const MAX_BYTES: usize = 32 << 20;
/// The most results that are read of one file: as many as GitHub takes of a run.
pub const MAX_RESULTS: usize = 25_000;
/// The longest message, characters.
const MAX_TEXT: usize = 600;
/// The longest name of a tool or a rule, characters.
const MAX_NAME: usize = 100;
/// The longest path, bytes.
const MAX_PATH: usize = 4_096;

/// What a linter says of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    /// The linter's name.
    pub tool: String,
    /// Its rule's id.
    pub rule: String,
    /// The rule in a few words; empty if it has none.
    pub title: String,
    /// What it says of the place.
    pub message: String,
    /// What to do, if the rule says so.
    pub help: String,
    /// Where the rule is explained.
    pub link: Option<String>,
    /// As the linter weighs it.
    pub severity: Severity,
    /// About what.
    pub category: Category,
    /// As the rule weighs itself.
    pub confidence: Confidence,
    /// Weaknesses that the rule is tagged with: `CWE-89`.
    pub aliases: Vec<String>,
    /// The file, decoded: from the repository's root, or absolute, with a slash before it, as the linter's machine knows it.
    pub path: String,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
}

/// Why a file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SarifError {
    /// Too long.
    #[error("it is over {} MB long: export fewer rules or folders", MAX_BYTES >> 20)]
    TooLarge,
    /// Not JSON of this form.
    #[error("it is not a SARIF log (line {line}): export it again with the linter's SARIF format")]
    NotSarif {
        /// Where reading ended.
        line: usize,
    },
    /// Another version.
    #[error("it is not SARIF 2.1.0: choose that version in the linter's settings")]
    Version,
}

/// What the log says, as far as it names a place in a file. `true`: there was more than [`MAX_RESULTS`].
pub fn read(bytes: &[u8]) -> Result<(Vec<Linted>, bool), SarifError> {
    if bytes.len() > MAX_BYTES {
        return Err(SarifError::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let log: Log = serde_json::from_slice(bytes).map_err(|error| SarifError::NotSarif { line: error.line() })?;
    if log.version != "2.1.0" {
        return Err(SarifError::Version);
    }
    let mut found = Vec::new();
    let mut more = false;
    for run in &log.runs {
        let Results { kept, cut } = &run.results;
        more |= *cut;
        let room = MAX_RESULTS.saturating_sub(found.len());
        more |= kept.len() > room;
        found.extend(kept.iter().take(room).filter_map(|result| linted(run, result)));
    }
    Ok((found, more))
}

fn linted(run: &Run, result: &wire::Result) -> Option<Linted> {
    if !result.is_open() {
        return None;
    }
    let place = result.locations.first()?.physical.as_ref()?;
    let artifact = place.artifact.as_ref()?;
    let uri = artifact.uri.as_deref().or_else(|| {
        let at = usize::try_from(artifact.index?).ok()?;
        run.artifacts.get(at)?.location.as_ref()?.uri.as_deref()
    })?;
    let path = path_of(uri)?;
    let region = place.region.as_ref()?;
    let start_line = region.start.filter(|line| *line > 0)?;
    let end_line = region.end.unwrap_or(start_line).max(start_line);
    let descriptor = descriptor(run, result);
    let rule = result.rule_id(descriptor).map(|id| words(id, MAX_NAME)).filter(|id| !id.is_empty())?;
    let told = |text: Option<&str>| text.map(|text| words(text, MAX_TEXT)).unwrap_or_default();
    let message = told(result.message.text(descriptor));
    // A title that repeats the id, or is a form to be filled in, says less than the message.
    let title = descriptor.and_then(Descriptor::title).filter(|title| !title.contains(&rule) && !title.contains('{'));
    let title = told(title);
    if message.is_empty() && title.is_empty() {
        return None;
    }
    let tags = descriptor.map(Descriptor::tags).unwrap_or_default();
    let is_security = tags.iter().any(|tag| tag.eq_ignore_ascii_case("security"));
    let score = descriptor.and_then(Descriptor::security_severity);
    Some(Linted {
        tool: words(&run.tool.driver.name, MAX_NAME),
        rule,
        title,
        message,
        help: told(descriptor.and_then(Descriptor::help)),
        link: descriptor.and_then(Descriptor::link).map(str::to_owned),
        severity: severity(score, is_security, result.level(descriptor)),
        category: if is_security || score.is_some() { Category::Security } else { category(&tags) },
        confidence: descriptor.map_or(Confidence::Medium, Descriptor::confidence),
        aliases: weaknesses(&tags),
        path,
        start_line,
        end_line,
    })
}

/// The rule's description: by the index that the result gives, or by its id.
fn descriptor<'a>(run: &'a Run, result: &wire::Result) -> Option<&'a Descriptor> {
    let reference = result.rule.as_ref();
    let component = match reference.and_then(|rule| rule.component.as_ref()).and_then(|component| component.index) {
        Some(at) => run.tool.extensions.get(usize::try_from(at).ok()?)?,
        None => &run.tool.driver,
    };
    let index = result.rule_index.or(reference.and_then(|rule| rule.index)).and_then(|at| usize::try_from(at).ok());
    let by_index = index.and_then(|at| component.rules.get(at));
    let id = result.rule_id.as_deref().or(reference.and_then(|rule| rule.id.as_deref()));
    by_index.or_else(|| {
        // `CA1000/1` is a part of `CA1000`.
        let is = |rule: &&Descriptor| id.is_some_and(|id| id == rule.id || id.split('/').next() == Some(&rule.id));
        component.rules.iter().find(is)
    })
}

/// GitHub's bands for a score of 0 to 10; without one, the level. Linters call errors what breaks nothing and what their own job
/// in CI refuses already: a remark, unless it is about security.
fn severity(score: Option<f64>, is_security: bool, level: &str) -> Severity {
    match (score, level) {
        (Some(score), _) if score >= 9.0 => Severity::Critical,
        (Some(score), _) if score >= 7.0 => Severity::High,
        (Some(score), _) if score >= 4.0 => Severity::Medium,
        (None, "error") if is_security => Severity::Medium,
        (Some(_), _) | (None, "error" | "warning") => Severity::Low,
        (None, _) => Severity::Info,
    }
}

fn category(tags: &[&str]) -> Category {
    let has = |name: &str| tags.iter().any(|tag| tag.eq_ignore_ascii_case(name));
    if has("performance") || has("perf") { Category::Performance } else { Category::CodeQuality }
}

/// `external/cwe/cwe-089`, `CWE-89: SQL injection`: `CWE-89`.
fn weaknesses(tags: &[&str]) -> Vec<String> {
    let number = |tag: &str| {
        let lower = tag.to_ascii_lowercase();
        let digits = lower.split("cwe-").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok().map(|number| format!("CWE-{number}"))
    };
    tags.iter().filter_map(|tag| number(tag)).take(5).collect()
}

/// A path of a URI reference: without its scheme, decoded; `None` if it is none that git could have.
fn path_of(uri: &str) -> Option<String> {
    if uri.len() > MAX_PATH {
        return None;
    }
    let path = uri.strip_prefix("file://").map_or(uri, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
    if path.contains("://") {
        return None;
    }
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let is_path = !parts.is_empty() && !parts.contains(&"..") && !path.chars().any(char::is_control);
    let is_drive = parts.first().is_some_and(|first| first.len() == 2 && first.ends_with(':'));
    let root = if path.starts_with('/') || is_drive { "/" } else { "" };
    is_path.then(|| format!("{root}{}", parts.join("/")))
}

/// On one line, and not too long.
fn words(text: &str, most: usize) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = flat.chars().filter(|c| !c.is_control()).collect();
    if clean.chars().count() <= most {
        return clean;
    }
    let cut: String = clean.chars().take(most - 1).collect();
    format!("{cut}\u{2026}")
}

#[cfg(test)]
mod tests;
