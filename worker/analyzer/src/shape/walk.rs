//! The walk over a file's tree, from node to node without recursion, and what each adds: to the function it is in, to
//! the lines of code, to the tokens, to the remarks. The rules are in the words of [`crate::shape`].

use tree_sitter::{Node, TreeCursor};

use super::frame::{Frame, Open};
use super::grammar::{Grammar, Kind, Leaf, Role};
use super::lines::{CodeLines, between};
use super::remarks::Remarks;
use super::tokens::{Sort, Token, hash};
use super::{Function, MAX_FUNCTIONS, Shape, calls, name};
use crate::language::Language;
use crate::parse::Deadline;
use crate::tree::Tree;

mod nesting;

use self::nesting::{Part, Place};

/// Nodes between two looks at the clock.
const NODES_PER_CLOCK: u32 = 4_096;

/// What is walked over.
pub(super) struct File<'f> {
    pub(super) text: &'f str,
    pub(super) language: Language,
    pub(super) grammar: &'static Grammar,
    pub(super) is_test: bool,
}

pub(super) fn walk(file: &File<'_>, tree: &Tree, deadline: &Deadline) -> Shape {
    let root = tree.root().get_inner_node();
    let mut cursor = root.walk();
    let mut walk = Walk::over(file);
    let mut visited = 0_u32;
    loop {
        visited = visited.wrapping_add(1);
        if visited.is_multiple_of(NODES_PER_CLOCK) && deadline.has_passed() {
            walk.is_partial = true;
            break;
        }
        if walk.enter(&cursor) && cursor.goto_first_child() {
            continue;
        }
        walk.leave();
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walk.finish();
            }
            walk.leave();
        }
    }
    walk.finish()
}

/// A node that the walk is in.
#[expect(clippy::struct_excessive_bools, reason = "each is asked by itself, for every node")]
struct Entry<'t> {
    node: Node<'t>,
    role: Role,
    /// Levels around what is in it, within the innermost function.
    nesting: u32,
    /// Where on the stack the run of logical operators began that this is a part of.
    run: Option<usize>,
    /// The last operator of the run that began here.
    operator: Option<Leaf>,
    /// Named children seen so far, without comments.
    children: u32,
    /// What is to be undone on leaving: a function, and the length of the names before.
    opened: bool,
    name_length: usize,
    /// Whether it is in the body of a function: what else there is are declarations, alike by their nature.
    is_body: bool,
    /// Whether it adds no tokens all the same.
    is_quiet: bool,
    is_test: bool,
    /// In Rust: whether an attribute before the next child says that it is a test.
    test_follows: bool,
}

impl Entry<'_> {
    fn adds_tokens(&self) -> bool {
        self.is_body && !self.is_quiet && !self.is_test
    }
}

struct Walk<'f, 't> {
    file: &'f File<'f>,
    /// A digest of the language, for tokens.
    language: u32,
    stack: Vec<Entry<'t>>,
    open: Open,
    /// The names of what the walk is in.
    path: String,
    lines: CodeLines,
    remarks: Remarks,
    functions: Vec<Function>,
    tokens: Vec<Token>,
    is_partial: bool,
}

impl<'f, 't> Walk<'f, 't> {
    fn over(file: &'f File<'f>) -> Self {
        Self {
            file,
            language: hash(file.language.name(), ""),
            stack: Vec::new(),
            open: Open::default(),
            path: String::new(),
            lines: CodeLines::of(file.text),
            remarks: Remarks::default(),
            functions: Vec::new(),
            tokens: Vec::new(),
            is_partial: false,
        }
    }

    /// Takes in a node; whether what is in it matters too.
    fn enter(&mut self, cursor: &TreeCursor<'t>) -> bool {
        let node = cursor.node();
        let kind = self.file.grammar.kind(node.kind_id());
        if kind.role == Role::Plain && node.child_count() == 0 {
            self.leaf(node, kind);
            let entry = self.entry(node, kind.role, 0);
            self.count_as_child(node, kind.role);
            self.stack.push(entry);
            return false;
        }
        let place = self.place(cursor, kind.role);
        match place.part {
            Part::Else => self.open.flat(),
            Part::LetElse => {
                self.open.structural(place.nesting - 1);
                self.open.decide();
            }
            _ => {}
        }
        let mut entry = self.entry(node, kind.role, place.nesting);
        entry.is_body |= place.part == Part::Body;
        match kind.role {
            Role::Comment => {
                let text = name::text_of(node, self.file.text);
                self.remarks.read(text.trim_end(), line_of(node.start_position().row));
                self.stack.push(entry);
                return false;
            }
            Role::Import => entry.is_quiet = true,
            Role::Text => self.text(node, &mut entry),
            Role::Block => self.bracket(&entry, Sort::Open, node.start_position().row),
            Role::Function | Role::Lambda | Role::Scope => self.declare(&mut entry),
            _ => self.weigh(&mut entry, &place),
        }
        self.count_as_child(node, kind.role);
        self.stack.push(entry);
        true
    }

