//! Makes untrusted text inert before it is shown on GitHub: names as code, plain text escaped, a model's Markdown parsed
//! and written anew from what is allowed. Never sends anything, and never trusts that something was cleaned before.

mod blocks;
mod characters;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inline;

#[cfg(test)]
mod tests;

use comrak::{Arena, Options, parse_document};
use inline::{Atom, Place, Style};

/// Hosts that a link in a comment may lead to: documentation of rules, languages and weaknesses, where nobody else can
/// publish. `github.com` is not one of them: its links act on issues and people.
const LINK_HOSTS: [&str; 27] = [
    "biomejs.dev",
    "cheatsheetseries.owasp.org",
    "cwe.mitre.org",
    "developer.mozilla.org",
    "doc.rust-lang.org",
    "docs.astral.sh",
    "docs.aws.amazon.com",
    "docs.djangoproject.com",
    "docs.oracle.com",
    "docs.python.org",
    "docs.spring.io",
    "eslint.org",
    "go.dev",
    "google.github.io",
    "nodejs.org",
    "owasp.org",
    "pandas.pydata.org",
    "peps.python.org",
    "pkg.go.dev",
    "pyyaml.org",
    "requests.readthedocs.io",
    "rust-lang.github.io",
    "spotbugs.readthedocs.io",
    "staticcheck.dev",
    "www.prisma.io",
    "www.rfc-editor.org",
    "www.typescriptlang.org",
];

/// How much of a model's Markdown is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters, of input and output alike.
    pub max_chars: usize,
    /// Lists and quotes inside each other; deeper ones become a line of text.
    pub depth: usize,
    /// Items of one list.
    pub items: usize,
    /// Rows of one table, its head included.
    pub rows: usize,
    /// Columns of one table.
    pub columns: usize,
    /// Lines of one code block.
    pub code_lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_chars: 4_000, depth: 3, items: 30, rows: 20, columns: 8, code_lines: 60 }
    }
}

/// A name (path, function, rule) as a code span on one line, safe in tables too: there is no other way to write a pipe
/// that is right both inside and outside of a table, so it is shown as a broken bar.
pub fn code(text: &str, max_chars: usize) -> String {
    let visible = characters::made_visible(text).replace('|', "¦");
    if visible.trim().is_empty() {
        return "`(empty)`".to_owned();
    }
    code_span(&visible, max_chars.max(1))
}

/// Plain text on one line, escaped: no mention, reference, address, tag, command or Markdown is left in it.
pub fn text(text: &str) -> String {
    inline::write(vec![(Style::Plain, Atom::Text(characters::without_hidden(text)))], Place::Line)
}

/// Markdown on one line: emphasis, code and allowed links stay, blocks become sentences.
pub fn line(markdown: &str, max_chars: usize) -> String {
    let input = characters::cut(&characters::without_hidden(markdown), max_chars);
    let arena = Arena::new();
    inline::write(inline::collect(parse_document(&arena, &input, &options())), Place::Line)
}

/// A model's Markdown, written anew: no image, HTML, footnote or foreign link; mentions, references and commands inert;
/// headings lowered to bold; fences closed; at most `limits.max_chars` long. Cleaning twice changes nothing.
pub fn prose(markdown: &str, limits: &Limits) -> String {
    let clean = characters::without_hidden(markdown);
    let mut budget = limits.max_chars;
    // Escaping makes text longer, seldom by much: less input, until the output fits.
    while budget > 0 {
        let input = characters::cut(&clean, budget);
        let output = blocks::rewrite(&input, limits);
        if output.chars().count() <= limits.max_chars {
            return output;
        }
        budget = budget * 3 / 4;
    }
    String::new()
}

/// The URL if a comment may link to it.
pub fn link(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/%#?=&+:,".contains(&b);
    (LINK_HOSTS.contains(&host) && url.len() <= 300 && url.bytes().all(plain)).then(|| url.to_owned())
}

/// GitHub's flavour, as far as it matters here: bare addresses are left to be found in the text.
fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options
}

/// A code span of at most so many characters, with a fence that its content can't close. Renderers give up on fences beyond
/// 80 backticks, so long runs are shown as apostrophes; and nothing looks like a comment's start, not even to a search in the
/// raw body.
fn code_span(content: &str, max_chars: usize) -> String {
    let mut content = characters::shortened(&content.replace("<!--", "< !--"), max_chars);
    let mut longest = longest_backticks(&content);
    if longest > 8 {
        content = content.replace('`', "'");
        longest = 0;
    }
    let fence = "`".repeat(longest + 1);
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if content.starts_with(edge) || content.ends_with(edge) { " " } else { "" };
    format!("{fence}{pad}{content}{pad}{fence}")
}

fn longest_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
