//! Asynchronous code: waits in a row that could overlap, and threads blocked where they must not be.

use std::collections::BTreeSet;

use crate::tree::{Match, Node, enclosing_loop, identifiers, is_function, iterated, loop_targets, mentions};

/// Starts of function names that read and so can run side by side.
const READS: &[&str] =
    &["fetch", "get", "load", "read", "find", "query", "download", "lookup", "resolve", "axios", "request"];

/// An awaited read in a loop over items, fed by the item and by nothing that an earlier round made, with no early
/// exit: the rounds don't need each other.
pub(super) fn independent_await(found: &Match<'_>) -> bool {
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    if around.kind() != "for_in_statement" || around.children().any(|child| child.kind() == "await") {
        return false;
    }
    let targets: BTreeSet<String> = loop_targets(&around).iter().flat_map(identifiers).collect();
    let paced = targets.iter().any(|name| {
        let name = name.to_ascii_lowercase();
        ["chunk", "batch", "page", "attempt", "retr", "step", "group"].iter().any(|word| name.contains(word))
    });
    // What is waited for and not used is done for its effects, perhaps in this order.
    let unused = found.parent().is_some_and(|parent| parent.kind() == "expression_statement");
    if paced || unused || iterated(&around).is_some_and(|over| over.kind() == "array") {
        return false;
    }
    let Some(call) = found.children().find(|child| child.kind() == "call_expression") else {
        return false;
    };
    let Some(function) = call.field("function") else {
        return false;
    };
    let name = function.field("property").unwrap_or(function).text().to_ascii_lowercase();
    let Some(body) = around.field("body") else { return false };
    READS.iter().any(|read| name.starts_with(read))
        && !name.contains("orcreate")
        && call.field("arguments").is_some_and(|arguments| mentions(&arguments, &targets))
        && awaits(&body) == 1
        && !carries_on(&body)
}

/// How often a loop body waits.
fn awaits(body: &Node<'_>) -> usize {
    body.dfs().filter(|node| node.kind() == "await_expression").count()
}

/// Whether a round can end the loop or leave something to the next: an exit, or an assignment to an outer variable.
fn carries_on(body: &Node<'_>) -> bool {
    body.dfs().any(|node| match node.kind().as_ref() {
        "break_statement"
        | "return_statement"
        | "throw_statement"
        | "augmented_assignment_expression"
        | "update_expression"
        | "yield_expression" => true,
        "assignment_expression" => node.field("left").is_some_and(|left| left.kind() == "identifier"),
        _ => false,
    })
}

/// The innermost function around the match is `async`; a closure or nested function in between is another matter.
pub(super) fn nearest_function_is_async(found: &Match<'_>) -> bool {
    for ancestor in found.ancestors() {
        let kind = ancestor.kind();
        if kind == "async_block" {
            return true;
        }
        if kind == "macro_invocation" {
            return false;
        }
        if is_function(&kind) {
            return ancestor.children().any(|child| {
                child.kind() == "async"
                    || (child.kind() == "modifier" && child.text() == "async")
                    || (child.kind() == "function_modifiers" && child.text().split_whitespace().any(|w| w == "async"))
            });
        }
    }
    false
}

/// A `let` of a lock guard, with an `.await` later in the same block, the guard being neither dropped nor given away in
/// between.
pub(super) fn guard_held_across_await(found: &Match<'_>) -> bool {
    let Some(guard) = found.field("pattern") else {
        return false;
    };
    let names: BTreeSet<String> = identifiers(&guard);
    for next in found.next_all() {
        let wait = first_wait(&next);
        if let Some(moved) = first_move(&next, &names)
            && wait.is_none_or(|wait| moved < wait)
        {
            return false;
        }
        if wait.is_some() {
            return true;
        }
    }
    false
}

/// Where one of the names is first given to a function, `drop` or another, as it is.
fn first_move(node: &Node<'_>, names: &BTreeSet<String>) -> Option<usize> {
    node.dfs()
        .filter(|inner| inner.kind() == "identifier" && names.contains(inner.text().as_ref()))
        .find(|inner| inner.parent().is_some_and(|parent| parent.kind() == "arguments"))
        .map(|inner| inner.range().start)
}

/// Where the node itself first waits, not in a closure or an async block that runs elsewhere.
fn first_wait(node: &Node<'_>) -> Option<usize> {
    let mut skipped_until = 0;
    for inner in node.dfs() {
        if inner.range().start < skipped_until {
            continue;
        }
        let kind = inner.kind();
        if kind == "async_block" || is_function(&kind) {
            skipped_until = inner.range().end;
        } else if kind == "await_expression" {
            // It stands behind what it waits for.
            return Some(inner.range().end);
        }
    }
    None
}
