//! One file, end to end: refuse what is too much, see which rules the words of the text wake, parse, walk the tree once
//! for the nodes that these can match, keep what lies on the wanted lines. A file that wakes no rule isn't parsed. Never fails on hostile text; never reads or writes anything.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::choice::Options;
use crate::cost;
use crate::file::{FileAnalysis, Limits, Skipped};
use crate::finding::{Finding, Severity, fingerprint};
use crate::fix::{self, Source};
use crate::language::Language;
use crate::lines::LineSet;
use crate::open::nests_more_than;
use crate::own::MAX_OWN_SOURCE;
use crate::parse::{Deadline, parse};
use crate::rule::{Awake, Rule};
use crate::skip::{is_test_path, skip_path, skip_text};
use crate::suppress::Suppressions;
use crate::tree::{Node, RawNode, Tree, field_id, function_name, in_rust_test, is_crowded, mostly_errors, survey};

/// Stack that a thread needs to call [`analyze`] under the default [`Limits`]: matching recurses as deep as the code
/// is nested. Spawn with `std::thread::Builder::stack_size(STACK_BYTES)`; untouched pages cost nothing.
pub const STACK_BYTES: usize = 16 << 20;

/// Raw matches held before they are told apart: a bound on memory, far beyond any real file.
const MAX_MATCHES: usize = 20_000;

/// How many nodes deeper a bracket makes a tree, at most in everyday code: whether a text that wakes no rule must be parsed
/// to say that it is nested too deep.
const NODES_PER_BRACKET: usize = 5;

/// How many nodes are shown to their rules between two looks at the clock.
const NODES_PER_CLOCK: usize = 16;

/// Finds what there is to mend in one file.
///
/// `path` is relative to the repository's root, with `/`; it decides the language and enters fingerprints. Findings
/// are kept if their lines meet `changed`; `None` keeps all. Call it on a thread with [`STACK_BYTES`] of stack.
pub fn analyze(
    path: &str,
    text: &str,
    changed: Option<&LineSet>,
    options: &Options,
    limits: &Limits,
) -> Result<FileAnalysis, Skipped> {
    analyze_and(path, text, changed, options, limits, None)
}

/// A look at the tree once the findings are there.
pub(crate) type Look<'l> = &'l mut dyn FnMut(Language, &Tree, &Deadline);

/// [`analyze`], with another look at the tree. A file without changed lines has no tree; without a look, nor has one that
/// wakes no rule.
pub(crate) fn analyze_and(
    path: &str,
    text: &str,
    changed: Option<&LineSet>,
    options: &Options,
    limits: &Limits,
    look: Option<Look<'_>>,
) -> Result<FileAnalysis, Skipped> {
    if let Some(skipped) = skip_path(path) {
        return Err(skipped);
    }
    let language = Language::of_path(path).ok_or(Skipped::UnsupportedLanguage)?;
    if let Some(skipped) = skip_text(language, text, limits) {
        return Err(skipped);
    }
    if text.is_empty() || changed.is_some_and(LineSet::is_empty) {
        return Ok(FileAnalysis::default());
    }
    let scope = Scope { path, language, options, in_tests: is_test_path(path) };
    let unasked = scope.own_rules_asleep(text.len());
    let awake = cost::of("step words", || scope.awake(text));
    if awake.is_empty() && look.is_none() && !nests_more_than(text, limits.max_depth / NODES_PER_BRACKET) {
        return Ok(FileAnalysis { partial: unasked, ..FileAnalysis::default() });
    }
    let deadline = Deadline::after(limits.time);
    let tree = parse(language, text, &deadline)?;
    let Some(nodes) = cost::of("step walk", || survey(&tree, limits.max_depth, |kind| awake.want(kind))) else {
        return Err(Skipped::TooDeep { limit: u32::try_from(limits.max_depth).unwrap_or(u32::MAX) });
    };
    let (hits, partial) = cost::of("step match", || matches(&tree, nodes, &awake, &scope, &deadline));
    let partial = partial.or_else(|| mostly_errors(&tree).then(|| format!("does not parse as {language}"))).or(unasked);
    let Some(suppressions) = Suppressions::read(text, &tree, &deadline) else {
        let partial = Some("out of time: the comments that mute findings were not read".to_owned());
        return Ok(FileAnalysis { partial, ..FileAnalysis::default() });
    };
    let mut analysis = select(&hits, text, &suppressions, &scope, changed, limits, partial);
    let source = Source { text, tree: &tree, scope: &scope, deadline: &deadline, limits };
    analysis.refused_fixes = fix::attach(&mut analysis.findings, &hits, &source, changed);
    if let Some(look) = look {
        look(language, &tree, &deadline);
    }
    Ok(analysis)
}

/// What decides which rules speak.
pub(crate) struct Scope<'a> {
    path: &'a str,
    pub(crate) language: Language,
    options: &'a Options,
    in_tests: bool,
}

