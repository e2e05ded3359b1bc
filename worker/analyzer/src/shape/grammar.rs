//! What each kind of node means to the walk: tables of names for each grammar, looked up once by the grammar's own
//! numbers. Counts nothing.

use std::num::NonZeroU16;
use std::sync::OnceLock;

use ast_grep_core::tree_sitter::LanguageExt;

use crate::language::Language;

mod tables;

/// What a kind of node is to the walk. How much each counts is in [`super::walk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing in particular.
    Plain,
    /// A function with a name of its own; without a body it is a mere signature.
    Function,
    /// A function without a name: part of the function around it.
    Lambda,
    /// A class, an implementation, a module: a part of names.
    Scope,
    /// Gives a name to the lambda that is its value.
    Binding,
    If,
    /// An `elif` that is a node of its own kind.
    ElseIf,
    /// An `else` that is a node of its own kind.
    Else,
    Loop,
    /// Rust's `loop`, which has no condition.
    Endless,
    /// Rust's `let`, which may have an `else`.
    Let,
    Switch,
    /// A case, unless it is the one for everything else.
    Case,
    /// Rust's arm of a match: one of them is for everything else.
    Arm,
    /// Go's `default`.
    Default,
    Catch,
    Ternary,
    /// May hold `&&` and `||`, beside other operators.
    Logical,
    /// Changes nothing about what is in it.
    Paren,
    /// A condition that is a node of its own kind: of a comprehension, a case, a catch.
    Guard,
    /// Goes to a label if it names one.
    Jump,
    /// Always goes to a label.
    Goto,
    Call,
    Comment,
    /// Brings names in, or is about the code rather than code.
    Import,
    /// A string, whatever it is made of.
    Text,
    /// May hold a documenting string.
    Statement,
    /// Python's block, which has no brackets.
    Block,
}

/// What a leaf is as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// A piece of something that is a token as a whole.
    Piece,
    /// A name.
    Name,
    /// A number, or a text outside a string.
    Literal,
    /// Itself.
    Word,
    Open,
    Close,
    /// `&&` and `and`.
    And,
    /// `||` and `or`.
    Or,
    /// `??`.
    Fallback,
    /// `&&=`, `||=`, `??=`.
    Assign,
    /// `if`, which is a guard in a pattern.
    If,
    /// Begins another branch, a loop or a handler.
    Branch,
}

/// A kind of node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) role: Role,
    pub(crate) leaf: Leaf,
    /// Tells kinds of tokens apart; the same in grammars of one language.
    pub(crate) hash: u32,
}

const PLAIN: Kind = Kind { role: Role::Plain, leaf: Leaf::Word, hash: 0 };

/// The numbers of the fields that matter; `None` where a grammar has none of the name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) body: Option<NonZeroU16>,
    pub(crate) consequence: Option<NonZeroU16>,
    pub(crate) alternative: Option<NonZeroU16>,
    pub(crate) condition: Option<NonZeroU16>,
}

/// A grammar, ready to be asked.
#[derive(Debug)]
pub(crate) struct Grammar {
    kinds: Vec<Kind>,
    pub(crate) fields: Fields,
}

impl Grammar {
    /// The one of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        static ALL: [OnceLock<Grammar>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];
        ALL[language.index()].get_or_init(|| Self::read(language))
    }

    /// The kind with this number. Errors have a number beyond all.
    pub(crate) fn kind(&self, id: u16) -> Kind {
        self.kinds.get(usize::from(id)).copied().unwrap_or(PLAIN)
    }

    fn read(language: Language) -> Self {
        let grammar = language.grammar().get_ts_language();
        let roles = tables::roles(language);
        let kinds = (0..u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX))
            .map(|id| {
                let name = grammar.node_kind_for_id(id).unwrap_or_default();
                let named = grammar.node_kind_is_named(id);
                let role = roles.iter().find(|(_, names)| named && names.contains(&name)).map_or(Role::Plain, |r| r.0);
                Kind { role, leaf: tables::leaf(name, named), hash: super::tokens::hash(language.name(), name) }
            })
            .collect();
        let field = |name: &str| grammar.field_id_for_name(name);
        let fields = Fields {
            body: field("body"),
            consequence: field("consequence"),
            alternative: field("alternative"),
            condition: field("condition"),
        };
        Self { kinds, fields }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_tables_is_known_to_its_grammar() {
        for language in Language::ALL {
            let grammar = language.grammar().get_ts_language();
            for (role, names) in tables::roles(language) {
                for name in *names {
                    assert_ne!(grammar.id_for_node_kind(name, true), 0, "{language}: {role:?} {name}");
                }
            }
        }
    }
}
