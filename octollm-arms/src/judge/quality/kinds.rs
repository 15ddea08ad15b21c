//! What the nodes of each grammar mean for the metrics: the one table in which languages differ.

use tree_sitter::{Node, Tree};

use crate::judge::parts::CodePart;
use crate::judge::response::JudgeLocation;
use crate::syntax::Language;

/// Code that is measured.
pub(super) struct Code<'a> {
    pub(super) language: Language,
    pub(super) kinds: &'static Kinds,
    pub(super) part: &'a CodePart<'a>,
    pub(super) tree: &'a Tree,
}

impl<'a> Code<'a> {
    /// The text of a node.
    pub(super) fn text(&self, node: Node<'_>) -> &'a str {
        self.part.code.get(node.byte_range()).unwrap_or_default()
    }

    /// Where a node begins.
    pub(super) fn place(&self, node: Node<'_>) -> JudgeLocation {
        let start = node.start_position();
        let line = self.part.code.get(node.start_byte() - start.column..node.start_byte());
        let column = line.map(|line| line.chars().count() + 1);
        self.part.place(start.row + 1, column)
    }

    /// The node's text that names it; a function without a name has that of what it is assigned to.
    pub(super) fn name(&self, node: Node<'_>, parent: Option<Node<'_>>) -> Option<&'a str> {
        if let Some(name) = node.child_by_field_name("name") {
            return Some(self.text(name));
        }
        // C and C++ wrap the name into what is declared of it.
        let mut inner = node.child_by_field_name("declarator");
        while let Some(next) = inner.and_then(|node| node.child_by_field_name("declarator")) {
            inner = Some(next);
        }
        if let Some(inner) = inner {
            return Some(self.text(inner));
        }
        let key = parent?.child_by_field_name("name").or_else(|| parent?.child_by_field_name("key"));
        key.map(|key| self.text(key))
    }
}

/// The children of a node.
pub(super) fn children<'tree>(node: Node<'tree>) -> Vec<Node<'tree>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// Kinds of nodes, by what they mean.
#[derive(Debug)]
pub(super) struct Kinds {
    /// Functions, each measured for itself.
    pub(super) functions: &'static [&'static str],
    /// `if`, which may stand after an `else`.
    pub(super) conditions: &'static [&'static str],
    /// `else` and `elif`.
    pub(super) alternatives: &'static [&'static str],
    /// Loops, handlers and conditional expressions: they decide and nest.
    pub(super) branches: &'static [&'static str],
    /// What chooses between cases: it nests, and its cases decide.
    pub(super) switches: &'static [&'static str],
    pub(super) cases: &'static [&'static str],
    /// What has `&&` and `||` or their like among its children.
    pub(super) logical: &'static [&'static str],
    /// Decisions that do not nest: clauses of comprehensions.
    pub(super) clauses: &'static [&'static str],
}

/// The kinds of a language; nothing for one that has no functions.
pub(super) const fn of(language: Language) -> Option<&'static Kinds> {
    Some(match language {
        Language::Python => &PYTHON,
        Language::Rust => &RUST,
        Language::JavaScript | Language::TypeScript | Language::Tsx => &SCRIPT,
        Language::Go => &GO,
        Language::Java => &JAVA,
        Language::C | Language::Cpp => &C,
        Language::Bash => &BASH,
        Language::Json => return None,
    })
}

const PYTHON: Kinds = Kinds {
    functions: &["function_definition"],
    conditions: &["if_statement"],
    alternatives: &["elif_clause", "else_clause"],
    branches: &["for_statement", "while_statement", "except_clause", "conditional_expression"],
    switches: &["match_statement"],
    cases: &["case_clause"],
    logical: &["boolean_operator"],
    clauses: &["for_in_clause", "if_clause"],
};

const RUST: Kinds = Kinds {
    functions: &["function_item"],
    conditions: &["if_expression"],
    alternatives: &["else_clause"],
    branches: &["for_expression", "while_expression"],
    switches: &["match_expression"],
    cases: &["match_arm"],
    logical: &["binary_expression", "let_chain"],
    clauses: &[],
};

const SCRIPT: Kinds = Kinds {
    functions: &[
        "function_declaration",
        "function_expression",
        "generator_function_declaration",
        "generator_function",
        "arrow_function",
        "method_definition",
    ],
    conditions: &["if_statement"],
    alternatives: &["else_clause"],
    branches: &[
        "for_statement",
        "for_in_statement",
        "while_statement",
        "do_statement",
        "catch_clause",
        "ternary_expression",
    ],
    switches: &["switch_statement"],
    cases: &["switch_case"],
    logical: &["binary_expression"],
    clauses: &[],
};

const GO: Kinds = Kinds {
    functions: &["function_declaration", "method_declaration", "func_literal"],
    conditions: &["if_statement"],
    alternatives: &[],
    branches: &["for_statement"],
    switches: &["expression_switch_statement", "type_switch_statement", "select_statement"],
    cases: &["expression_case", "type_case", "communication_case"],
    logical: &["binary_expression"],
    clauses: &[],
};

const JAVA: Kinds = Kinds {
    functions: &["method_declaration", "constructor_declaration", "compact_constructor_declaration"],
    conditions: &["if_statement"],
    alternatives: &[],
    branches: &[
        "for_statement",
        "enhanced_for_statement",
        "while_statement",
        "do_statement",
        "catch_clause",
        "ternary_expression",
    ],
    switches: &["switch_expression", "switch_statement"],
    cases: &["switch_label"],
    logical: &["binary_expression"],
    clauses: &[],
};

const C: Kinds = Kinds {
    functions: &["function_definition"],
    conditions: &["if_statement"],
    alternatives: &["else_clause"],
    branches: &[
        "for_statement",
        "for_range_loop",
        "while_statement",
        "do_statement",
        "catch_clause",
        "conditional_expression",
    ],
    switches: &["switch_statement"],
    cases: &["case_statement"],
    logical: &["binary_expression"],
    clauses: &[],
};

const BASH: Kinds = Kinds {
    functions: &["function_definition"],
    conditions: &["if_statement"],
    alternatives: &["elif_clause", "else_clause"],
    branches: &["for_statement", "c_style_for_statement", "while_statement"],
    switches: &["case_statement"],
    cases: &["case_item"],
    logical: &["list"],
    clauses: &[],
};
