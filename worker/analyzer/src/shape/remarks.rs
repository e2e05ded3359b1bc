//! Marks of work left to do in comments: TODO and its like, and whether they name an issue. Looks at comments only,
//! never at strings, and keeps lines, never words.

/// The marks. Upper case: `todo` is a Spanish word.
const MARKS: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Marks kept for a file.
pub(crate) const MAX_TODOS: usize = 1_000;

/// What comes before a dash and a number and is no tracker's project.
const STANDARDS: [&str; 16] =
    ["UTF", "UCS", "ISO", "IEC", "SHA", "MD", "RFC", "AES", "CP", "BASE", "HTTP", "TLS", "GPL", "LGPL", "CVE", "X"];

/// A place where a comment says that something is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Todo {
    /// From 1.
    pub(crate) line: u32,
    /// Whether the comment names an issue: `#12`, `ABC-12` or a URL.
    pub(crate) tracked: bool,
}

/// Collects the marks of a file's comments, in their order.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    pub(crate) todos: Vec<Todo>,
    /// The last line of the comment before, if a mark in it may still find its issue on the line below.
    open: Option<u32>,
}

impl Remarks {
    /// Takes in a comment that begins on `line`.
    pub(crate) fn read(&mut self, comment: &str, line: u32) {
        if self.open != line.checked_sub(1) {
            self.open = None;
        }
        let mut at = line;
        for text in comment.split('\n') {
            let marked = is_marked(text);
            if marked && self.todos.len() < MAX_TODOS {
                self.todos.push(Todo { line: at, tracked: false });
                self.open = Some(at);
            }
            if self.open.is_some() && names_an_issue(text) {
                if let Some(last) = self.todos.last_mut() {
                    last.tracked = true;
                }
                self.open = None;
            }
            at = at.saturating_add(1);
        }
        if self.open.is_some() {
            self.open = Some(at.saturating_sub(1));
        }
    }
}

/// Whether a line of a comment has a mark: at its start, or with a colon or a name in brackets behind it. A sentence
/// that speaks of TODOs has none.
fn is_marked(line: &str) -> bool {
    let start = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    MARKS.iter().any(|mark| {
        line.match_indices(mark).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + mark.len()..].chars().next();
            let whole = !before.is_some_and(joins) && !after.is_some_and(joins);
            let first = line.len() - at == start.len();
            whole && (first || matches!(after, Some(':' | '(')))
        })
    })
}

fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\\' | '"' | '\'' | '`')
}

fn names_an_issue(line: &str) -> bool {
    line.contains("http://")
        || line.contains("https://")
        || line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '#' | '-')).any(is_reference)
}

/// `#12` or `ABC-12`.
fn is_reference(word: &str) -> bool {
    if let Some((_, number)) = word.rsplit_once('#') {
        return !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    }
    let Some((project, number)) = word.split_once('-') else { return false };
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && project.len() > 1
        && project.starts_with(|c: char| c.is_ascii_uppercase())
        && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && !STANDARDS.contains(&project)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(comments: &[(&str, u32)]) -> Vec<(u32, bool)> {
        let mut remarks = Remarks::default();
        for (comment, line) in comments {
            remarks.read(comment, *line);
        }
        remarks.todos.iter().map(|todo| (todo.line, todo.tracked)).collect()
    }

    #[test]
    fn marks_are_told_from_words() {
        for marked in
            ["# TODO: x", "// FIXME(ann) x", "* @TODO x", "/* XXX */", "# so far. HACK: x", "//TODO", "# - TODO"]
        {
            assert_eq!(read(&[(marked, 3)]), [(3, false)], "{marked}");
        }
        for silent in [
            "# the TODO list",
            "# todo: y",
            "// TODOS: none",
            "// MAX_TODO",
            "# XXX-XXX-XXXX",
            "# a \"TODO\" mark",
            "# a HACKER",
            "// xTODO: x",
        ] {
            assert!(read(&[(silent, 3)]).is_empty(), "{silent}");
        }
    }

    #[test]
    fn issues_are_found_beside_and_below_a_mark() {
        for tracked in ["# TODO #12: x", "# TODO(a/b#12)", "// TODO ABC-12 x", "/* TODO x\n see https://x.y/1 */"] {
            assert_eq!(read(&[(tracked, 1)]), [(1, true)], "{tracked}");
        }
        for alone in ["# TODO UTF-8", "# TODO SHA-256", "# TODO #x", "# TODO abc-1", "# TODO A-"] {
            assert_eq!(read(&[(alone, 1)]), [(1, false)], "{alone}");
        }
        assert_eq!(read(&[("// TODO: x", 1), ("// y", 2), ("// https://x.y", 3)]), [(1, true)]);
        assert_eq!(read(&[("// TODO: x", 1), ("// https://x.y", 3)]), [(1, false)]);
        assert_eq!(read(&[("// TODO: x", 1), ("// FIXME: #3", 2)]), [(1, false), (2, true)]);
    }

    #[test]
    fn a_file_s_marks_are_bounded() {
        let comment = "# TODO: x\n".repeat(MAX_TODOS + 1);
        assert_eq!(read(&[(&comment, 1)]).len(), MAX_TODOS);
    }
}
