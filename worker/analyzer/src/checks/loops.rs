//! Work repeated in a loop.

use crate::tree::{
    Match, Node, enclosing_loop, identifiers, is_function, iterated, loop_targets, mentions, varying_names,
};

/// Names of loop variables that say the loop is already a batch, a retry, or a list of statements to run.
const DELIBERATE: &[&str] = &[
    "chunk",
    "batch",
    "page",
    "attempt",
    "retr",
    "tries",
    "try_",
    "shard",
    "table",
    "schema",
    "migration",
    "statement",
    "stmt",
    "sql",
    "ddl",
    "quer",
    "database",
    "db",
    "conn",
    "partition",
    "offset",
    "group",
    "bucket",
    "fixture",
];

/// The match stands in the body of a loop of its own function.
pub(super) fn in_loop(found: &Match<'_>) -> bool {
    enclosing_loop(found).is_some()
}

/// The match is a statement of its own in the body of a loop, so that every round comes to it.
pub(super) fn every_round(found: &Match<'_>) -> bool {
    let Some(statement) = found.parent().filter(|parent| parent.kind() == "expression_statement") else {
        return false;
    };
    let Some(block) = statement.parent() else { return false };
    enclosing_loop(found).and_then(|around| around.field("body")).is_some_and(|body| body.node_id() == block.node_id())
}

/// Every round does the match again with the same arguments: no condition stands before it, no name in it changes from
/// round to round, and the loop is no attempt that ends at the first success.
pub(super) fn same_every_round(found: &Match<'_>) -> bool {
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    let unconditional = found.ancestors().take_while(|a| a.node_id() != around.node_id()).all(|a| {
        !matches!(
            a.kind().as_ref(),
            "if_statement"
                | "elif_clause"
                | "else_clause"
                | "conditional_expression"
                | "ternary_expression"
                | "boolean_operator"
                | "except_clause"
                | "catch_clause"
                | "switch_expression"
                | "switch_block"
                | "match_statement"
                | "return_statement"
                | "raise_statement"
                | "throw_statement"
        )
    });
    unconditional && !leaves_early(&around) && !leaves_by(&around, &["return_statement"]) && {
        let mut names = varying_names(&around);
        let counters =
            ["init", "initializer", "update", "increment"].into_iter().filter_map(|field| around.field(field));
        names.extend(counters.flat_map(|counter| identifiers(&counter)));
        arguments(found).is_some_and(|arguments| !mentions(&arguments, &names))
    }
}

/// The assignment's target carries over from one round to the next: nothing else in the loop binds it, and it is no item
/// of something that the loop picks.
pub(super) fn grown_from_round_to_round(found: &Match<'_>) -> bool {
    let Some(target) = found.field("left").filter(|left| matches!(left.kind().as_ref(), "identifier" | "attribute"))
    else {
        return false;
    };
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    let name = target.text();
    let is_target = loop_targets(&around).iter().any(|bound| mentions(bound, &identifiers(&target)));
    !is_target && !leaves_early(&around) && {
        let growths = |node: &Node<'_>| {
            node.kind() == "assignment" && node.field("left").is_some_and(|left| mentions(&left, &identifiers(&target)))
        };
        around.field("body").is_some_and(|body| {
            body.dfs().filter(growths).all(|assignment| {
                assignment.field("left").is_some_and(|left| left.text() == name)
                    && assignment.field("right").is_some_and(|right| mentions(&right, &identifiers(&target)))
            })
        })
    }
}

/// The queue that a message goes to, if it is named, doesn't change from round to round.
pub(super) fn same_queue_every_round(found: &Match<'_>) -> bool {
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    let names = varying_names(&around);
    let queue = arguments(found).and_then(|arguments| {
        arguments.children().find(|argument| argument.field("name").is_some_and(|name| name.text() == "QueueUrl"))
    });
    queue.and_then(|argument| argument.field("value")).is_none_or(|value| !mentions(&value, &names))
}

/// After the match the loop takes its next item: neither its block nor those around it, up to the loop, leave.
pub(super) fn loop_goes_on(found: &Match<'_>) -> bool {
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    found.ancestors().take_while(|a| a.node_id() != around.node_id()).all(|ancestor| {
        !ancestor
            .next_all()
            .any(|next| matches!(next.kind().as_ref(), "break_statement" | "return_statement" | "raise_statement"))
    })
}

/// The match stands in a loop over items and uses something that differs from item to item, so that it could be done
/// for all items at once. Loops over a literal few, and over batches, are left alone.
pub(super) fn varies_with_loop(found: &Match<'_>) -> bool {
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    let targets = loop_targets(&around);
    if targets.is_empty() {
        return false;
    }
    let deliberate = targets.iter().flat_map(identifiers).any(|name| {
        let name = name.to_ascii_lowercase();
        DELIBERATE.iter().any(|word| name.contains(word))
    });
    !deliberate && !iterated(&around).is_some_and(|over| is_literal_few(&over)) && !leaves_early(&around) && {
        let names = varying_names(&around);
        arguments(found).is_some_and(|arguments| mentions(&arguments, &names))
    }
}

/// A list written out in place: nobody writes a thousand items there.
fn is_literal_few(over: &Node<'_>) -> bool {
    matches!(
        over.kind().as_ref(),
        "list" | "tuple" | "set" | "array" | "array_expression" | "composite_literal" | "array_creation_expression"
    )
}

/// The loop ends at the first success: a search, which can't be one query without being another algorithm.
fn leaves_early(around: &Node<'_>) -> bool {
    leaves_by(around, &["break_statement", "break_expression"])
}

/// Whether the loop's own body holds a statement of these kinds.
fn leaves_by(around: &Node<'_>, kinds: &[&str]) -> bool {
    let Some(body) = around.field("body") else { return false };
    let mut skipped_until = 0;
    for node in body.dfs() {
        if node.range().start < skipped_until {
            continue;
        }
        let kind = node.kind();
        if is_function(&kind) {
            skipped_until = node.range().end;
        } else if kinds.contains(&kind.as_ref()) {
            return true;
        }
    }
    false
}

/// The arguments of the call that matched.
fn arguments<'t>(found: &Match<'t>) -> Option<Node<'t>> {
    found.field("arguments").or_else(|| found.children().find_map(|child| child.field("arguments")))
}
