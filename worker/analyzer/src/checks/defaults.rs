//! Default arguments that outlive the call.

use crate::tree::{Match, Node};

/// Methods that change a list, dict or set in place.
const MUTATORS: &[&str] = &[
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "sort",
    "reverse",
    "add",
    "discard",
    "update",
    "setdefault",
    "popitem",
];

/// The parameter with the mutable default is changed in the function, or kept by the object and changed by the class:
/// the next call sees it.
pub(super) fn parameter_is_mutated(found: &Match<'_>) -> bool {
    let Some(name) = found.field("name") else { return false };
    let name = name.text();
    let Some(function) = found.ancestors().find(|a| a.kind() == "function_definition") else { return false };
    let Some(body) = function.field("body") else { return false };
    // Assigning the name anew gives the function a value of its own; what happens to that is its own business.
    let rebound = body.dfs().any(|n| n.kind() == "assignment" && n.field("left").is_some_and(|l| l.text() == name));
    if rebound {
        return false;
    }
    if body.dfs().any(|node| changes(&node, &name)) {
        return true;
    }
    let Some(class) = function.ancestors().find(|a| a.kind() == "class_definition") else { return false };
    body.dfs()
        .filter(|node| node.kind() == "assignment" && node.field("right").is_some_and(|r| r.text() == name))
        .filter_map(|node| node.field("left").filter(|left| left.kind() == "attribute"))
        .any(|kept| class.dfs().any(|node| changes(&node, &kept.text())))
}

/// Whether the node changes the container of this name in place: a method, an item, `+=`, or `del`.
fn changes(node: &Node<'_>, name: &str) -> bool {
    let is_name = |node: &Node<'_>| node.text() == name;
    let is_item = |node: &Node<'_>| node.kind() == "subscript" && node.field("value").is_some_and(|v| is_name(&v));
    match node.kind().as_ref() {
        "call" => node.field("function").is_some_and(|f| {
            f.field("object").is_some_and(|o| is_name(&o))
                && f.field("attribute").is_some_and(|a| MUTATORS.contains(&a.text().as_ref()))
        }),
        "assignment" => node.field("left").is_some_and(|l| is_item(&l)),
        "augmented_assignment" => node.field("left").is_some_and(|l| is_item(&l) || is_name(&l)),
        "delete_statement" => node.dfs().any(|n| is_item(&n)),
        _ => false,
    }
}
