//! Whether a call is of the function that it stands in. Goes by names alone: what looks like another's method is.

use tree_sitter::Node;

use super::frame::Frame;
use super::name::text_of;
use crate::language::Language;

/// Names of the object that a method belongs to, or of its class.
const SELVES: [&str; 6] = ["self", "this", "cls", "Self", "$this", "static"];

/// Whether this call is one of `frame`'s function by itself. Where methods are overloaded, the number of arguments
/// tells.
pub(super) fn is_of(call: Node<'_>, frame: &Frame, text: &str, language: Language) -> bool {
    if frame.simple.is_empty() {
        return false;
    }
    let (object, name) = if let Some(function) = call.child_by_field_name("function") {
        member(function).map_or((None, function), |(object, name)| (Some(object), name))
    } else {
        let object = call.child_by_field_name("object").or_else(|| call.child_by_field_name("scope"));
        let Some(name) = call.child_by_field_name("name") else { return false };
        (object, name)
    };
    if text_of(name, text) != frame.simple {
        return false;
    }
    let overloaded = matches!(language, Language::Java | Language::CSharp);
    if overloaded && arguments(call) != frame.parameters {
        return false;
    }
    match object {
        Some(object) => {
            let object = text_of(object, text);
            frame.is_method && (SELVES.contains(&object) || (!object.is_empty() && object == frame.receiver))
        }
        None => overloaded || !frame.is_method,
    }
}

/// Object and name of a member: `a` and `b` of `a.b`.
fn member(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let (object, name) = match node.kind() {
        "attribute" => ("object", "attribute"),
        "member_expression" => ("object", "property"),
        "member_access_expression" => ("expression", "name"),
        "selector_expression" => ("operand", "field"),
        "field_expression" => ("value", "field"),
        "scoped_identifier" => ("path", "name"),
        _ => return None,
    };
    Some((node.child_by_field_name(object)?, node.child_by_field_name(name)?))
}

fn arguments(call: Node<'_>) -> u32 {
    let count = call.child_by_field_name("arguments").map_or(0, |list| list.named_child_count());
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Parameters of a function, without the object that it belongs to.
pub(super) fn parameters(function: Node<'_>, text: &str, language: Language) -> u32 {
    let Some(list) = function.child_by_field_name("parameters") else {
        return u32::from(function.child_by_field_name("parameter").is_some());
    };
    if matches!(list.kind(), "identifier" | "implicit_parameter") {
        return 1;
    }
    let mut cursor = list.walk();
    let (mut count, mut one, mut first) = (0_usize, 0, true);
    for child in list.children(&mut cursor) {
        if child.kind() == "," {
            count += std::mem::take(&mut one);
        } else if child.is_named() {
            let is_self = first && language == Language::Python && matches!(text_of(child, text), "self" | "cls");
            first = false;
            one = one.max(match child.kind() {
                "comment"
                | "line_comment"
                | "block_comment"
                | "self_parameter"
                | "receiver_parameter"
                | "keyword_separator"
                | "positional_separator"
                | "attribute_item" => 0,
                // Go: `a, b int`.
                "parameter_declaration" => child.children_by_field_name("name", &mut child.walk()).count().max(1),
                _ => usize::from(!is_self && !text_of(child, text).starts_with("this:")),
            });
        }
    }
    u32::try_from(count + one).unwrap_or(u32::MAX)
}

/// In Go, the name by which a method knows its receiver.
pub(super) fn receiver(function: Node<'_>, text: &str) -> String {
    function
        .child_by_field_name("receiver")
        .and_then(|list| list.named_child(0))
        .and_then(|parameter| parameter.child_by_field_name("name"))
        .map_or_else(String::new, |name| text_of(name, text).to_owned())
}