    fn leave(&mut self) {
        let Some(entry) = self.stack.pop() else { return };
        if entry.role == Role::Block {
            self.bracket(&entry, Sort::Close, entry.node.end_position().row);
        }
        if entry.opened {
            self.open.close(&mut self.functions);
        }
        self.path.truncate(entry.name_length);
    }

    fn finish(mut self) -> Shape {
        while !self.stack.is_empty() {
            self.leave();
        }
        let sums = self.lines.sums(self.file.text);
        for function in &mut self.functions {
            function.code_lines = between(&sums, function.first_line, function.last_line);
        }
        // From the first to the last: an inner one still has all its lines when the one around it loses them.
        for index in 0..self.functions.len() {
            let lines = self.functions[index].code_lines;
            if let Some(around) = self.functions[index].within {
                self.functions[around].code_lines = self.functions[around].code_lines.saturating_sub(lines);
            }
        }
        for function in &mut self.functions {
            function.code_lines = function.code_lines.max(1);
        }
        Shape { functions: self.functions, todos: self.remarks.todos, tokens: self.tokens, is_partial: self.is_partial }
    }

    fn entry(&self, node: Node<'t>, role: Role, nesting: u32) -> Entry<'t> {
        let around = self.stack.last();
        Entry {
            node,
            role,
            nesting,
            run: None,
            operator: None,
            children: 0,
            opened: false,
            name_length: self.path.len(),
            is_body: around.is_some_and(|a| a.is_body),
            is_quiet: around.is_some_and(|a| a.is_quiet),
            is_test: around.map_or(self.file.is_test, |a| a.is_test || (a.test_follows && role != Role::Import)),
            test_follows: false,
        }
    }

    fn count_as_child(&mut self, node: Node<'t>, role: Role) {
        let (rust, text) = (self.file.language == Language::Rust, self.file.text);
        let Some(around) = self.stack.last_mut() else { return };
        if !node.is_named() || role == Role::Comment {
            return;
        }
        around.children += 1;
        if rust {
            around.test_follows = role == Role::Import
                && (around.test_follows
                    || (node.kind() == "attribute_item" && name::text_of(node, text).contains("test")));
        }
    }

    /// What a node counts, other than functions and texts.
    fn weigh(&mut self, entry: &mut Entry<'t>, place: &Place) {
        match entry.role {
            Role::If if place.part == Part::ElseIf => {
                self.open.flat();
                self.open.decide();
            }
            Role::ElseIf => {
                self.open.flat();
                self.open.decide();
            }
            Role::If | Role::Loop | Role::Catch | Role::Ternary => {
                self.open.structural(entry.nesting);
                self.open.decide();
            }
            Role::Endless | Role::Switch => self.open.structural(entry.nesting),
            Role::Guard => self.open.decide(),
            Role::Case if !self.is_for_all_else(entry.node) => self.open.decide(),
            Role::Arm if self.stack.last().is_some_and(|around| around.children > 0) => self.open.decide(),
            Role::Jump if nesting::names_a_label(entry.node) => self.open.flat(),
            Role::Goto => self.open.flat(),
            Role::Call => {
                let (text, language) = (self.file.text, self.file.language);
                if let Some(frame) = self.open.last_mut().filter(|f| calls::is_of(entry.node, f, text, language)) {
                    frame.recurse();
                }
            }
            Role::Logical | Role::Paren => self.join_run(entry),
            _ => {}
        }
    }

    /// A logical operation goes on with the run around it, if there is one, or begins its own.
    fn join_run(&self, entry: &mut Entry<'t>) {
        let around = self.stack.last().filter(|a| matches!(a.role, Role::Logical | Role::Paren)).and_then(|a| a.run);
        if entry.role == Role::Paren {
            entry.run = around;
            return;
        }
        let operator = entry.node.child(1).map(|child| self.file.grammar.kind(child.kind_id()).leaf);
        if matches!(operator, Some(Leaf::And | Leaf::Or)) {
            entry.run = Some(around.unwrap_or(self.stack.len()));
        } else {
            entry.role = Role::Plain;
        }
    }

    /// A function, or what is around functions.
    fn declare(&mut self, entry: &mut Entry<'t>) {
        let (node, text, language) = (entry.node, self.file.text, self.file.language);
        let mut binding = None;
        match entry.role {
            Role::Function => {
                let body = self.file.grammar.fields.body;
                if node.kind() != "static_initializer"
                    && body.is_none_or(|body| node.child_by_field_id(body.get()).is_none())
                {
                    entry.role = Role::Plain;
                    return;
                }
            }
            Role::Lambda => {
                binding = self.binding();
                let scripts = matches!(language, Language::JavaScript | Language::TypeScript | Language::Tsx);
                let is_named = scripts && binding.is_some();
                if !self.open.is_empty() && !is_named {
                    entry.nesting += 1;
                    return;
                }
            }
            _ => {}
        }
        let simple =
            name::of(node, binding.or_else(|| self.binding().filter(|_| node.kind() == "class")), text, language);
        if !simple.is_empty() {
            if !self.path.is_empty() {
                self.path.push_str(name::separator(language));
            }
            self.path.push_str(&simple);
        }
        if entry.role == Role::Scope {
            return;
        }
        let is_method = self.stack.iter().rev().find(|a| a.opened || a.role == Role::Scope).is_some_and(|a| {
            a.role == Role::Scope && !matches!(a.node.kind(), "mod_item" | "internal_module" | "module")
        });
        let within = self.open.last().and_then(|frame| frame.index);
        let mut frame =
            Frame::new((self.functions.len() < MAX_FUNCTIONS).then_some(self.functions.len()), entry.nesting + 1);
        frame.parameters = calls::parameters(node, text, language);
        frame.receiver = calls::receiver(node, text);
        frame.is_method = (is_method && entry.role == Role::Function) || !frame.receiver.is_empty();
        simple.rsplit('.').next().unwrap_or_default().clone_into(&mut frame.simple);
        if frame.index.is_some() {
            let (first_line, last_line) = line_range(node);
            self.functions.push(Function {
                name: name::capped(&self.path),
                first_line,
                last_line,
                code_lines: 1,
                parameters: frame.parameters,
                cyclomatic: 1,
                cognitive: 0,
                own_cognitive: 0,
                is_test: entry.is_test,
                is_guess: node.has_error(),
                within,
            });
        } else {
            self.is_partial = true;
        }
        self.open.push(frame);
        entry.opened = true;
        entry.nesting = 0;
    }

    /// What the node to be entered is the value of.
    fn binding(&self) -> Option<Node<'t>> {
        let near = self.stack.iter().rev().take(2);
        near.take_while(|a| matches!(a.role, Role::Binding | Role::Paren | Role::Plain))
            .find(|a| a.role == Role::Binding)
            .map(|a| a.node)
    }