impl<'a> Scope<'a> {
    /// The rules that can match in a text, ours and the repository's own.
    pub(crate) fn awake(&self, text: &str) -> Awake<'a> {
        Awake::of(self.language, text, self.options, self.in_tests)
    }

    fn own_rules_asleep(&self, bytes: usize) -> Option<String> {
        let has_own = self.options.own_rules.as_ref().is_some_and(|own| !own.of(self.language).is_empty());
        let why = || format!("over {} kB: the repository's own rules were not asked", MAX_OWN_SOURCE >> 10);
        (has_own && bytes > MAX_OWN_SOURCE).then(why)
    }

    pub(crate) fn severity(&self, rule: &Rule) -> Severity {
        self.options.severity(&rule.info)
    }

    /// Whether a rule that is awake speaks of exactly this node.
    pub(crate) fn speaks(&self, rule: &Rule, node: &Node<'_>) -> bool {
        rule.matches(node)
            && !node.get_inner_node().has_error()
            && (self.language != Language::Rust || rule.info.in_tests || !in_rust_test(node))
    }
}

/// A rule and a place where it matched.
pub(crate) struct Hit<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) bytes: Range<usize>,
    pub(crate) lines: (u32, u32),
    function: String,
}

/// Shows each node to the rules that can match its kind.
///
/// The engine has a combined scan of its own; it isn't used because it obeys `ast-grep-ignore` comments, which would
/// be a way past us without a reason, and because it can't be stopped.
fn matches<'a>(
    tree: &Tree,
    nodes: Vec<RawNode<'_>>,
    awake: &Awake<'a>,
    scope: &Scope<'_>,
    deadline: &Deadline,
) -> (Vec<Hit<'a>>, Option<String>) {
    let arguments = field_id(scope.language, "arguments");
    let mut hits: Vec<Hit<'a>> = Vec::new();
    for (count, raw) in nodes.into_iter().enumerate() {
        let line = raw.start_position().row + 1;
        if count % NODES_PER_CLOCK == 0 && deadline.has_passed() {
            return (hits, Some(format!("out of time: lines after {line} were not looked at")));
        }
        if is_crowded(&raw, arguments) {
            continue;
        }
        let node = tree.adopt(raw);
        for rule in awake.for_kind(raw.kind_id()) {
            if !scope.speaks(rule, &node) {
                continue;
            }
            if hits.len() >= MAX_MATCHES {
                return (hits, Some(format!("too many matches: lines after {line} were not looked at")));
            }
            hits.push(Hit { rule, bytes: node.range(), lines: line_range(&node), function: function_name(&node) });
        }
    }
    (hits, None)
}

/// First and last line of a node, from 1. A node that ends with a line break ends on the line it breaks.
fn line_range(node: &Node<'_>) -> (u32, u32) {
    let (start, _) = node.start_pos().byte_point();
    let (end, column) = node.end_pos().byte_point();
    let end = if column == 0 && end > start { end - 1 } else { end };
    let number = |row: usize| u32::try_from(row).unwrap_or(u32::MAX - 1) + 1;
    (number(start), number(end))
}

/// From matches to findings: one per rule and place, with a fingerprint, on the wanted lines, not muted, not too many.
fn select(
    hits: &[Hit<'_>],
    text: &str,
    suppressions: &Suppressions,
    scope: &Scope<'_>,
    changed: Option<&LineSet>,
    limits: &Limits,
    partial: Option<String>,
) -> FileAnalysis {
    let mut analysis = FileAnalysis { partial, ..FileAnalysis::default() };
    let mut seen: BTreeSet<(&str, u32)> = BTreeSet::new();
    let mut outermost: HashMap<&str, usize> = HashMap::new();
    let mut ordinals: HashMap<(&str, &str, String), u32> = HashMap::new();
    // The walk is in document order, parents first: what lies within the last match of its rule is nested in it.
    for hit in hits {
        let info = &hit.rule.info;
        let end = outermost.entry(&info.id).or_insert(0);
        if hit.bytes.start < *end {
            continue;
        }
        *end = hit.bytes.end;
        if !seen.insert((&info.id, hit.lines.0)) {
            continue;
        }
        let matched = &text[hit.bytes.clone()];
        let words = matched.split_whitespace().collect::<String>();
        let ordinal = ordinals.entry((&info.id, &hit.function, words)).or_insert(0);
        let this = *ordinal;
        *ordinal += 1;
        let lines = hit.lines.0..=hit.lines.1;
        if changed.is_some_and(|set| !set.intersects(lines.clone())) {
            continue;
        }
        if suppressions.mute(lines, info.names()) {
            analysis.suppressed += 1;
            continue;
        }
        if analysis.findings.len() >= limits.max_findings_per_file {
            analysis.partial.get_or_insert_with(|| format!("more than {} findings", limits.max_findings_per_file));
            break;
        }
        analysis.findings.push(Finding {
            file_path: scope.path.to_owned(),
            start_line: hit.lines.0,
            end_line: hit.lines.1,
            rule_id: info.id.clone(),
            aliases: info.aliases.clone(),
            title: info.title.clone(),
            severity: scope.severity(hit.rule),
            category: info.category,
            confidence: info.confidence,
            description: info.description.clone(),
            recommendation: info.recommendation.clone(),
            link: info.link.clone(),
            evidence: info.evidence.clone(),
            fingerprint: fingerprint(&info.id, scope.path, &hit.function, matched, this),
            fixable: false,
            fix: None,
        });
    }
    analysis.findings.sort_by(|a, b| (a.start_line, &a.rule_id).cmp(&(b.start_line, &b.rule_id)));
    analysis
}

#[cfg(test)]
mod tests;
