//! `go test -bench`: lines such as `BenchmarkSort/n=10-8  1000  1234 ns/op  16 B/op  1 allocs/op`, one for each repetition
//! (`-count`), after a line `pkg: ...` for each package. A second `pkg:` line of a package begins another run of it:
//! another round. In `go test -json` the same lines come in pieces.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Found, printable};
use crate::benchmark::{Metric, Tool};

/// A result: the name without `Benchmark`, and its figures.
struct Line<'a> {
    name: &'a str,
    figures: Vec<(Metric, f64)>,
    part: usize,
    package: &'a str,
}

pub(super) fn read(bytes: &[u8], found: &mut Found) {
    let text = String::from_utf8_lossy(bytes);
    let (mut package, mut part) = ("", found.part);
    let mut packages = BTreeSet::new();
    let mut unknown: BTreeSet<&str> = BTreeSet::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(named) = line.strip_prefix("pkg: ") {
            package = named.trim();
            if !packages.insert(package) {
                packages = BTreeSet::from([package]);
                part += 1;
            }
        }
        lines.extend(result(line, package, part, &mut unknown));
    }
    // `-8` is GOMAXPROCS, the same on every line, and left out where it is 1; "n=10" isn't.
    let processors =
        lines.iter().map(|line| processors(line.name)).reduce(|a, b| if a == b { a } else { None }).flatten();
    for line in &lines {
        let short = processors.and_then(|p| line.name.strip_suffix(p)).unwrap_or(line.name);
        let name = if line.package.is_empty() { short.to_owned() } else { format!("{}.{short}", line.package) };
        found.part = line.part;
        for (metric, figure) in &line.figures {
            found.add(&name, *metric, Tool::Go, &[vec![*figure]]);
        }
    }
    found.part = part;
    if !unknown.is_empty() {
        let units: Vec<String> = unknown.into_iter().take(5).map(printable).collect();
        found.remark(
            "go test -bench",
            &format!("figures in {} are left out: nobody says if more is better", units.join(", ")),
        );
    }
}

fn processors(name: &str) -> Option<&str> {
    let digits = name.rsplit_once('-')?.1;
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| &name[name.len() - digits.len() - 1..])
}

fn result<'a>(line: &'a str, package: &'a str, part: usize, unknown: &mut BTreeSet<&'a str>) -> Option<Line<'a>> {
    let mut words = line.split_whitespace();
    let name = words.next()?.strip_prefix("Benchmark").filter(|name| !name.is_empty())?;
    words.next()?.parse::<u64>().ok()?;
    let mut figures = Vec::new();
    while let (Some(figure), Some(unit)) = (words.next(), words.next()) {
        let figure: f64 = figure.parse().ok()?;
        let metric = match unit {
            "ns/op" => Metric::Time,
            "B/op" => Metric::Memory,
            "allocs/op" => Metric::Allocations,
            "MB/s" => continue, // the time again, the other way round
            other => {
                if unknown.len() < 100 {
                    unknown.insert(other);
                }
                continue;
            }
        };
        figures.push((metric, figure));
    }
    Some(Line { name, figures, part, package })
}

/// The output of each package, from the messages of `go test -json`.
#[derive(Debug, Default)]
pub(super) struct Messages(BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(default)]
    package: String,
    #[serde(default)]
    output: String,
}

impl Messages {
    pub(super) fn message(&mut self, line: &[u8]) {
        if let Ok(message) = serde_json::from_slice::<Message>(line) {
            self.0.entry(message.package).or_default().push_str(&message.output);
        }
    }

    pub(super) fn into_text(self) -> Vec<String> {
        self.0.into_values().collect()
    }
}
