//! Questions about a place in a syntax tree that rules of every language ask: which function, which loop, which names
//! change from one round to the next. Node kinds of all grammars stand side by side here; they don't collide.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use ast_grep_core::tree_sitter::{LanguageExt, StrDoc};
use ast_grep_core::{AstGrep, NodeMatch};
use ast_grep_language::SupportLang;

use crate::language::Language;

pub(crate) type Doc = StrDoc<SupportLang>;
pub(crate) type Tree = AstGrep<Doc>;
pub(crate) type Node<'t> = ast_grep_core::Node<'t, Doc>;
/// A node without its text.
pub(crate) type RawNode<'t> = tree_sitter::Node<'t>;
pub(crate) type Match<'t> = NodeMatch<'t, Doc>;

/// Kinds whose body runs at another time than the code around it.
pub(crate) fn is_function(kind: &str) -> bool {
    matches!(
        kind,
        // Python
        "function_definition" | "lambda"
        // JavaScript, Java, Go
        | "function_declaration" | "function_expression" | "generator_function" | "generator_function_declaration"
        | "arrow_function" | "method_definition" | "method_declaration" | "constructor_declaration"
        | "compact_constructor_declaration" | "lambda_expression" | "func_literal" | "static_initializer"
        // Rust
        | "function_item" | "closure_expression"
        // C#
        | "local_function_statement" | "anonymous_method_expression" | "accessor_declaration"
        | "destructor_declaration" | "operator_declaration" | "conversion_operator_declaration"
        // PHP
        | "anonymous_function"
    )
}

/// Kinds that run their `body` again and again. Comprehensions are loops.
fn is_loop(kind: &str) -> bool {
    matches!(
        kind,
        "for_statement"
            | "while_statement"
            | "do_statement"
            | "for_in_statement"
            | "enhanced_for_statement"
            | "foreach_statement"
            | "for_expression"
            | "while_expression"
            | "loop_expression"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression"
    )
}

/// The innermost function around a node.
pub(crate) fn enclosing_function<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    node.ancestors().find(|a| is_function(&a.kind()))
}

/// The name of the innermost function around a node that has one, or the empty string.
pub(crate) fn function_name(node: &Node<'_>) -> String {
    node.ancestors()
        .filter(|a| is_function(&a.kind()) || a.kind() == "variable_declarator")
        .find_map(|a| a.field("name"))
        .map(|name| name.text().into_owned())
        .unwrap_or_default()
}

/// The innermost loop of the same function whose body the node is in. What a loop iterates over is evaluated once
/// and is not in its body.
pub(crate) fn enclosing_loop<'t>(node: &Node<'t>) -> Option<Node<'t>> {
    let mut below = node.clone();
    for ancestor in node.ancestors() {
        let kind = ancestor.kind();
        if is_function(&kind) {
            return None;
        }
        if is_loop(&kind) && ancestor.field("body").is_some_and(|body| body.node_id() == below.node_id()) {
            return Some(ancestor.clone());
        }
        below = ancestor.clone();
    }
    None
}

/// The nodes that a loop binds anew each round: `x` in `for x in xs`.
pub(crate) fn loop_targets<'t>(around: &Node<'t>) -> Vec<Node<'t>> {
    let mut targets = Vec::new();
    for field in ["left", "name", "pattern"] {
        targets.extend(around.field(field));
    }
    for clause in around.children() {
        if matches!(clause.kind().as_ref(), "for_in_clause" | "range_clause") {
            targets.extend(clause.field("left"));
        }
    }
    if targets.is_empty() && around.kind() == "foreach_statement" {
        // PHP names neither what it goes over nor what it binds: `foreach ($items as $key => $item)`.
        targets.extend(around.children().skip_while(|c| c.kind() != "as").nth(1));
    }
    targets
}

/// What a loop iterates over, if it says.
pub(crate) fn iterated<'t>(around: &Node<'t>) -> Option<Node<'t>> {
    around.field("right").or_else(|| around.field("value")).or_else(|| {
        around
            .children()
            .find(|c| matches!(c.kind().as_ref(), "for_in_clause" | "range_clause"))
            .and_then(|clause| clause.field("right"))
            .or_else(|| (around.kind() == "foreach_statement").then(|| around.children().nth(2)).flatten())
    })
}

