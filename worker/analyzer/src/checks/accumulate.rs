//! Values grown piece by piece, copied whole at every step.

use crate::tree::{Match, Node, enclosing_function, enclosing_loop};

/// `x += ...` where `x` began as a string in the same function, before the loop.
pub(super) fn python_string(found: &Match<'_>) -> bool {
    let Some(target) = found.field("left") else {
        return false;
    };
    began_before_loop(found, &target, |node| {
        node.kind() == "assignment"
            && node.field("left").is_some_and(|left| left.text() == target.text())
            && node
                .field("right")
                .is_some_and(|right| right.kind() == "string" && !right.text().starts_with(['b', 'B']))
    })
}

/// `s += ...` where `s` was declared as a string in the same function, before the loop.
pub(super) fn go_string(found: &Match<'_>) -> bool {
    let Some(target) = found.field("left") else {
        return false;
    };
    let name = target.text();
    began_before_loop(found, &target, |node| match node.kind().as_ref() {
        "short_var_declaration" => {
            node.field("left").is_some_and(|left| left.text() == name)
                && node.field("right").is_some_and(|right| {
                    right.child(0).is_some_and(|value| {
                        matches!(value.kind().as_ref(), "interpreted_string_literal" | "raw_string_literal")
                    })
                })
        }
        "var_spec" => {
            node.field("name").is_some_and(|declared| declared.text() == name)
                && node.field("type").is_some_and(|kind| kind.text() == "string")
        }
        _ => false,
    })
}

/// `xs = [...xs, x]` or `xs = xs.concat(x)` where `xs` began as an empty array before the loop.
pub(super) fn js_array(found: &Match<'_>) -> bool {
    let Some(target) = found.field("left") else {
        return false;
    };
    began_before_loop(found, &target, |node| {
        node.kind() == "variable_declarator"
            && node.field("name").is_some_and(|name| name.text() == target.text())
            && node.field("value").is_some_and(|value| matches!(value.kind().as_ref(), "array" | "object"))
    })
}

/// `s += ...` where `s` was declared as a string in the same function, before the loop.
pub(super) fn csharp_string(found: &Match<'_>) -> bool {
    let Some(target) = found.field("left") else { return false };
    let name = target.text();
    began_before_loop(found, &target, |node| {
        node.kind() == "variable_declarator"
            && node.field("name").is_some_and(|declared| declared.text() == name)
            && (node
                .parent()
                .and_then(|p| p.field("type"))
                .is_some_and(|kind| matches!(kind.text().as_ref(), "string" | "String"))
                || node.children().last().is_some_and(|value| {
                    matches!(
                        value.kind().as_ref(),
                        "string_literal" | "verbatim_string_literal" | "interpolated_string_expression"
                    ) || matches!(value.text().as_ref(), "string.Empty" | "String.Empty")
                }))
    }) && !declared_in_loop(found, &name)
        && !ends_by(found, &target)
        && !starts_anew(found, &name)
}

/// Whether the loop gives the variable a new value that doesn't build on the old one.
fn starts_anew(found: &Match<'_>, name: &str) -> bool {
    enclosing_loop(found).and_then(|around| around.field("body")).is_some_and(|body| {
        body.dfs().any(|node| {
            node.kind() == "assignment_expression"
                && node.field("operator").is_some_and(|operator| operator.text() == "=")
                && node.field("left").is_some_and(|left| left.text() == name)
                && node
                    .field("right")
                    .is_some_and(|right| !right.dfs().any(|part| part.kind() == "identifier" && part.text() == name))
        })
    })
}

/// Whether the loop's condition asks about the variable: a name that gets a suffix until it is free, or padding.
fn ends_by(found: &Match<'_>, target: &Node<'_>) -> bool {
    enclosing_loop(found).and_then(|around| around.field("condition")).is_some_and(|condition| {
        condition.dfs().any(|node| node.kind() == target.kind() && node.text() == target.text())
    })
}

/// Whether the name is declared in the innermost loop: each round then has one of its own.
fn declared_in_loop(found: &Match<'_>, name: &str) -> bool {
    enclosing_loop(found).is_some_and(|around| {
        around.dfs().any(|node| {
            node.kind() == "variable_declarator" && node.field("name").is_some_and(|declared| declared.text() == name)
        })
    })
}

/// `$all = array_merge($all, ...)` and `$s = $s . ...` where the loop gives the variable no other value.
pub(super) fn php_copy(found: &Match<'_>) -> bool {
    let Some(target) = found.field("left") else { return false };
    let name = target.text();
    let Some(around) = enclosing_loop(found) else { return false };
    let Some(body) = around.field("body") else { return false };
    let assigned = body
        .dfs()
        .filter(|node| node.kind() == "assignment_expression")
        .filter(|node| node.field("left").is_some_and(|left| left.text() == name))
        .filter(|node| {
            // Another step of the same growth is no new start.
            !node.field("right").is_some_and(|right| right.dfs().any(|n| n.kind() == target.kind() && n.text() == name))
        })
        .count();
    let leaves = body.dfs().any(|node| {
        matches!(node.kind().as_ref(), "break_statement" | "return_statement") && node.range().start > found.range().end
    });
    assigned == 0 && !leaves && !ends_by(found, &target)
}

/// The metavariable `LIST` began as an empty list in the same function, before the loop.
pub(super) fn list_began_empty(found: &Match<'_>) -> bool {
    let Some(list) = found.get_env().get_match("LIST") else {
        return false;
    };
    began_before_loop(found, list, |node| {
        node.kind() == "assignment"
            && node.field("left").is_some_and(|left| left.text() == list.text())
            && node.field("right").is_some_and(|right| matches!(right.text().as_ref(), "[]" | "list()"))
    })
}

/// Whether some node of the enclosing function (or file), outside the loop and before it, begins the target.
fn began_before_loop(found: &Match<'_>, target: &Node<'_>, begins: impl Fn(&Node<'_>) -> bool) -> bool {
    if !matches!(target.kind().as_ref(), "identifier" | "attribute" | "expression_list") {
        return false;
    }
    let Some(around) = enclosing_loop(found) else {
        return false;
    };
    let scope = enclosing_function(found).unwrap_or_else(|| found.root().root());
    let before = around.range().start;
    scope.dfs().take_while(|node| node.range().start < before).any(|node| begins(&node))
}
