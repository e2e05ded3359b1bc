//! Words without which a rule can't match in a text, read off the rule when the library is built: a file that lacks
//! them needs no look. Says nothing where it can't be sure. Knows nothing of files and of who asks.

use std::cmp::Reverse;

use regex_syntax::hir::Look;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::literals::of_regex;

/// The shortest word that tells files apart.
pub(crate) const SHORTEST: usize = 2;
/// The most alternatives that are looked for.
pub(crate) const MOST: usize = 64;
/// The most clauses of a rule: those that wake fewest.
const MOST_CLAUSES: usize = 3;

/// A text that must be there, in lower case: it is looked for in any case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Whether it is a token: no letter, and no digit behind it, goes on.
    pub(crate) whole: bool,
    /// The tokens that follow, with blanks and comments alone between them. `NAME` is any name, `NUMBER` digits,
    /// `STRING` the beginning of a string, and `a|b` one of the two, `..` a piece of text that
    /// is not long, and `>>` comes before what begins a statement of the block that follows.
    pub(crate) then: Vec<String>,
    /// Whether it counts in code alone, not in a comment or a string.
    pub(crate) code: bool,
}

/// One of these must be there.
pub(crate) type Clause = Vec<Word>;

/// A rule's document, as far as it says what must be there.
#[derive(Deserialize)]
pub(crate) struct Document {
    rule: Shape,
    /// Rows of tokens, one of each list of which must be there, where the matcher doesn't tell them.
    #[serde(default)]
    needs: Vec<Vec<String>>,
}

/// A matcher of the engine's: all of its members hold of a match.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Shape {
    pattern: Option<Pattern>,
    kind: Option<String>,
    regex: Option<String>,
    has: Option<Box<Shape>>,
    inside: Option<Box<Shape>>,
    precedes: Option<Box<Shape>>,
    follows: Option<Box<Shape>>,
    all: Vec<Shape>,
    any: Vec<Shape>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Pattern {
    Text(String),
    /// With a context: not read.
    Other(IgnoredAny),
}

impl Document {
    /// What every text that the rule matches in has: a word of each clause. None: nothing is known.
    pub(crate) fn clauses(&self) -> Vec<Clause> {
        let mut clauses = self.rule.clauses();
        clauses.sort();
        clauses.dedup();
        clauses.sort_by_key(|clause| Reverse(rarity(clause)));
        clauses.truncate(MOST_CLAUSES);
        clauses.extend(self.needs.iter().map(|rows| rows.iter().filter_map(|row| of_row(row)).collect()));
        clauses
    }

    /// An expression that such a text matches as well, where words say little: the rule's own, of a piece of the text.
    pub(crate) fn glance(&self) -> Option<String> {
        let regex = self.rule.regex.as_ref()?;
        let hir = regex_syntax::parse(regex).ok()?;
        // What is bound to the ends of the piece says nothing of the whole.
        let free = hir.properties().look_set().iter().all(|look| matches!(look, Look::WordUnicode));
        let weak = of_regex(regex).iter().flatten().all(|word| word.text.len() <= SHORTEST);
        (free && weak && hir.properties().minimum_len() > Some(SHORTEST)).then(|| regex.clone())
    }
}

impl Shape {
    fn clauses(&self) -> Vec<Clause> {
        let mut known: Vec<Clause> = Vec::new();
        if let Some(Pattern::Text(pattern)) = &self.pattern {
            known.extend(of_pattern(pattern));
        }
        known.extend(self.kind.as_deref().and_then(of_kind).map(|word| vec![token(word)]));
        known.extend(self.regex.iter().flat_map(|regex| of_regex(regex)));
        for relative in [&self.has, &self.inside, &self.precedes, &self.follows].into_iter().flatten() {
            known.extend(relative.clauses());
        }
        known.extend(self.all.iter().flat_map(Self::clauses));
        known.extend(one_of_each(self.any.iter().map(Self::clauses).collect()));
        known
    }
}