    fn text(&mut self, node: Node<'t>, entry: &mut Entry<'t>) {
        let documents = self.stack.last().is_some_and(|a| a.role == Role::Statement && a.node.named_child_count() == 1);
        if documents {
            entry.is_quiet = true;
            return;
        }
        let row = node.start_position().row;
        self.lines.mark(row, node.end_position().row);
        if entry.adds_tokens() {
            self.tokens.push(Token::literal(
                self.language,
                name::text_of(node, self.file.text).as_bytes(),
                line_of(row),
            ));
        }
    }

    /// A token of a single piece.
    fn leaf(&mut self, node: Node<'t>, kind: Kind) {
        let Some(around) = self.stack.last() else { return };
        let (role, run, kind_around) = (around.role, around.run, around.node);
        let (quiet, adds) = (around.is_quiet, around.adds_tokens() && !around.test_follows);
        let bytes = node.byte_range();
        if bytes.is_empty() || (role == Role::Text && quiet) {
            return;
        }
        match kind.leaf {
            Leaf::And | Leaf::Or if role == Role::Logical => {
                self.open.decide();
                if let Some(start) = run.and_then(|at| self.stack.get_mut(at))
                    && start.operator != Some(kind.leaf)
                {
                    start.operator = Some(kind.leaf);
                    self.open.flat();
                }
            }
            Leaf::Fallback | Leaf::Assign => self.open.decide(),
            Leaf::If if self.file.language == Language::Rust && kind_around.kind() == "match_pattern" => {
                self.open.decide();
            }
            _ => {}
        }
        let row = node.start_position().row;
        self.lines.mark(row, node.end_position().row);
        if !adds || role == Role::Text || kind.leaf == Leaf::Piece {
            return;
        }
        let line = line_of(row);
        let text = self.file.text.as_bytes().get(bytes).unwrap_or_default();
        self.tokens.push(match kind.leaf {
            Leaf::Name => Token::name(self.language, text, line),
            Leaf::Literal => Token::literal(self.language, text, line),
            Leaf::Open => Token::word(kind.hash, Sort::Open, line),
            Leaf::Close => Token::word(kind.hash, Sort::Close, line),
            Leaf::If | Leaf::Branch => Token::word(kind.hash, Sort::Branch, line),
            _ => Token::word(kind.hash, Sort::Word, line),
        });
    }

    /// A bracket that the text doesn't have.
    fn bracket(&mut self, entry: &Entry<'t>, sort: Sort, row: usize) {
        if entry.adds_tokens() {
            self.tokens.push(Token::word(self.language, sort, line_of(row)));
        }
    }
}

/// First and last line of a node, from 1. A node that ends with a line break ends on the line it breaks.
fn line_range(node: Node<'_>) -> (u32, u32) {
    let (start, end) = (node.start_position().row, node.end_position());
    let last = if end.column == 0 && end.row > start { end.row - 1 } else { end.row };
    (line_of(start), line_of(last))
}

fn line_of(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX - 1) + 1
}
