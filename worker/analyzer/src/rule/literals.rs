//! What a text must have for a regular expression to match in it. Says nothing where it can't be sure.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::words::{Clause, MOST, SHORTEST, Word, best, either};

/// What every text that an expression matches has in it.
pub(crate) fn of_regex(regex: &str) -> Vec<Clause> {
    let Ok(hir) = regex_syntax::parse(regex) else { return Vec::new() };
    let mut found = Literals::of(&hir);
    found.flush();
    found.clauses
}

/// What is known of an expression's matches: each is one of `whole`, if that is known, or has a word of each clause.
struct Literals {
    whole: Option<Vec<String>>,
    clauses: Vec<Clause>,
}

impl Literals {
    fn whole(texts: Vec<String>) -> Self {
        Self { whole: Some(texts), clauses: Vec::new() }
    }

    fn unknown() -> Self {
        Self { whole: None, clauses: Vec::new() }
    }

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::whole(vec![String::new()]),
            HirKind::Literal(literal) => std::str::from_utf8(&literal.0)
                .map_or_else(|_| Self::unknown(), |text| Self::whole(vec![text.to_ascii_lowercase()])),
            HirKind::Class(class) => of_class(class).map_or_else(Self::unknown, Self::whole),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => {
                let mut sub = Self::of(&repetition.sub);
                match (repetition.min, repetition.max) {
                    (1, Some(1)) => sub,
                    (0, Some(1)) => sub.whole.take().map_or_else(Self::unknown, |mut texts| {
                        texts.push(String::new());
                        Self::whole(texts)
                    }),
                    (0, _) => Self::unknown(),
                    _ => {
                        sub.flush();
                        sub
                    }
                }
            }
            HirKind::Concat(parts) => Self::in_turn(parts),
            HirKind::Alternation(branches) => Self::either(branches.iter().map(Self::of).collect()),
        }
    }

    fn in_turn(parts: &[Hir]) -> Self {
        let mut all = Self::whole(vec![String::new()]);
        let mut broken = false;
        for part in parts {
            let mut next = Self::of(part);
            all.clauses.append(&mut next.clauses);
            let joined = match (&all.whole, &next.whole) {
                (Some(before), Some(after)) if before.len() * after.len() <= MOST => {
                    Some(before.iter().flat_map(|b| after.iter().map(move |a| format!("{b}{a}"))).collect())
                }
                _ => None,
            };
            if joined.is_none() {
                broken = true;
                all.flush();
                all.whole = next.whole.take();
                if all.whole.is_none() {
                    // What follows begins anew.
                    all.whole = Some(vec![String::new()]);
                }
            } else {
                all.whole = joined;
            }
        }
        if broken {
            all.flush();
        }
        all
    }

    fn either(branches: Vec<Self>) -> Self {
        if branches.iter().all(|branch| branch.whole.is_some()) {
            let texts: Vec<String> = branches.iter().flat_map(|b| b.whole.clone().unwrap_or_default()).collect();
            if texts.len() <= MOST {
                return Self::whole(texts);
            }
        }
        let each = branches.into_iter().map(|mut branch| {
            branch.flush();
            best(branch.clauses)
        });
        Self { whole: None, clauses: either(each).into_iter().collect() }
    }

    /// Makes a clause of what is known as a whole.
    fn flush(&mut self) {
        let Some(texts) = self.whole.take() else { return };
        // Spaces and semicolons may stand where markup was.
        let plain = |text: &String| text.len() >= SHORTEST && text.is_ascii() && !text.contains([' ', ';', '\n', '\t']);
        if texts.iter().all(plain) {
            self.clauses.extend(either(std::iter::once(Some(
                texts.into_iter().map(|text| Word { text, whole: false, then: Vec::new(), code: false }).collect(),
            ))));
        }
    }
}

/// The characters of a small class, in lower case. One that stands for letters in any case may have others with it
/// (`ſ` for `s`, the sign of Kelvin for `k`): a text that has these in it wakes every rule.
fn of_class(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else { return None };
    let mut characters = Vec::new();
    for range in class.ranges() {
        if u32::from(range.end()) - u32::from(range.start()) > 16 {
            return None;
        }
        characters.extend(range.start()..=range.end());
    }
    let mut texts: Vec<String> = characters
        .into_iter()
        .filter(|c| !matches!(c, '\u{17f}' | '\u{212a}'))
        .map(|c| c.to_ascii_lowercase().to_string())
        .collect();
    texts.sort();
    texts.dedup();
    (1..=16).contains(&texts.len()).then_some(texts)
}