/// How few files a clause wakes: the longer its shortest word, the fewer; so do fewer words.
fn rarity(clause: &Clause) -> (usize, Reverse<usize>) {
    let weight = |word: &Word| word.text.len() + 2 * word.then.len();
    (clause.iter().map(weight).min().unwrap_or_default(), Reverse(clause.len()))
}

/// The clause that wakes fewest.
pub(crate) fn best(clauses: Vec<Clause>) -> Option<Clause> {
    clauses.into_iter().max_by_key(rarity)
}

/// What holds if all clauses of one of several lists do: a clause of each, in every combination while these are few.
fn one_of_each(lists: Vec<Vec<Clause>>) -> Vec<Clause> {
    if lists.is_empty() || lists.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let combinations = lists.iter().try_fold(1_usize, |so_far, list| so_far.checked_mul(list.len()));
    if combinations.is_none_or(|count| count > MOST) {
        return either(lists.into_iter().map(best)).into_iter().collect();
    }
    let mut all: Vec<Clause> = vec![Vec::new()];
    for list in &lists {
        all = all.iter().flat_map(|so_far| list.iter().map(move |clause| [&so_far[..], clause].concat())).collect();
    }
    all.into_iter().filter_map(|clause| either(std::iter::once(Some(clause)))).collect()
}

/// What holds if one of several holds; nothing is known if nothing is known of one.
pub(crate) fn either(clauses: impl Iterator<Item = Option<Clause>>) -> Option<Clause> {
    let mut all = clauses.collect::<Option<Vec<_>>>()?.concat();
    all.sort();
    all.dedup();
    (1..=MOST).contains(&all.len()).then_some(all)
}

fn token(text: &str) -> Word {
    Word { text: text.to_ascii_lowercase(), whole: true, then: Vec::new(), code: true }
}

/// A row of tokens with blanks between them, as `needs` has it; `*word` is the end of a name.
fn of_row(row: &str) -> Option<Word> {
    let mut tokens = row.split_whitespace();
    let first = tokens.next()?;
    let text = first.strip_prefix('*').unwrap_or(first).to_ascii_lowercase();
    Some(Word { text, whole: is_name(first), then: tokens.map(str::to_owned).collect(), code: true })
}

/// The names and key words in a pattern that stand for themselves, each with what must follow it.
fn of_pattern(pattern: &str) -> Vec<Clause> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    let code = !pattern.contains(['\'', '"', '`']);
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if is_name(word) && word.len() >= SHORTEST {
            // `for await (` is a match of `for (`.
            let then = if word == "for" { Vec::new() } else { call_behind(behind) };
            found.push(vec![Word { then, code, ..token(word) }]);
        }
        rest = behind;
    }
    found
}

