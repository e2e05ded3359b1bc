//! What a loop does again in each round: to something outside it, or in the same way for every item. Callbacks that
//! JavaScript's array methods call per item count as loops here.

use std::collections::BTreeSet;

use crate::tree::{
    Match, Node, enclosing_function, enclosing_loop, identifiers, is_function, is_identifier, mentions, varying_names,
};

/// Array methods that call their callback once per item.
const PER_ITEM: &[&str] =
    &["forEach", "map", "filter", "flatMap", "some", "every", "find", "findIndex", "reduce", "sort"];

/// The match runs once per item: in a loop, or in the callback of an array method.
pub(super) fn per_item(found: &Match<'_>) -> bool {
    round(found).is_some()
}

/// The loop around a node, or the callback of an array method that is called for every item.
fn round<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    if let Some(around) = enclosing_loop(node) {
        return Some(around);
    }
    let callback = enclosing_function(node)?;
    let in_body = callback.field("body").is_some_and(|body| body.range().start <= node.range().start);
    let call = callback.parent().filter(|p| p.kind() == "arguments")?.parent()?;
    let method = call.field("function")?.field("property")?;
    (in_body && PER_ITEM.contains(&method.text().as_ref())).then_some(callback)
}

/// The names that a round binds anew: the loop's or the callback's own, and those declared or assigned in its body.
fn names_of_round(around: &Node<'_>) -> BTreeSet<String> {
    let mut names = varying_names(around);
    for field in ["parameters", "parameter"] {
        names.extend(around.field(field).iter().flat_map(identifiers));
    }
    names
}

/// What the match belongs to (`list` of `list.innerHTML += ...`, `found` of `found.sort()`) is neither bound nor assigned
/// in the round.
pub(super) fn outlives_loop(found: &Match<'_>) -> bool {
    let Some(around) = round(found) else { return false };
    let owner = found.field("left").and_then(|left| left.field("object")).or_else(|| {
        let function = found.field("function")?;
        function.field("object").or_else(|| function.field("value"))
    });
    owner.is_some_and(|owner| !mentions(&owner, &names_of_round(&around)))
}

/// The array that the match is called on gets or loses items in the same loop.
pub(super) fn changed_in_loop(found: &Match<'_>) -> bool {
    let Some(body) = enclosing_loop(found).and_then(|around| around.field("body")) else { return false };
    let Some(array) = found.field("function").and_then(|function| function.field("object")) else { return false };
    let name = array.text();
    body.dfs().any(|node| {
        node.kind() == "member_expression"
            && node.field("object").is_some_and(|object| object.text() == name)
            && node.field("property").is_some_and(|property| {
                matches!(property.text().as_ref(), "push" | "pop" | "shift" | "unshift" | "splice")
            })
    })
}

/// The match is the same for every item: its constructor's or call's arguments use nothing that a round binds.
pub(super) fn same_for_each_item(found: &Match<'_>) -> bool {
    let Some(around) = round(found) else { return false };
    found.field("arguments").is_none_or(|arguments| !mentions(&arguments, &names_of_round(&around)))
}

/// A style is written in the same round, not in a function that runs at another time.
pub(super) fn style_written_per_item(found: &Match<'_>) -> bool {
    let Some(body) = round(found).and_then(|around| around.field("body")) else { return false };
    let mut skipped_until = 0;
    body.dfs().any(|node| {
        if node.range().start < skipped_until {
            return false;
        }
        let kind = node.kind();
        if is_function(&kind) && node.node_id() != body.node_id() {
            skipped_until = node.range().end;
            return false;
        }
        let written = match kind.as_ref() {
            "assignment_expression" | "augmented_assignment_expression" => node.field("left"),
            _ => None,
        };
        written.is_some_and(|left| {
            left.field("object").is_some_and(|object| {
                object.field("property").is_some_and(|property| property.text() == "style")
                    && left.field("property").is_some_and(|property| moves_layout(&property.text()))
            })
        })
    })
}

/// Whether a change of this style changes sizes or places.
fn moves_layout(property: &str) -> bool {
    const NAMES: &[&str] =
        &["width", "height", "top", "left", "right", "bottom", "margin", "padding", "font", "display"];
    let lower = property.to_ascii_lowercase();
    NAMES.iter().any(|name| lower.contains(name)) || lower == "csstext"
}

/// `for (i in xs)` where `xs` is surely an array: an array literal, `split`, `Object.keys`; in place, or as all that a
/// variable of the scope is ever given.
pub(super) fn iterates_array(found: &Match<'_>) -> bool {
    let Some(over) = found.field("right") else { return false };
    if over.kind() != "identifier" {
        return is_array(&over);
    }
    let scope = enclosing_function(found).unwrap_or_else(|| found.root().root());
    let name = over.text();
    let mut arrays = 0;
    for node in scope.dfs() {
        let (target, value) = match node.kind().as_ref() {
            "variable_declarator" => (node.field("name"), node.field("value")),
            "assignment_expression" => (node.field("left"), node.field("right")),
            _ => continue,
        };
        if let Some(target) = target {
            // Properties of its own are what for...in is for.
            if target.kind() == "member_expression" && target.field("object").is_some_and(|o| o.text() == name) {
                return false;
            }
            if target.text() == name {
                match value {
                    Some(value) if is_array(&value) => arrays += 1,
                    None => {}
                    Some(_) => return false,
                }
            }
        }
    }
    arrays > 0
}

fn is_array(value: &Node<'_>) -> bool {
    match value.kind().as_ref() {
        "array" => true,
        "call_expression" => value.field("function").is_some_and(|function| {
            let function = function.text();
            function.ends_with(".split")
                || matches!(
                    function.as_ref(),
                    "Object.keys" | "Object.values" | "Object.entries" | "Array.from" | "Array.of"
                )
        }),
        _ => false,
    }
}

