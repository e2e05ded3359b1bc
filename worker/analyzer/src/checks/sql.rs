//! SQL made by splicing values into text.

use super::outside::may_come_from_outside;
use crate::tree::{Match, Node};

/// Stands for a spliced-in value in the text of a statement.
const HOLE: char = '\u{1}';

const VERBS: &[&str] = &["select ", "insert ", "update ", "delete ", "replace ", "merge ", "with "];

/// Words in the name of a spliced-in expression that make it a placeholder list, an escaped value or a constant.
const HARMLESS: &[&str] = &[
    "placeholder",
    "param",
    "bind",
    "qmark",
    "marks",
    "escape",
    "quote",
    "literal",
    "sanitiz",
    "int(",
    "len(",
    "join",
    "parseint",
    "number(",
    "length",
    "const",
    "itoa",
    "strconv",
    "intval",
    "(int)",
    "(float)",
    "prepare(",
    "esc_",
    "nameof",
    // Quotes doubled by hand.
    "str_replace(",
];

/// The metavariable `SQL` is a statement with a hole where a value belongs: after a comparison, `LIKE` or an opening
/// quote. Holes for table and column names, and lists of placeholders, are left alone: parameters can't replace them.
pub(super) fn value_spliced_in(found: &Match<'_>) -> bool {
    let Some(expression) = found.get_env().get_match("SQL") else {
        return false;
    };
    let mut skeleton = Skeleton::default();
    skeleton.read(expression, 0);
    skeleton.has_value_hole()
}

/// The text of a statement with its holes.
#[derive(Default)]
struct Skeleton {
    text: String,
}