/// The rest of a dotted name and the bracket that opens a call's arguments, if that is what comes next: nothing that a match
/// could leave out or have besides stands between these.
fn call_behind(mut pattern: &str) -> Vec<String> {
    let mut then = Vec::new();
    while let Some(behind) = pattern.strip_prefix('.') {
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
        let (name, behind) = behind.split_at(end);
        if !is_name(name) {
            return then;
        }
        then.extend([".".to_owned(), name.to_ascii_lowercase()]);
        pattern = behind;
    }
    if pattern.starts_with('(') {
        then.push("(".to_owned());
    }
    then
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The key word of a kind of node, the same in every grammar that has the kind.
pub(crate) fn of_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "assert_statement" => "assert",
        "await" | "await_expression" => "await",
        "break_statement" => "break",
        "catch_clause" => "catch",
        "continue_statement" => "continue",
        "defer_statement" => "defer",
        "except_clause" => "except",
        "finally_clause" => "finally",
        "for_statement"
        | "for_in_statement"
        | "for_in_clause"
        | "enhanced_for_statement"
        | "for_expression"
        | "list_comprehension"
        | "set_comprehension"
        | "dictionary_comprehension"
        | "generator_expression" => "for",
        "foreach_statement" => "foreach",
        "lambda" => "lambda",
        "lock_statement" => "lock",
        "loop_expression" => "loop",
        "object_creation_expression" | "new_expression" => "new",
        "return_statement" => "return",
        "synchronized_statement" => "synchronized",
        "throw_statement" => "throw",
        "while_statement" | "while_expression" | "do_statement" => "while",
        "with_statement" | "with_item" => "with",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clauses(yaml: &str) -> Vec<Vec<String>> {
        let rule: Shape = ast_grep_config::from_str(yaml).unwrap();
        let marked = |word: Word| {
            let text = if word.whole { format!("<{}>", word.text) } else { word.text };
            [vec![text], word.then].concat().join(" ")
        };
        Document { rule, needs: Vec::new() }
            .clauses()
            .into_iter()
            .map(|clause| clause.into_iter().map(marked).collect())
            .collect()
    }

    #[test]
    fn words_are_read_where_one_of_them_must_be_there() {
        for (yaml, expected) in [
            ("pattern: cursor.execute($SQL, $$$REST)", &[&["<cursor> . execute ("][..], &["<execute> ("]][..]),
            ("pattern: for ($X of f().$NAME()) g($X)", &[&["<for>"], &["<of>"]]),
            ("pattern: $X is not $Y", &[&["<not>"], &["<is>"]]),
            ("regex: '^(inner|outer)HTML$'", &[&["innerhtml", "outerhtml"]]),
            (r"regex: '^\w+\.fetchall$'", &[&[".fetchall"]]),
            (
                r"regex: '(?i)^(\w+\.)*_?(cur|conn)\.(execute|scalar)$'",
                &[&[
                    "_conn.execute",
                    "_conn.scalar",
                    "_cur.execute",
                    "_cur.scalar",
                    "conn.execute",
                    "conn.scalar",
                    "cur.execute",
                    "cur.scalar",
                ]],
            ),
            (r"regex: '^session(_\w+)?\.get\('", &[&["session"], &[".get("]]),
            (
                "any: [{pattern: a.bcd()}, {pattern: ef.gh()}, {pattern: ij()}]",
                &[&["<bcd> (", "<ef> . gh (", "<ij> ("], &["<bcd> (", "<gh> (", "<ij> ("]],
            ),
            (r"regex: '(ab)+c*d{2}ef'", &[&["ab"], &["ef"]]),
            ("kind: call\nhas: {field: function, regex: '^re\\.compile$'}", &[&["re.compile"]]),
            ("any: [{pattern: eval($X)}, {pattern: exec($X)}]", &[&["<eval> (", "<exec> ("]]),
            (
                "all: [{kind: assert_statement}, {has: {pattern: GC.Collect()}}]",
                &[&["<collect> ("], &["<gc> . collect ("], &["<assert>"]],
            ),
            // Of these nothing is sure.
            ("any: [{pattern: eval($X)}, {kind: call}]", &[]),
            ("kind: call\nnot: {pattern: eval($X)}", &[]),
            ("regex: '^[^=]*='", &[]),
            ("regex: 'a b; c'", &[]),
            ("regex: '(abc)?'", &[]),
            ("matches: loop", &[]),
            ("pattern: {context: 'class A { $X }', selector: method}", &[]),
        ] {
            assert_eq!(clauses(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn an_expression_bound_to_no_end_is_a_glance_where_words_say_little() {
        let glance = |regex: &str| {
            Document { rule: Shape { regex: Some(regex.to_owned()), ..Shape::default() }, needs: Vec::new() }.glance()
        };
        assert!(glance(r"\bis\s+[\d.]").is_some());
        for bound in [r"^is\s+\d", r"is\s+\d$", "is", r"\bassert\s*\("] {
            assert!(glance(bound).is_none(), "{bound}");
        }
    }
}
