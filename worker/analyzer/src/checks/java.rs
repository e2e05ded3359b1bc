//! What a Java variable was declared as. Looks no further than the method: fields and inherited names are unknown.

use crate::tree::{Match, Node, enclosing_function, enclosing_loop, is_function};

/// The metavariable `SUM` is a local variable of a boxed type, declared before the loop with a value: a box that begins
/// as null, or that was handed in, may need to be one.
pub(super) fn boxed_local(found: &Match<'_>) -> bool {
    declared_before_loop(found, "SUM").is_some_and(|declared| {
        matches!(declared.kind.as_str(), "Integer" | "Long" | "Short" | "Byte" | "Double" | "Float")
            && declared.value.is_some_and(|value| value.kind() != "null_literal")
    })
}

/// The metavariable `LIST` is a local variable that began as a new `ArrayList`, before the loop.
pub(super) fn array_list_began(found: &Match<'_>) -> bool {
    declared_before_loop(found, "LIST").and_then(|declared| declared.value).is_some_and(|value| {
        value.kind() == "object_creation_expression"
            && value.field("type").is_some_and(|kind| kind.text().split('<').next() == Some("ArrayList"))
    })
}

/// The metavariable `STREAM` is a file's own stream, without a buffer; what is written, if anything, is one byte.
pub(super) fn unbuffered_file(found: &Match<'_>) -> bool {
    let bare = repeating(found)
        .and_then(|around| declared_before(found, "STREAM", &around))
        .and_then(|declared| declared.value)
        .is_some_and(|value| {
            value.kind() == "object_creation_expression"
                && value.field("type").is_some_and(|kind| {
                    matches!(kind.text().rsplit('.').next(), Some("FileInputStream" | "FileOutputStream"))
                })
        });
    bare && found.get_env().get_match("ONE").is_none_or(|value| is_one_byte(found, value))
}

/// Whether an argument of `write` is a single byte, rather than an array of them.
fn is_one_byte(found: &Match<'_>, value: &Node<'_>) -> bool {
    match value.kind().as_ref() {
        "decimal_integer_literal" | "hex_integer_literal" | "character_literal" => true,
        "cast_expression" => {
            value.field("type").is_some_and(|kind| matches!(kind.text().as_ref(), "int" | "byte" | "char"))
        }
        "identifier" => declaration(found, &value.text())
            .is_some_and(|declared| matches!(declared.kind.as_str(), "int" | "byte" | "char")),
        _ => false,
    }
}

/// A declaration: its type without type arguments, its first value, and where it starts.
struct Declared<'t> {
    kind: String,
    value: Option<Node<'t>>,
    start: usize,
}

/// The loop that comes to the match again and again, in its body or in its condition.
fn repeating<'t>(found: &Match<'t>) -> Option<Node<'t>> {
    enclosing_loop(found).or_else(|| {
        let mut below = found.node_id();
        for ancestor in found.ancestors() {
            if is_function(&ancestor.kind()) {
                return None;
            }
            if ancestor.field("condition").is_some_and(|condition| condition.node_id() == below)
                && matches!(ancestor.kind().as_ref(), "while_statement" | "do_statement" | "for_statement")
            {
                return Some(ancestor.clone());
            }
            below = ancestor.node_id();
        }
        None
    })
}

fn declared_before_loop<'t>(found: &Match<'t>, variable: &str) -> Option<Declared<'t>> {
    declared_before(found, variable, &enclosing_loop(found)?)
}

/// The declaration of the variable in this metavariable, if it comes before the loop.
fn declared_before<'t>(found: &Match<'t>, variable: &str, around: &Node<'t>) -> Option<Declared<'t>> {
    let name = found.get_env().get_match(variable).filter(|node| node.kind() == "identifier")?.text().into_owned();
    declaration(found, &name).filter(|declared| declared.start < around.range().start)
}

/// The last declaration of a name before the match, in the method around it.
fn declaration<'t>(found: &Match<'t>, name: &str) -> Option<Declared<'t>> {
    let scope = enclosing_function(found)?;
    let before = found.range().start;
    scope.dfs().take_while(|node| node.range().start < before).filter_map(|node| declares(&node, name)).last()
}

fn declares<'t>(node: &Node<'t>, name: &str) -> Option<Declared<'t>> {
    let (kind, value) = match node.kind().as_ref() {
        "variable_declarator" => {
            let owner = node.parent()?;
            (owner.field("type")?, node.field("value"))
        }
        "resource" => (node.field("type")?, node.field("value")),
        "enhanced_for_statement" | "formal_parameter" => (node.field("type")?, None),
        _ => return None,
    };
    let declared = node.field("name").is_some_and(|n| n.text() == name);
    declared.then(|| Declared {
        kind: kind.text().split('<').next().unwrap_or_default().to_owned(),
        value,
        start: node.range().start,
    })
}