/// The identifiers at or below a node.
pub(crate) fn identifiers(node: &Node<'_>) -> BTreeSet<String> {
    node.dfs().filter(is_identifier).map(|n| n.text().into_owned()).collect()
}

pub(crate) fn is_identifier(node: &Node<'_>) -> bool {
    matches!(
        node.kind().as_ref(),
        "identifier" | "shorthand_property_identifier" | "shorthand_property_identifier_pattern" | "variable_name"
    )
}

/// Whether any identifier at or below the node is one of the names.
pub(crate) fn mentions(node: &Node<'_>, names: &BTreeSet<String>) -> bool {
    node.dfs().any(|n| is_identifier(&n) && names.contains(n.text().as_ref()))
}

/// The names whose value differs from one round to the next: the loop's own, and those assigned in its body.
pub(crate) fn varying_names(around: &Node<'_>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = loop_targets(around).iter().flat_map(identifiers).collect();
    if let Some(body) = around.field("body") {
        for node in body.dfs() {
            let assigned = match node.kind().as_ref() {
                "assignment"
                | "augmented_assignment"
                | "assignment_expression"
                | "assignment_statement"
                | "short_var_declaration"
                | "for_in_clause"
                | "for_in_statement"
                | "for_statement"
                | "range_clause" => node.field("left"),
                // What is added to a member leaves its owner the one that it was.
                "augmented_assignment_expression" => node.field("left").filter(is_identifier),
                "variable_declarator" | "enhanced_for_statement" => node.field("name"),
                "let_declaration" | "for_expression" => node.field("pattern"),
                _ => None,
            };
            names.extend(assigned.iter().flat_map(identifiers));
            if node.kind() == "foreach_statement" {
                names.extend(loop_targets(&node).iter().flat_map(identifiers));
            }
        }
    }
    names
}

/// Whether the node stands in Rust test code: below `#[cfg(test)]` or `#[test]`.
pub(crate) fn in_rust_test(node: &Node<'_>) -> bool {
    node.ancestors().filter(|a| matches!(a.kind().as_ref(), "mod_item" | "function_item")).any(|item| {
        item.prev_all()
            .take_while(|n| matches!(n.kind().as_ref(), "attribute_item" | "line_comment" | "block_comment"))
            .any(|n| n.kind() == "attribute_item" && n.text().contains("test"))
    })
}

/// The number by which a grammar knows a field.
pub(crate) fn field_id(language: Language, name: &str) -> Option<NonZeroU16> {
    language.grammar().get_ts_language().field_id_for_name(name)
}

/// Whether a call has more arguments than any real one. Rules that count arguments take quadratic time on them.
pub(crate) fn is_crowded(node: &RawNode<'_>, arguments: Option<NonZeroU16>) -> bool {
    const MOST: u32 = 500;
    let list = arguments.and_then(|field| node.child_by_field_id(field.get()));
    list.is_some_and(|list| list.child_count() > MOST)
}

/// The nodes of the kinds that are wanted, in document order, parents first; `None` if one lies deeper below the root
/// than `limit`. One walk, without recursion.
pub(crate) fn survey(tree: &Tree, limit: usize, wanted: impl Fn(u16) -> bool) -> Option<Vec<RawNode<'_>>> {
    let mut found = Vec::new();
    let mut cursor = tree.root().get_inner_node().walk();
    let mut depth = 0_usize;
    loop {
        let node = cursor.node();
        if wanted(node.kind_id()) {
            found.push(node);
        }
        if cursor.goto_first_child() {
            depth += 1;
            if depth > limit {
                return None;
            }
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(found);
            }
            depth -= 1;
        }
    }
}

/// Whether a node lies deeper below the root than `limit`.
pub(crate) fn depth_exceeds(tree: &Tree, limit: usize) -> bool {
    survey(tree, limit, |_| false).is_none()
}

/// Whether the grammar made sense of less than half of the text. A few errors are normal: grammars lag behind languages.
pub(crate) fn mostly_errors(tree: &Tree) -> bool {
    let root = tree.root();
    let lost: usize = root.children().filter(Node::is_error).map(|error| error.range().len()).sum();
    root.is_error() || lost * 2 > root.range().len()
}
