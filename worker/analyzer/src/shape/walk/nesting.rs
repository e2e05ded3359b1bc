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
    /// An `if` that is another's `else`.
    pub(super) is_else_if: bool,
    /// What an `else` has that is no `if`.
    pub(super) is_else: bool,
    /// The same of Rust's `let`.
    pub(super) is_let_else: bool,
    /// The body of a function that is listed.
    pub(super) is_body: bool,
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
                Place { is_body: has_no_field || field().is_some_and(|id| Some(id) == fields.body), ..same }
            }
            _ if role == Role::Comment => same,
            Role::If | Role::ElseIf => match field() {
                Some(id) if Some(id) == fields.alternative => match role {
                    Role::Else | Role::ElseIf => same,
                    Role::If => Place { is_else_if: true, ..same },
                    _ => Place { is_else: true, ..deeper },
                },
                Some(id) if Some(id) == fields.consequence || Some(id) == fields.body => deeper,
                _ => same,
            },
            Role::Else if cursor.node().is_named() => match role {
                Role::If => Place { is_else_if: true, ..same },
                _ => Place { is_else: around.children == 0 && self.else_counts(), ..deeper },
            },
            Role::Loop | Role::Endless if field().is_some_and(|id| Some(id) == fields.body) => deeper,
            Role::Let if field().is_some_and(|id| Some(id) == fields.alternative) => {
                Place { is_let_else: true, ..deeper }
            }
            Role::Switch if matches!(role, Role::Case | Role::Default) => deeper,
            Role::Switch if field().is_some_and(|id| Some(id) == fields.body) => deeper,
            Role::Catch => deeper,
            Role::Ternary if self.file.language == Language::Python && around.children == 1 => same,
            Role::Ternary if field().is_some_and(|id| Some(id) == fields.condition) => same,
            Role::Ternary => deeper,
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
