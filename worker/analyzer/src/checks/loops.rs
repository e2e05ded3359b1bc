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
    let itself = std::iter::once(found.get_node().clone());
    itself.chain(found.ancestors().take_while(|a| a.node_id() != around.node_id())).all(|place| {
        !place
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
    // `execute(statement)` of each statement: every round sends another one, which no single one could replace.
    let executes = found.field("function").is_some_and(|function| function.text().ends_with("execute"));
    let apart = executes
        && arguments(found)
            .and_then(|arguments| arguments.children().find(Node::is_named))
            .is_some_and(|first| targets.iter().any(|target| target.text() == first.text()));
    let over = iterated(&around);
    let in_batches = over.as_ref().is_some_and(|over| steps(over) || tries(over));
    !deliberate
        && !apart
        && !in_batches
        && !over.is_some_and(|over| is_literal_few(&over))
        && !leaves_early(&around)
        && {
            let names = varying_names(&around);
            arguments(found).is_some_and(|arguments| mentions(&arguments, &names))
        }
}

/// The metavariable `SIZED` keeps its size while the loop runs: nothing in the body assigns to it, adds to it or hands
/// it to a function that could.
pub(super) fn size_is_fixed(found: &Match<'_>) -> bool {
    let Some(sized) = found.get_env().get_match("SIZED") else { return false };
    let Some(body) = found.field("body") else { return false };
    let name = sized.text();
    body.dfs().filter(|n| n.kind() == sized.kind() && n.text() == name).all(|used| {
        let Some(parent) = used.parent() else { return false };
        match parent.kind().as_ref() {
            // `$xs[$i]` is read unless something is done to it further up.
            "subscript_expression" => {
                parent.child(0).is_some_and(|object| object.node_id() == used.node_id()) && !is_changed(&parent)
                    || parent.child(0).is_some_and(|object| object.node_id() != used.node_id())
            }
            "argument" => is_measured(&parent),
            _ => false,
        }
    })
}

/// The sequence that the loop's condition counts or copies stays the same while the loop runs, as far as the body shows.
pub(super) fn sequence_is_fixed(found: &Match<'_>) -> bool {
    let (Some(condition), Some(body)) = (found.field("condition"), found.field("body")) else { return false };
    let sequence = condition.dfs().filter(|n| n.kind() == "member_access_expression").find_map(|access| {
        let method = access.field("name")?;
        matches!(method.text().as_ref(), "Count" | "LongCount" | "ToList" | "ToArray")
            .then(|| access.field("expression"))
            .flatten()
    });
    let Some(sequence) = sequence else { return false };
    // Assigned in the body, or handed to somebody who may change it: `queue.Add(...)`, `Fill(queue)`.
    let roots = identifiers(&sequence);
    let assigned = varying_names(found);
    let read = |used: &Node<'_>| {
        used.parent().is_some_and(|parent| match parent.kind().as_ref() {
            "element_access_expression" => true,
            "member_access_expression" => parent.field("name").is_some_and(|name| {
                matches!(name.text().as_ref(), "ElementAt" | "Count" | "Length" | "First" | "Last" | "Skip" | "Take")
            }),
            _ => false,
        })
    };
    roots.is_disjoint(&assigned)
        && body.dfs().filter(|n| n.kind() == sequence.kind() && n.text() == sequence.text()).all(|used| read(&used))
}

/// Whether an element is assigned, removed or taken by reference.
fn is_changed(element: &Node<'_>) -> bool {
    // `$xs[] = ...` adds; `$xs[$i] = ...` could.
    element.parent().is_some_and(|parent| match parent.kind().as_ref() {
        "assignment_expression" | "augmented_assignment_expression" => {
            parent.field("left").is_some_and(|left| left.node_id() == element.node_id())
        }
        "unset_statement" | "reference_assignment_expression" | "update_expression" => true,
        _ => false,
    })
}

/// Whether the argument stands in a call that only asks for a size.
fn is_measured(argument: &Node<'_>) -> bool {
    argument
        .parent()
        .and_then(|list| list.parent())
        .and_then(|call| call.field("function"))
        .is_some_and(|function| matches!(function.text().as_ref(), "count" | "sizeof" | "strlen" | "substr" | "ord"))
}

/// The metavariable `LIST` gets longer in the same loop: `$seen[] = ...`.
pub(super) fn list_grows_in_loop(found: &Match<'_>) -> bool {
    let Some(list) = found.get_env().get_match("LIST") else { return false };
    let Some(body) = enclosing_loop(found).and_then(|around| around.field("body")) else { return false };
    let name = list.text();
    let starts_anew = body
        .dfs()
        .any(|n| n.kind() == "assignment_expression" && n.field("left").is_some_and(|left| left.text() == name));
    !starts_anew
        && body.dfs().any(|n| {
            n.kind() == "assignment_expression"
                && n.field("left").is_some_and(|left| {
                    left.kind() == "subscript_expression"
                        && left.child(0).is_some_and(|object| object.text() == name)
                        && left.text().trim_end().ends_with("[]")
                })
        })
}

/// The metavariable `LIST` is neither bound nor assigned by the loop, so that it gathers what all rounds put in.
pub(super) fn list_outlives_round(found: &Match<'_>) -> bool {
    let Some(list) = found.get_env().get_match("LIST") else { return false };
    enclosing_loop(found).is_some_and(|around| identifiers(list).is_disjoint(&varying_names(&around)))
}

/// The metavariable `MAP` is declared in this file as a dictionary of the framework, which can be iterated in pairs.
pub(super) fn map_is_dictionary(found: &Match<'_>) -> bool {
    let Some(map) = found.get_env().get_match("MAP") else { return false };
    let text = map.text();
    let name = text.rsplit('.').next().unwrap_or(&text);
    let is_dictionary = |kind: &str| ["Dictionary<", "SortedList<", "Hashtable"].iter().any(|word| kind.contains(word));
    found.root().root().dfs().any(|node| match node.kind().as_ref() {
        "parameter" | "property_declaration" => {
            node.field("name").is_some_and(|own| own.text() == name)
                && node.field("type").is_some_and(|kind| is_dictionary(&kind.text()))
        }
        "variable_declarator" => {
            node.field("name").is_some_and(|own| own.text() == name)
                && node.parent().is_some_and(|declaration| is_dictionary(&declaration.text()))
        }
        _ => false,
    })
}

/// `range(0, n, size)`: one round per batch.
fn steps(over: &Node<'_>) -> bool {
    over.kind() == "call"
        && over.field("function").is_some_and(|function| function.text() == "range")
        && over.field("arguments").is_some_and(|arguments| arguments.children().filter(Node::is_named).count() == 3)
}

/// `range(max_retries)`: the same again until it works.
fn tries(over: &Node<'_>) -> bool {
    let text = over.text().to_ascii_lowercase();
    text.starts_with("range(") && ["retr", "attempt", "tries"].iter().any(|word| text.contains(word))
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
