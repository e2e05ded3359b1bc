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
