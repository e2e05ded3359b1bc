//! The functions that a pull request changes, and what they use of a profile. Paths and names are untrusted text; nothing else
//! of the source is kept.

use eco_coder_analyzer::{Function, LineSet};
use eco_coder_profile::{ChangedFunction, Matched};
use serde::{Deserialize, Serialize};

/// Functions that are kept of a pull request.
pub const MAX_TOUCHED: usize = 2_000;
/// What their names and paths may take, bytes.
const MAX_TOUCHED_BYTES: usize = 256 << 10;
/// Rows that a report keeps; it shows fewer.
pub const MAX_CHANGED_ROWS: usize = 50;

/// The functions of the changed files that have changed lines, and those within them: a frame counts for the innermost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    files: Vec<TouchedFile>,
    /// Changed functions beyond those that are kept.
    #[serde(default)]
    pub left_out: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TouchedFile {
    path: String,
    functions: Vec<TouchedFunction>,
}

/// A function as it is at the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TouchedFunction {
    name: String,
    first_line: u32,
    last_line: u32,
    /// Not only something around it.
    is_changed: bool,
}

impl Touched {
    /// Takes in a file at the head. Beyond the bounds its functions are only counted.
    pub fn file(&mut self, path: &str, functions: &[Function], changed: &LineSet) {
        let kept = touched(functions, changed);
        let own = kept.iter().filter(|function| function.is_changed).count();
        if own == 0 {
            return;
        }
        let bytes = |path: &str, functions: &[TouchedFunction]| {
            path.len() + functions.iter().map(|function| function.name.len()).sum::<usize>()
        };
        let (count, size) = self.files.iter().fold((kept.len(), bytes(path, &kept)), |(count, size), file| {
            (count + file.functions.len(), size + bytes(&file.path, &file.functions))
        });
        if count > MAX_TOUCHED || size > MAX_TOUCHED_BYTES {
            self.left_out += own;
            return;
        }
        let at = self.files.partition_point(|file| file.path.as_str() < path);
        self.files.insert(at, TouchedFile { path: path.to_owned(), functions: kept });
    }

    /// Whether no function is changed.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.left_out == 0
    }

    /// As a profile is asked for them, and whether each is changed itself.
    pub fn functions(&self) -> (Vec<ChangedFunction>, Vec<bool>) {
        let of_file = |file: &TouchedFile| {
            let function = |one: &TouchedFunction| {
                let function = ChangedFunction {
                    path: file.path.clone(),
                    name: one.name.clone(),
                    start_line: one.first_line,
                    end_line: one.last_line,
                };
                (function, one.is_changed)
            };
            file.functions.iter().map(function).collect::<Vec<_>>()
        };
        self.files.iter().flat_map(of_file).unzip()
    }
}

/// Those with changed lines of their own, and those within them.
fn touched(functions: &[Function], changed: &LineSet) -> Vec<TouchedFunction> {
    let mut within: Vec<Vec<(u32, u32)>> = vec![Vec::new(); functions.len()];
    for function in functions {
        if let Some(inner) = function.within.and_then(|outer| within.get_mut(outer)) {
            inner.push((function.first_line, function.last_line));
        }
    }
    let mut is_kept = vec![false; functions.len()];
    let mut kept = Vec::new();
    for (number, (function, inner)) in functions.iter().zip(&within).enumerate() {
        let is_changed = has_own_change(function, inner, changed);
        // What is around it begins before it.
        is_kept[number] = is_changed || function.within.is_some_and(|outer| is_kept.get(outer) == Some(&true));
        if is_kept[number] {
            let Function { name, first_line, last_line, .. } = function;
            let (name, first_line, last_line) = (name.clone(), *first_line, *last_line);
            kept.push(TouchedFunction { name, first_line, last_line, is_changed });
        }
    }
    kept
}

/// Is one of its lines changed that isn't in a function within it? These are in the order in which they begin.
fn has_own_change(function: &Function, inner: &[(u32, u32)], changed: &LineSet) -> bool {
    let mut from = function.first_line;
    for (first, last) in inner {
        if from < *first && changed.intersects(from..=first - 1) {
            return true;
        }
        from = from.max(last.saturating_add(1));
    }
    from <= function.last_line && changed.intersects(from..=function.last_line)
}

