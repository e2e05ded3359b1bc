//! Linters' findings beside ours: those on changed lines of changed files, each once, and none that we have ourselves. Pure.

use std::collections::{BTreeSet, HashMap};

use eco_coder_analyzer::{Finding, LineSet, Options, RuleInfo};
use sha2::{Digest, Sha256};

use crate::backends::sarif::Linted;
use crate::results::CodeAnalysis;
use crate::subject::{Change, Subject};

/// Where containers of CI have the repository.
const ROOTS: [&str; 6] = ["github/workspace", "workspace", "app", "src", "code", "repo"];
/// The longest title made of a message, characters.
const MAX_TITLE: usize = 80;

/// An analysis that linters' findings are put into.
pub(super) struct Joining<'a> {
    analysis: &'a mut CodeAnalysis,
    subject: &'a Subject,
    operator: &'a Options,
    files: HashMap<&'a str, &'a Change>,
    seen: BTreeSet<(String, String, u32)>,
    same: HashMap<(String, String, String), u32>,
    /// Findings in files whose changed lines GitHub doesn't tell.
    unplaced: usize,
}

impl<'a> Joining<'a> {
    pub(super) fn new(analysis: &'a mut CodeAnalysis, subject: &'a Subject, operator: &'a Options) -> Self {
        let files = subject.files.iter().map(|file| (file.path.as_str(), &file.change)).collect();
        let (seen, same) = (BTreeSet::new(), HashMap::new());
        Self { analysis, subject, operator, files, seen, same, unplaced: 0 }
    }

    pub(super) fn notice(&mut self, notice: String) {
        self.analysis.notices.push(notice);
    }

    pub(super) fn add(&mut self, linted: Vec<Linted>, wanted: &impl Fn(&str) -> bool) {
        for one in linted {
            let Some(path) = self.changed_file(&one.path).filter(|path| wanted(path)).map(str::to_owned) else {
                continue;
            };
            match self.files.get(path.as_str()) {
                Some(Change::Lines(lines)) if on(lines, &one) => self.take(path, &one),
                Some(Change::Unknown) => self.unplaced += 1,
                _ => {}
            }
        }
    }

    pub(super) fn done(self) {
        if self.unplaced > 0 {
            self.analysis.notices.push(format!(
                "{} of linters' findings stand in files too large for GitHub to say which lines changed: they are left out",
                self.unplaced
            ));
        }
        self.analysis.total_recommendations = self.analysis.recommendations.len();
        let by_place = |f: &Finding| (f.file_path.clone(), f.start_line, f.rule_id.clone());
        self.analysis.recommendations.sort_by_cached_key(by_place);
    }

    /// The changed file that a linter calls so: from the repository's root, or absolute below a root that can only be its.
    fn changed_file(&self, path: &str) -> Option<&'a str> {
        let Some(path) = path.strip_prefix('/') else {
            return self.files.get_key_value(path).map(|(known, _)| *known);
        };
        let name = self.subject.target.repository.name();
        let is_root = |root: &str| {
            ROOTS.contains(&root) || root.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
        };
        // The longest path below such a root: `shop/shop/a.py` in `shop` is `shop/a.py` before it is `a.py`.
        path.match_indices('/').find_map(|(at, _)| {
            let known = self.files.get_key_value(&path[at + 1..])?;
            is_root(&path[..at]).then_some(*known.0)
        })
    }

    fn take(&mut self, path: String, one: &Linted) {
        let id = format!("{}/{}", one.tool.to_ascii_lowercase().replace(' ', "-"), one.rule);
        if self.has(&path, one) || !self.seen.insert((id.clone(), path.clone(), one.start_line)) {
            return;
        }
        let info = rule(&id, one);
        let options = self.subject.settings.options(&path, self.operator);
        if !options.wants(&info) {
            return;
        }
        let ordinal = self.same.entry((id.clone(), path.clone(), one.message.clone())).or_insert(0);
        let fingerprint = fingerprint(&id, &path, &one.message, *ordinal);
        *ordinal += 1;
        self.analysis.recommendations.push(Finding {
            file_path: path,
            start_line: one.start_line,
            end_line: one.end_line,
            severity: options.severity(&info),
            rule_id: id,
            aliases: info.aliases,
            title: info.title,
            category: info.category,
            confidence: info.confidence,
            description: info.description,
            recommendation: info.recommendation,
            link: info.link,
            evidence: None,
            fingerprint,
            fixable: false,
            fix: None,
        });
    }

    /// Do we say the same there, by another name?
    fn has(&self, path: &str, one: &Linted) -> bool {
        self.analysis.recommendations.iter().any(|finding| {
            let there =
                finding.file_path == path && finding.start_line <= one.end_line && one.start_line <= finding.end_line;
            let named = |name: &String| finding.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
            there && (named(&one.rule) || one.aliases.iter().any(named))
        })
    }
}

fn on(lines: &LineSet, one: &Linted) -> bool {
    // What spans a whole function is said of its first line, or it is new with any of its lines.
    lines.intersects(one.start_line..=one.start_line)
}

fn rule(id: &str, one: &Linted) -> RuleInfo {
    let title = if one.title.is_empty() { &one.message } else { &one.title };
    let description = if one.message.is_empty() { &one.title } else { &one.message };
    let mut short: String = title.trim_end_matches('.').chars().take(MAX_TITLE).collect();
    if short.chars().count() < title.trim_end_matches('.').chars().count() {
        short.push('\u{2026}');
    }
    RuleInfo {
        id: id.to_owned(),
        aliases: one.aliases.clone(),
        title: short,
        severity: one.severity,
        category: one.category,
        confidence: one.confidence,
        languages: Vec::new(),
        description: description.clone(),
        recommendation: if one.help == *description || one.help == one.title {
            String::new()
        } else {
            one.help.clone()
        },
        evidence: None,
        link: one.link.clone(),
        in_tests: true,
        fixable: false,
    }
}

/// Without line numbers, so that it stays the same finding when code moves.
fn fingerprint(id: &str, path: &str, message: &str, ordinal: u32) -> String {
    let mut hash = Sha256::new();
    for part in [id, path, message, &ordinal.to_string()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..8])
}
