//! What a function is called: its own name, or what it is assigned to, as the text says it, made harmless. Never keeps
//! anything that isn't a name.

use tree_sitter::Node;

use super::MAX_NAME;
use crate::language::Language;

/// A function that nothing names.
pub(super) const ANONYMOUS: &str = "(anonymous)";

/// A name that is worked out when the program runs.
const COMPUTED: &str = "(computed)";

/// Longest part of a name, in characters.
const MAX_PART: usize = 60;

/// What goes between a name and that of what is around it.
pub(super) fn separator(language: Language) -> &'static str {
    match language {
        Language::Rust | Language::Php => "::",
        _ => ".",
    }
}

/// The simple name of a function or of something around functions; `binding` is what a lambda is the value of.
pub(super) fn of<'t>(node: Node<'t>, binding: Option<Node<'t>>, text: &str, language: Language) -> String {
    if let Some(bound) = binding.and_then(|binding| bound_name(binding)) {
        return clean(text_of(bound, text));
    }
    if let Some(name) = node.child_by_field_name("name") {
        let name = clean(text_of(name, text));
        return match receiver(node, language) {
            Some(receiver) => format!("{}{}{name}", clean(text_of(receiver, text)), separator(language)),
            None => name,
        };
    }
    match node.kind() {
        // `impl Trait for Type`: named by the type, without what it is generic over.
        "impl_item" => node.child_by_field_name("type").map_or_else(String::new, |of| {
            let of = of.child_by_field_name("type").unwrap_or(of);
            clean(text_of(of, text))
        }),
        "operator_declaration" => node
            .child_by_field_name("operator")
            .map_or_else(String::new, |o| format!("operator {}", clean(text_of(o, text)))),
        "conversion_operator_declaration" => "operator".to_owned(),
        "indexer_declaration" => "this".to_owned(),
        "static_initializer" => "static".to_owned(),
        "property_hook" => last_name(node).map_or_else(String::new, |name| clean(text_of(name, text))),
        "class" => String::new(),
        _ => ANONYMOUS.to_owned(),
    }
}

/// What is named by a binding: the left side of an assignment, the key of a pair.
fn bound_name(binding: Node<'_>) -> Option<Node<'_>> {
    ["name", "key", "property", "left"].into_iter().find_map(|field| binding.child_by_field_name(field))
}

/// The type that a method of Go belongs to.
fn receiver(node: Node<'_>, language: Language) -> Option<Node<'_>> {
    if language != Language::Go {
        return None;
    }
    let mut at = node.child_by_field_name("receiver")?.named_child(0)?.child_by_field_name("type")?;
    while let Some(inner) = match at.kind() {
        "pointer_type" | "parenthesized_type" => at.named_child(0),
        "generic_type" => at.child_by_field_name("type"),
        _ => None,
    } {
        at = inner;
    }
    Some(at)
}

fn last_name(node: Node<'_>) -> Option<Node<'_>> {
    (0..u32::try_from(node.named_child_count()).unwrap_or(0))
        .rev()
        .filter_map(|i| node.named_child(i))
        .find(|c| c.kind() == "name")
}

/// The text of a node.
pub(super) fn text_of<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// A text if it is nothing but a name, maybe with what it is a member of.
fn clean(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "_$#@.:~+-*/%&|^!<>=".contains(c);
    if name.is_empty() || name.chars().count() > MAX_PART || !name.chars().all(fits) {
        return COMPUTED.to_owned();
    }
    name.to_owned()
}

/// The full name, cut at its start to [`MAX_NAME`] characters.
pub(super) fn capped(path: &str) -> String {
    let length = path.chars().count();
    if length <= MAX_NAME {
        return path.to_owned();
    }
    std::iter::once('…').chain(path.chars().skip(length - MAX_NAME + 1)).collect()
}
