//! Which of a language's rules can match in a text, told from the words in it: one search for all words of all rules.
//! Where a rule's words come from is `words.rs`.

use aho_corasick::AhoCorasick;

/// Letters that an expression in any case takes for `s` and `k`: with one of them in the text, every rule is awake.
const ODD: [&str; 2] = ["\u{17f}", "\u{212a}"];

/// A word, in lower case, and whether it is a token of its own.
pub(super) type Word = (&'static str, bool);

/// The words of a language's rules.
pub(super) struct Prefilter {
    words: Option<AhoCorasick>,
    /// Of each word: whether it is a token, and the clauses that it satisfies.
    satisfies: Vec<(bool, Vec<usize>)>,
    /// Of each rule, the clauses that a text must satisfy.
    needs: Vec<Vec<usize>>,
    clauses: usize,
}

impl Prefilter {
    /// Of rules in order, each with its clauses.
    pub(super) fn new(rules: impl Iterator<Item = &'static [&'static [Word]]>) -> Self {
        let mut clauses: Vec<&'static [Word]> = Vec::new();
        let mut needs = Vec::new();
        for rule in rules {
            let mut its = Vec::with_capacity(rule.len());
            for clause in rule {
                its.push(clauses.iter().position(|known| known == clause).unwrap_or_else(|| {
                    clauses.push(clause);
                    clauses.len() - 1
                }));
            }
            needs.push(its);
        }
        let mut pairs: Vec<(Word, usize)> = Vec::new();
        for (index, clause) in clauses.iter().enumerate() {
            pairs.extend(clause.iter().map(|&word| (word, index)));
        }
        pairs.sort_unstable();
        let mut words: Vec<&'static str> = Vec::new();
        let mut satisfies: Vec<(bool, Vec<usize>)> = Vec::new();
        for (word, clause) in pairs {
            match satisfies.last_mut() {
                Some((whole, its)) if words.last() == Some(&word.0) && *whole == word.1 => its.push(clause),
                _ => {
                    words.push(word.0);
                    satisfies.push((word.1, vec![clause]));
                }
            }
        }
        words.extend(ODD);
        // One that can't be built wakes everybody.
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok();
        Self { words, satisfies, needs, clauses: clauses.len() }
    }

    /// By the rule's place: can it match here?
    pub(super) fn awake(&self, text: &str) -> Vec<bool> {
        let everybody = || vec![true; self.needs.len()];
        let Some(words) = &self.words else { return everybody() };
        let mut satisfied = vec![false; self.clauses];
        let mut seen = vec![false; self.satisfies.len()];
        for found in words.find_overlapping_iter(text) {
            let word = found.pattern().as_usize();
            let Some((whole, clauses)) = self.satisfies.get(word) else { return everybody() };
            if seen[word] || (*whole && !is_token(text.as_bytes(), found.start(), found.end())) {
                continue;
            }
            seen[word] = true;
            for &clause in clauses {
                satisfied[clause] = true;
            }
        }
        self.needs.iter().map(|clauses| clauses.iter().all(|&clause| satisfied[clause])).collect()
    }
}

/// Whether a word ends where it ends, and no letter stands before it. A digit may: `1if x` is two tokens in Python.
fn is_token(text: &[u8], start: usize, end: usize) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let before = start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|&byte| letter(byte));
    let behind = text.get(end).is_some_and(|&byte| letter(byte) || byte.is_ascii_digit());
    !before && !behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_sleeps_where_a_clause_has_none_of_its_words() {
        let rules: [&'static [&'static [Word]]; 4] = [
            &[&[("eval", true), ("exec", true)]],
            &[],
            &[&[("execute", false)], &[("for", true), ("while", true)]],
            &[&[("exec", false)]],
        ];
        let filter = Prefilter::new(rules.into_iter());
        for (text, awake) in [
            ("x = 1", [false, true, false, false]),
            ("exec(x)", [true, true, false, true]),
            ("EXEC(x)", [true, true, false, true]),
            ("c.execute(x)", [false, true, false, true]),
            ("before.execute(x)", [false, true, false, true]),
            ("for x in y: c.execute(x)", [false, true, true, true]),
            ("1while execute", [false, true, true, true]),
            ("éexecé", [true, true, false, true]),
            ("x = 'ſ'", [true; 4]),
        ] {
            assert_eq!(filter.awake(text), awake, "{text}");
        }
    }
}
