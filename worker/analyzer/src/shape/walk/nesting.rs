//! Where a node stands in the one around it: a level deeper or not, as an `else`, as the case for everything else.

use tree_sitter::{Node, TreeCursor};

use super::Walk;
use crate::language::Language;
use crate::shape::grammar::Role;
use crate::shape::name::text_of;

/// Where a node stands.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Levels around it, within the innermost function.
    pub(super) nesting: u32,
    pub(super) part: Part,
}

/// What a node is of the one around it, where that counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Any,
    /// An `if` that is another's `else`.
    ElseIf,
    /// What an `else` has that is no `if`.
    Else,
    /// The same of Rust's `let`.
    LetElse,
    /// The body of a function that is listed.
    Body,
}

impl<'t> Walk<'_, 't> {
    /// The place of the node that the cursor is at; what is around it is on the stack.
    pub(super) fn place(&self, cursor: &TreeCursor<'t>, role: Role) -> Place {
        let Some(around) = self.stack.last() else { return Place::default() };
        let fields = self.file.grammar.fields;
        let field = || cursor.field_id();
        let same = Place { nesting: around.nesting, ..Place::default() };
        let deeper = Place { nesting: around.nesting + 1, ..Place::default() };
        match around.role {
            Role::Function | Role::Lambda if around.opened => {
                let has_no_field = around.node.kind() == "static_initializer";
                if has_no_field || field().is_some_and(|id| Some(id) == fields.body) {
                    Place { part: Part::Body, ..same }
                } else {
                    same
                }
            }
            _ if role == Role::Comment => same,
            Role::If | Role::ElseIf => match field() {
                Some(id) if Some(id) == fields.alternative => match role {
                    Role::Else | Role::ElseIf => same,
                    Role::If => Place { part: Part::ElseIf, ..same },
                    _ => Place { part: Part::Else, ..deeper },
                },
                Some(id) if Some(id) == fields.consequence || Some(id) == fields.body => deeper,
                _ => same,
            },
            Role::Else if cursor.node().is_named() => match role {
                Role::If => Place { part: Part::ElseIf, ..same },
                _ if around.children == 0 && self.else_counts() => Place { part: Part::Else, ..deeper },
                _ => deeper,
            },
            Role::Loop | Role::Endless if field().is_some_and(|id| Some(id) == fields.body) => deeper,
            Role::Let if field().is_some_and(|id| Some(id) == fields.alternative) => {
                Place { part: Part::LetElse, ..deeper }
            }
            Role::Switch if matches!(role, Role::Case | Role::Default) => deeper,
            Role::Switch if field().is_some_and(|id| Some(id) == fields.body) => deeper,
            Role::Ternary if self.file.language == Language::Python && around.children == 1 => same,
            Role::Ternary if field().is_some_and(|id| Some(id) == fields.condition) => same,
            Role::Catch | Role::Ternary => deeper,
            _ => same,
        }
    }

    /// Whether the `else` that the walk is in is more than a `try`'s.
    fn else_counts(&self) -> bool {
        let owner = self.stack.len().checked_sub(2).and_then(|at| self.stack.get(at));
        owner.is_some_and(|owner| matches!(owner.role, Role::If | Role::ElseIf | Role::Loop))
    }

    /// Whether a case is the one that takes whatever no other takes.
    pub(super) fn is_for_all_else(&self, case: Node<'_>) -> bool {
        match self.file.language {
            Language::Python => case.named_child(0).is_some_and(|pattern| text_of(pattern, self.file.text) == "_"),
            Language::CSharp if case.kind() == "switch_expression_arm" => {
                case.named_child(0).is_some_and(|pattern| text_of(pattern, self.file.text) == "_")
            }
            _ => case.child(0).is_some_and(|first| first.kind() == "default"),
        }
    }
}

/// Whether a jump says where to.
pub(super) fn names_a_label(jump: Node<'_>) -> bool {
    jump.named_child(0).is_some_and(|to| {
        matches!(to.kind(), "identifier" | "statement_identifier" | "label_name" | "label" | "integer")
            && !(to.kind() == "identifier" && jump.kind() == "break_expression")
    })
}