/// What the changed functions use of a profile, and of the base's if there is one. One profile of each side: no verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedFunctions {
    /// The heaviest first, at most [`MAX_CHANGED_ROWS`].
    pub rows: Vec<ChangedUse>,
    /// Changed functions of the profile beyond those.
    pub more: usize,
    /// How many changed functions there are.
    pub changed: usize,
    /// What the figures are shares of, as the profile names it: `cpu`, `samples`, `wall`.
    pub sample_type: String,
    /// Whether they are shares of CPU time; else of whatever was sampled.
    pub is_cpu_time: bool,
    /// Samples of the base's profile, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_samples: Option<u64>,
    /// Why the base's profile is not beside it though there is one, in words for the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_missing: Option<String>,
}

/// A changed function, and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedUse {
    /// At the head.
    pub file_path: String,
    /// With what it is in.
    pub function_name: String,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// What its frames were known by, the weakest of them.
    pub matched: Matched,
    /// At the head.
    pub head: Share,
    /// At the base; `None`: there is no profile, or no such function, or it isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Share>,
}

/// Shares of a profile, 0 to 100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// In the function itself, closures in it included.
    pub self_percentage: f64,
    /// In the function and what it calls; a recursive call counts once.
    pub total_percentage: f64,
}

#[cfg(test)]
mod tests {
    use eco_coder_analyzer::{Limits, shape};
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
def outer(xs):
    total = 0

    def inner(x):
        return x + 1

    def other(x):
        return x - 1

    return [inner(x) for x in xs]


def alone():
    return 1
";

    fn of(changed: &[u32]) -> Vec<(String, bool)> {
        let shape = shape("a.py", TEXT, &Limits::default()).unwrap();
        let mut touched = Touched::default();
        touched.file("a.py", shape.functions(), &changed.iter().copied().collect());
        let (functions, is_changed) = touched.functions();
        functions.into_iter().map(|function| function.name).zip(is_changed).collect()
    }

    fn named(rows: &[(&str, bool)]) -> Vec<(String, bool)> {
        rows.iter().map(|(name, is_changed)| ((*name).to_owned(), *is_changed)).collect()
    }

    #[test]
    fn a_function_is_changed_by_its_own_lines_and_brings_what_is_within_it() {
        assert_eq!(of(&[2]), named(&[("outer", true), ("outer.inner", false), ("outer.other", false)]));
        assert_eq!(of(&[5]), named(&[("outer.inner", true)]), "what is around it is as it was");
        assert_eq!(of(&[14]), named(&[("alone", true)]));
        assert_eq!(of(&[11, 12]), [], "between functions");
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn functions_are_kept_up_to_the_bound_and_only_counted_one_past_it() {
        let text = (0..MAX_TOUCHED).map(|n| format!("def f{n}(): return {n}\n")).collect::<Vec<_>>().concat();
        let shape = shape("a.py", &text, &Limits::default()).unwrap();
        let all = LineSet::from_ranges([1..=u32::MAX]);
        let mut touched = Touched::default();
        touched.file("b.py", shape.functions(), &all);
        assert_eq!((touched.functions().0.len(), touched.left_out), (MAX_TOUCHED, 0));
        touched.file("a.py", &shape.functions()[..1], &all);
        assert_eq!((touched.functions().0.len(), touched.left_out), (MAX_TOUCHED, 1));

        let mut touched = Touched::default();
        let path = |bytes: usize| "p".repeat(bytes);
        touched.file(&path(MAX_TOUCHED_BYTES - 2), &shape.functions()[..1], &all);
        assert_eq!((touched.functions().0.len(), touched.left_out), (1, 0));
        let mut touched = Touched::default();
        touched.file(&path(MAX_TOUCHED_BYTES - 1), &shape.functions()[..1], &all);
        assert_eq!((touched.functions().0.len(), touched.left_out), (0, 1));
    }

    proptest! {
        /// A changed line that is in any function is in one that is changed, and no unchanged line makes one.
        #[test]
        fn every_changed_line_in_a_function_is_a_changed_function_s(lines in prop::collection::btree_set(1_u32..16, 0..6)) {
            let shape = shape("a.py", TEXT, &Limits::default()).unwrap();
            let mut touched = Touched::default();
            let changed: LineSet = lines.iter().copied().collect();
            touched.file("a.py", shape.functions(), &changed);
            let (functions, is_changed) = touched.functions();
            let all: Vec<_> = functions.iter().zip(is_changed).filter(|(_, is_changed)| *is_changed).collect();
            for line in &lines {
                let in_any = shape.functions().iter().any(|one| (one.first_line..=one.last_line).contains(line));
                let in_changed = all.iter().any(|(one, _)| (one.start_line..=one.end_line).contains(line));
                prop_assert_eq!(in_any, in_changed, "line {}", line);
            }
            for (one, _) in all {
                prop_assert!(changed.intersects(one.start_line..=one.end_line));
            }
        }
    }
}