impl Skeleton {
    fn read(&mut self, node: &Node<'_>, depth: usize) {
        if depth > 64 {
            return;
        }
        match node.kind().as_ref() {
            "binary_operator" | "binary_expression" => {
                let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
                    return;
                };
                let operator = node.field("operator").map(|o| o.text().into_owned()).unwrap_or_default();
                self.read(&left, depth + 1);
                match operator.as_str() {
                    "%" => self.fill(&["%s", "%d", "%r", "%("], &right),
                    "+" | "." => self.read(&right, depth + 1),
                    _ => {}
                }
            }
            "argument" => {
                if let Some(value) = node.children().filter(Node::is_named).last() {
                    self.read(&value, depth + 1);
                }
            }
            "parenthesized_expression"
            | "concatenated_string"
            | "interpolated_string_expression"
            | "verbatim_string_literal"
            | "template_string"
            | "string"
            | "interpreted_string_literal"
            | "raw_string_literal"
            | "string_literal" => self.read_string(node, depth),
            "encapsed_string" | "heredoc" | "heredoc_body" | "nowdoc" | "nowdoc_body" => {
                self.read_php_string(node, depth);
            }
            "call"
            | "call_expression"
            | "method_invocation"
            | "macro_invocation"
            | "invocation_expression"
            | "function_call_expression" => self.read_call(node, depth),
            _ => self.hole(node),
        }
    }

    /// Text as it is, interpolations as holes.
    fn read_string(&mut self, node: &Node<'_>, depth: usize) {
        let mut literal = true;
        for child in node.children() {
            match child.kind().as_ref() {
                "interpolation" | "template_substitution" => {
                    literal = false;
                    self.hole(&child);
                }
                "string"
                | "concatenated_string"
                | "binary_operator"
                | "binary_expression"
                | "template_string"
                | "call"
                | "call_expression" => {
                    literal = false;
                    self.read(&child, depth + 1);
                }
                "string_content" | "string_fragment" | "escape_sequence" => {
                    literal = false;
                    self.text.push_str(&child.text());
                }
                _ => {}
            }
        }
        if literal {
            self.text
                .push_str(node.text().trim_start_matches(['r', 'b', '#', '@']).trim_matches(['"', '\'', '`', '#']));
        }
    }

    /// Text as it is, and every expression between a hole.
    fn read_php_string(&mut self, node: &Node<'_>, depth: usize) {
        for child in node.children().filter(Node::is_named) {
            match child.kind().as_ref() {
                "string_content" | "escape_sequence" | "nowdoc_string" => self.text.push_str(&child.text()),
                "heredoc_body" | "nowdoc_body" => self.read(&child, depth + 1),
                "heredoc_start" | "heredoc_end" => {}
                _ => self.hole(&child),
            }
        }
    }

    /// `"...".format(...)`, `String.format("...", ...)`, `fmt.Sprintf("...", ...)`, `format!("...", ...)`.
    fn read_call(&mut self, node: &Node<'_>, depth: usize) {
        let callee = node.field("function").or_else(|| node.field("name")).or_else(|| node.field("macro"));
        let Some(callee) = callee else { return self.hole(node) };
        let name = callee.text();
        if let Some(object) = callee.field("object").filter(|o| o.kind() == "string")
            && name.ends_with(".format")
        {
            self.read(&object, depth + 1);
            return self.fill(&["{"], node);
        }
        if name == "format" && node.kind() == "macro_invocation" {
            if let Some(format) = node.dfs().find(|n| n.kind() == "string_literal") {
                self.read(&format, depth + 1);
            }
            return self.fill(&["{"], node);
        }
        if matches!(name.as_ref(), "format" | "fmt.Sprintf" | "string.Format" | "String.Format" | "sprintf") {
            let first = node.field("arguments").and_then(|arguments| arguments.child(1));
            if let Some(first) = first {
                self.read(&first, depth + 1);
                return match name.as_ref() {
                    "string.Format" | "String.Format" => self.fill(&["{"], node),
                    // PHP's `%d` makes a number of whatever comes.
                    "sprintf" => self.fill(&["%s"], node),
                    _ => self.fill(&["%s", "%v", "%d", "%q"], node),
                };
            }
        }
        self.hole(node);
    }

    /// Turns the directives of a format string into holes, unless what fills them is harmless.
    fn fill(&mut self, directives: &[&str], values: &Node<'_>) {
        let mark = if harmless(values) { "1" } else { "\u{1}" };
        for directive in directives {
            self.text = self.text.replace(directive, mark);
        }
    }

    fn hole(&mut self, node: &Node<'_>) {
        // `sqlHourOffset`: a part of the statement, by its name.
        let part = node.kind() == "identifier" && node.text().to_ascii_lowercase().contains("sql");
        self.text.push(if part || harmless(node) { '1' } else { HOLE });
    }

    fn has_value_hole(&self) -> bool {
        let lower = self.text.trim_start().to_ascii_lowercase();
        let lower = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        VERBS.iter().any(|verb| lower.starts_with(verb))
            && lower.match_indices(HOLE).any(|(at, _)| {
                let before = &lower[..at];
                let quoted = before.ends_with('\'') || before.ends_with("'%");
                let before = before.trim_end();
                quoted || before.ends_with(['=', '<', '>']) || before.ends_with(" like")
            })
    }
}

/// A constant by its spelling, or an expression whose words say that it isn't a raw value.
fn harmless(node: &Node<'_>) -> bool {
    let text = node.text();
    let inner = text.trim_matches(['{', '}', '$', '(', ')', ' ']);
    let constant = inner.bytes().any(|b| b.is_ascii_uppercase())
        && inner.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'));
    let constant = constant || node.kind() == "class_constant_access_expression";
    // Only PHP has variables of this kind; its calls and properties are mostly what the program knows itself.
    let php = node.kind() != "heredoc" && node.dfs().any(|n| n.kind() == "variable_name" || n.kind() == "cast_type");
    let constant = constant
        || php && !may_come_from_outside(node)
        || matches!(node.kind().as_ref(), "function_call_expression" | "scoped_call_expression") && !php;
    // `req.params.id` is a request's own data, not a list of parameters.
    let lower = text.to_ascii_lowercase().replace(".params.", ".");
    constant || HARMLESS.iter().any(|word| lower.contains(word))
}
