//! The names of the grammars' nodes, by what they are to the walk. Data.

use super::{Leaf, Role};
use crate::language::Language;

type Table = &'static [(Role, &'static [&'static str])];

/// The kinds of a language that are more than plain.
pub(super) fn roles(language: Language) -> Table {
    match language {
        Language::Python => PYTHON,
        Language::Java => JAVA,
        Language::JavaScript => JAVASCRIPT,
        Language::TypeScript | Language::Tsx => TYPESCRIPT,
        Language::Go => GO,
        Language::Rust => RUST,
        Language::CSharp => CSHARP,
        Language::Php => PHP,
    }
}

const PYTHON: Table = &[
    (Role::Function, &["function_definition"]),
    (Role::Lambda, &["lambda"]),
    (Role::Scope, &["class_definition"]),
    (Role::If, &["if_statement"]),
    (Role::ElseIf, &["elif_clause"]),
    (Role::Else, &["else_clause"]),
    (Role::Loop, &["for_statement", "while_statement"]),
    (Role::Switch, &["match_statement"]),
    (Role::Case, &["case_clause"]),
    (Role::Catch, &["except_clause"]),
    (Role::Ternary, &["conditional_expression"]),
    (Role::Logical, &["boolean_operator"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Guard, &["for_in_clause", "if_clause"]),
    (Role::Call, &["call"]),
    (Role::Comment, &["comment"]),
    (Role::Import, &["import_statement", "import_from_statement", "future_import_statement"]),
    (Role::Text, &["string"]),
    (Role::Statement, &["expression_statement"]),
    (Role::Block, &["block"]),
];

const JAVA: Table = &[
    (
        Role::Function,
        &["method_declaration", "constructor_declaration", "compact_constructor_declaration", "static_initializer"],
    ),
    (Role::Lambda, &["lambda_expression"]),
    (
        Role::Scope,
        &[
            "class_declaration",
            "interface_declaration",
            "enum_declaration",
            "record_declaration",
            "annotation_type_declaration",
        ],
    ),
    (Role::Binding, &["variable_declarator"]),
    (Role::If, &["if_statement"]),
    (Role::Loop, &["for_statement", "enhanced_for_statement", "while_statement", "do_statement"]),
    (Role::Switch, &["switch_expression"]),
    (Role::Case, &["switch_label"]),
    (Role::Guard, &["guard"]),
    (Role::Catch, &["catch_clause"]),
    (Role::Ternary, &["ternary_expression"]),
    (Role::Logical, &["binary_expression"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Jump, &["break_statement", "continue_statement"]),
    (Role::Call, &["method_invocation"]),
    (Role::Comment, &["line_comment", "block_comment"]),
    (Role::Import, &["import_declaration", "package_declaration"]),
    (Role::Text, &["string_literal", "character_literal"]),
];

const JAVASCRIPT: Table = &[
    (Role::Function, &["function_declaration", "generator_function_declaration", "method_definition"]),
    (Role::Lambda, &["arrow_function", "function_expression", "generator_function"]),
    (Role::Scope, &["class_declaration", "class"]),
    (Role::Binding, &["variable_declarator", "pair", "assignment_expression", "field_definition"]),
    (Role::If, &["if_statement"]),
    (Role::Else, &["else_clause"]),
    (Role::Loop, &["for_statement", "for_in_statement", "while_statement", "do_statement"]),
    (Role::Switch, &["switch_statement"]),
    (Role::Case, &["switch_case"]),
    (Role::Catch, &["catch_clause"]),
    (Role::Ternary, &["ternary_expression"]),
    (Role::Logical, &["binary_expression"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Jump, &["break_statement", "continue_statement"]),
    (Role::Call, &["call_expression"]),
    (Role::Comment, &["comment", "html_comment"]),
    (Role::Import, &["import_statement", "export_clause"]),
    (Role::Text, &["string", "template_string", "regex"]),
];

const TYPESCRIPT: Table = &[
    (Role::Function, &["function_declaration", "generator_function_declaration", "method_definition"]),
    (Role::Lambda, &["arrow_function", "function_expression", "generator_function"]),
    (Role::Scope, &["class_declaration", "class", "abstract_class_declaration", "internal_module", "module"]),
    (Role::Binding, &["variable_declarator", "pair", "assignment_expression", "public_field_definition"]),
    (Role::If, &["if_statement"]),
    (Role::Else, &["else_clause"]),
    (Role::Loop, &["for_statement", "for_in_statement", "while_statement", "do_statement"]),
    (Role::Switch, &["switch_statement"]),
    (Role::Case, &["switch_case"]),
    (Role::Catch, &["catch_clause"]),
    (Role::Ternary, &["ternary_expression"]),
    (Role::Logical, &["binary_expression"]),
    (Role::Paren, &["parenthesized_expression", "as_expression", "non_null_expression"]),
    (Role::Jump, &["break_statement", "continue_statement"]),
    (Role::Call, &["call_expression"]),
    (Role::Comment, &["comment", "html_comment"]),
    (Role::Import, &["import_statement", "export_clause", "import_alias"]),
    (Role::Text, &["string", "template_string", "regex"]),
];

const GO: Table = &[
    (Role::Function, &["function_declaration", "method_declaration"]),
    (Role::Lambda, &["func_literal"]),
    (Role::Binding, &["var_spec"]),
    (Role::If, &["if_statement"]),
    (Role::Loop, &["for_statement"]),
    (Role::Switch, &["expression_switch_statement", "type_switch_statement", "select_statement"]),
    (Role::Case, &["expression_case", "type_case", "communication_case"]),
    (Role::Default, &["default_case"]),
    (Role::Logical, &["binary_expression"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Jump, &["break_statement", "continue_statement"]),
    (Role::Goto, &["goto_statement"]),
    (Role::Call, &["call_expression"]),
    (Role::Comment, &["comment"]),
    (Role::Import, &["import_declaration", "package_clause"]),
    (Role::Text, &["interpreted_string_literal", "raw_string_literal"]),
];

const RUST: Table = &[
    (Role::Function, &["function_item"]),
    (Role::Lambda, &["closure_expression"]),
    (Role::Scope, &["impl_item", "trait_item", "mod_item"]),
    (Role::Binding, &["static_item", "const_item"]),
    (Role::If, &["if_expression"]),
    (Role::Else, &["else_clause"]),
    (Role::Loop, &["while_expression", "for_expression"]),
    (Role::Endless, &["loop_expression"]),
    (Role::Let, &["let_declaration"]),
    (Role::Switch, &["match_expression"]),
    (Role::Arm, &["match_arm"]),
    (Role::Guard, &[]),
    (Role::Logical, &["binary_expression", "let_chain"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Jump, &["break_expression", "continue_expression"]),
    (Role::Call, &["call_expression"]),
    (Role::Comment, &["line_comment", "block_comment"]),
    (Role::Import, &["use_declaration", "extern_crate_declaration", "attribute_item", "inner_attribute_item"]),
    (Role::Text, &["string_literal", "raw_string_literal", "char_literal"]),
];

const CSHARP: Table = &[
    (
        Role::Function,
        &[
            "method_declaration",
            "constructor_declaration",
            "destructor_declaration",
            "operator_declaration",
            "conversion_operator_declaration",
            "local_function_statement",
            "accessor_declaration",
        ],
    ),
    (Role::Lambda, &["lambda_expression", "anonymous_method_expression"]),
    (
        Role::Scope,
        &[
            "class_declaration",
            "struct_declaration",
            "interface_declaration",
            "record_declaration",
            "property_declaration",
            "indexer_declaration",
            "event_declaration",
        ],
    ),
    (Role::Binding, &["variable_declarator"]),
    (Role::If, &["if_statement"]),
    (Role::Loop, &["for_statement", "foreach_statement", "while_statement", "do_statement"]),
    (Role::Switch, &["switch_statement", "switch_expression"]),
    (Role::Case, &["switch_section", "switch_expression_arm"]),
    (Role::Guard, &["when_clause", "catch_filter_clause"]),
    (Role::Catch, &["catch_clause"]),
    (Role::Ternary, &["conditional_expression"]),
    (Role::Logical, &["binary_expression"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Goto, &["goto_statement"]),
    (Role::Call, &["invocation_expression"]),
    (Role::Comment, &["comment"]),
    (Role::Import, &["using_directive", "extern_alias_directive", "global_attribute", "attribute_list"]),
    (
        Role::Text,
        &[
            "string_literal",
            "verbatim_string_literal",
            "raw_string_literal",
            "interpolated_string_expression",
            "character_literal",
        ],
    ),
];

const PHP: Table = &[
    (Role::Function, &["function_definition", "method_declaration", "property_hook"]),
    (Role::Lambda, &["anonymous_function", "arrow_function"]),
    (Role::Scope, &["class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"]),
    (Role::Binding, &["assignment_expression"]),
    (Role::If, &["if_statement"]),
    (Role::ElseIf, &["else_if_clause"]),
    (Role::Else, &["else_clause"]),
    (Role::Loop, &["for_statement", "foreach_statement", "while_statement", "do_statement"]),
    (Role::Switch, &["switch_statement", "match_expression"]),
    (Role::Case, &["case_statement", "match_conditional_expression"]),
    (Role::Catch, &["catch_clause"]),
    (Role::Ternary, &["conditional_expression"]),
    (Role::Logical, &["binary_expression"]),
    (Role::Paren, &["parenthesized_expression"]),
    (Role::Jump, &["break_statement", "continue_statement"]),
    (Role::Goto, &["goto_statement"]),
    (
        Role::Call,
        &[
            "function_call_expression",
            "member_call_expression",
            "nullsafe_member_call_expression",
            "scoped_call_expression",
        ],
    ),
    (Role::Comment, &["comment"]),
    (Role::Import, &["namespace_use_declaration", "attribute_list"]),
    (Role::Text, &["string", "encapsed_string", "heredoc", "nowdoc", "shell_command_expression"]),
];

/// Leaves whose text is a name that may differ in a copy.
const NAMES: &[&str] = &[
    "identifier",
    "type_identifier",
    "field_identifier",
    "package_identifier",
    "property_identifier",
    "private_property_identifier",
    "shorthand_property_identifier",
    "shorthand_property_identifier_pattern",
    "shorthand_field_identifier",
    "statement_identifier",
    "label_name",
    "name",
    "metavariable",
];

/// Leaves whose text is a value that may differ in a copy. Strings are tokens as a whole and not among them.
const LITERALS: &[&str] = &[
    "integer",
    "float",
    "number",
    "integer_literal",
    "float_literal",
    "real_literal",
    "int_literal",
    "imaginary_literal",
    "rune_literal",
    "decimal_integer_literal",
    "decimal_floating_point_literal",
    "hex_integer_literal",
    "hex_floating_point_literal",
    "octal_integer_literal",
    "binary_integer_literal",
    "jsx_text",
    "text",
];

/// Leaves that strings and comments are made of.
const PIECES: &[&str] = &[
    "string_start",
    "string_content",
    "string_end",
    "string_fragment",
    "string_literal_content",
    "string_literal_encoding",
    "raw_string_start",
    "raw_string_content",
    "raw_string_end",
    "character_literal_content",
    "multiline_string_fragment",
    "interpreted_string_literal_content",
    "raw_string_literal_content",
    "escape_sequence",
    "escape_interpolation",
    "regex_pattern",
    "regex_flags",
    "heredoc_start",
    "heredoc_end",
    "nowdoc_string",
    "interpolation_start",
    "interpolation_quote",
    "line_continuation",
    "php_tag",
    "php_end_tag",
];

/// What a leaf of this name is. In the one table for all grammars names don't collide.
pub(super) fn leaf(name: &str, named: bool) -> Leaf {
    match name {
        "(" | "[" | "{" | "${" | "#[" | "{|" if !named => Leaf::Open,
        ")" | "]" | "}" | "|}" if !named => Leaf::Close,
        "interpolation_brace" => Leaf::Piece,
        "&&" | "and" if !named => Leaf::And,
        "||" | "or" if !named => Leaf::Or,
        "??" if !named => Leaf::Fallback,
        "&&=" | "||=" | "??=" if !named => Leaf::Assign,
        "if" if !named => Leaf::If,
        "elif" | "elseif" | "for" | "foreach" | "while" | "loop" | "switch" | "match" | "select" | "case" | "try"
        | "catch" | "except" | "?"
            if !named =>
        {
            Leaf::Branch
        }
        "\"" | "'" | "`" | "\"\"\"" | "$\"" if !named => Leaf::Piece,
        name if named && NAMES.contains(&name) => Leaf::Name,
        name if named && LITERALS.contains(&name) => Leaf::Literal,
        name if named && PIECES.contains(&name) => Leaf::Piece,
        _ => Leaf::Word,
    }
}
