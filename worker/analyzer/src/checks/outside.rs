//! Whether a PHP value may come from outside: from the request, or from whoever calls the function.

use crate::tree::{Match, Node, enclosing_function};

const REQUEST: &[&str] = &["$_GET", "$_POST", "$_REQUEST", "$_COOKIE"];

/// Words of calls whose result is no longer what came in.
const CLEANED: &[&str] = &["int", "esc", "quote", "count", "float", "bool", "hash", "md5", "sha1", "valid", "filter"];

/// Some value in the match's arguments may come from outside.
pub(super) fn from_outside(found: &Match<'_>) -> bool {
    may_come_from_outside(&found.field("arguments").unwrap_or_else(|| found.get_node().clone()))
}

/// Some variable at or below the node is the request's, was taken from it, or is a parameter that nothing is done to.
/// Parts of objects and arrays are known to be neither.
pub(super) fn may_come_from_outside(node: &Node<'_>) -> bool {
    node.dfs().filter(|n| n.kind() == "variable_name").any(|variable| {
        let name = variable.text();
        if REQUEST.contains(&name.as_ref()) {
            return true;
        }
        let part = variable.parent().is_some_and(|p| {
            matches!(p.kind().as_ref(), "member_access_expression" | "subscript_expression" | "member_call_expression")
        });
        !part && is_given(&variable, &name)
    })
}

fn is_given(variable: &Node<'_>, name: &str) -> bool {
    let function = enclosing_function(variable);
    let scope = function.clone().unwrap_or_else(|| variable.root().root());
    let mut assigned = scope
        .dfs()
        .filter(|n| n.kind() == "assignment_expression" && n.field("left").is_some_and(|left| left.text() == name))
        .filter_map(|n| n.field("right"))
        .peekable();
    if assigned.peek().is_some() {
        return assigned.any(|value| {
            let text = value.text();
            let lower = text.to_ascii_lowercase();
            REQUEST.iter().any(|source| text.contains(source)) && !CLEANED.iter().any(|word| lower.contains(word))
        });
    }
    let Some(function) = function else { return false };
    // Only the class itself calls a private method.
    let private = function.children().any(|c| c.kind() == "visibility_modifier" && c.text() == "private");
    !private
        && function.field("parameters").is_some_and(|list| {
            list.children().any(|parameter| {
                parameter.field("name").is_some_and(|own| own.text() == name)
                    && !parameter
                        .field("type")
                        .is_some_and(|kind| matches!(kind.text().trim_start_matches('?'), "int" | "float" | "bool"))
            })
        })
}