/// Rust: the receiver of `x.remove(0)`, `x.chars().nth(i)` is a plain variable or field from outside the loop, and not
/// surely a map.
pub(super) fn receiver_outlives_loop(found: &Match<'_>) -> bool {
    let mut around = enclosing_loop(found);
    if around.is_none() {
        around = loop_of_condition(found);
    }
    let Some(around) = around else { return false };
    let Some(receiver) = receiver(found) else { return false };
    if mentions(&receiver, &varying_names(&around)) {
        return false;
    }
    let name = receiver.text();
    let scope = enclosing_function(found).unwrap_or_else(|| found.root().root());
    !scope.dfs().any(|node| {
        matches!(node.kind().as_ref(), "let_declaration" | "parameter")
            && node.field("pattern").is_some_and(|pattern| pattern.text().trim_start_matches("mut ") == name)
            && (node.text().contains("Map") || node.text().contains("Set") || node.text().contains("Deque"))
    })
}

/// Rust: `v.remove(0)` in a loop that runs until `v` is empty, or `v.insert(0, ...)` in a loop after `v` began as an empty
/// vector.
pub(super) fn front_of_vector(found: &Match<'_>) -> bool {
    if !receiver_outlives_loop(found) {
        return false;
    }
    let (Some(around), Some(receiver)) = (enclosing_loop(found), receiver(found)) else { return false };
    let name = receiver.text();
    let method = found.field("function").and_then(|f| f.field("field"));
    if method.is_some_and(|method| method.text() == "remove") {
        return around.field("condition").is_some_and(|condition| {
            let condition = condition.text();
            condition.contains(&format!("{name}.is_empty()")) || condition.contains(&format!("{name}.len()"))
        });
    }
    let Some(function) = enclosing_function(found) else { return false };
    let before = around.range().start;
    function.dfs().take_while(|node| node.range().start < before).any(|node| {
        node.kind() == "let_declaration"
            && node.field("pattern").is_some_and(|pattern| pattern.text().trim_start_matches("mut ") == name)
            && node.field("value").is_some_and(|value| {
                let value = value.text();
                value.starts_with("Vec::") || value.starts_with("vec![")
            })
    })
}

/// The match stands in the body of a loop, or in the condition of a `while`.
pub(super) fn in_loop_or_condition(found: &Match<'_>) -> bool {
    enclosing_loop(found).is_some() || loop_of_condition(found).is_some()
}

fn loop_of_condition<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let mut below = node.clone();
    for ancestor in node.ancestors() {
        let kind = ancestor.kind();
        if is_function(&kind) || kind == "block" {
            return None;
        }
        if kind == "while_expression" && ancestor.field("condition").is_some_and(|c| c.node_id() == below.node_id()) {
            return Some(ancestor.clone());
        }
        below = ancestor.clone();
    }
    None
}

/// The variable or field that a chain of method calls starts from.
fn receiver<'t>(found: &Match<'t>) -> Option<Node<'t>> {
    let mut node = found.field("function")?.field("value")?;
    while node.kind() == "call_expression" {
        node = node.field("function")?.field("value")?;
    }
    matches!(node.kind().as_ref(), "identifier" | "field_expression").then_some(node)
}

/// Rust: a small read or write in a loop, on a variable that is a bare `File`: `write!`, `read_exact`, `write_all` of a
/// literal, `bytes()`.
pub(super) fn file_without_buffer(found: &Match<'_>) -> bool {
    let target = if found.kind() == "macro_invocation" {
        let arguments = found.children().find(|c| c.kind() == "token_tree");
        arguments.and_then(|tree| {
            let mut parts = tree.children().filter(|c| !matches!(c.text().as_ref(), "(" | "&" | "mut"));
            let first = parts.next().filter(is_identifier)?;
            // `write!(self.file, ...)` is more than a variable.
            parts.next().is_some_and(|next| next.text() == ",").then_some(first)
        })
    } else {
        let small = found.field("function").and_then(|f| f.field("field")).is_some_and(|method| {
            method.text() != "write_all"
                || found
                    .field("arguments")
                    .is_some_and(|a| a.text().starts_with("(b\"") || a.text().contains("_bytes()"))
        });
        receiver(found).filter(|r| small && r.kind() == "identifier")
    };
    let Some(target) = target else { return false };
    let for_each_byte = found.kind() == "call_expression"
        && found.field("function").and_then(|f| f.field("field")).is_some_and(|m| m.text() == "bytes");
    let around = enclosing_loop(found);
    let iterated = found.parent().filter(|p| p.kind() == "for_expression");
    let Some(around) = (if for_each_byte { iterated } else { around }) else { return false };
    let Some(function) = enclosing_function(found) else { return false };
    let name = target.text();
    let before = around.range().start;
    let mut bare = false;
    for node in function.dfs().take_while(|n| n.range().start < before) {
        if node.kind() == "let_declaration"
            && node.field("pattern").is_some_and(|p| p.text().trim_start_matches("mut ") == name)
        {
            bare = node.field("value").is_some_and(|value| opens_file(&value.text()));
        }
    }
    bare
}

fn opens_file(value: &str) -> bool {
    let value = value.trim_start_matches("std::").trim_start_matches("fs::");
    (value.starts_with("File::create(") || value.starts_with("File::open(") || value.starts_with("OpenOptions::new()"))
        && !value.contains("Buf")
        && !value.contains(".await")
        && !value.contains(".map(")
}
