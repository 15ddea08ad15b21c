//! Reads code with tree-sitter's grammars.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree, TreeCursor};

use super::{Checked, Flaw, Language, column};

/// Reading is linear for code that people write; for what is made to be slow it ends about here. The parser looks at the
/// clock between tokens, not while it mends its tree, so this bounds it together with the code's length.
const LONGEST: Duration = Duration::from_secs(2);

/// Tokens that are quoted when they are missing: longer names are the grammar's own.
const LONGEST_TOKEN: usize = 12;

/// Angle brackets in Java and C++ code that is read: more than 64 KiB of usual code have. For each one that may open type
/// arguments the parser keeps another way to read on, in memory that grows with their square: gigabytes for `a<a<a<` or
/// `a<;a<;` of 32 KiB.
const MOST_ANGLES: usize = 1_000;

pub(super) fn check(language: Language, code: &str) -> Checked {
    let Some(tree) = tree(language, code) else { return Checked::Unknown };
    match first_error(&tree) {
        None => Checked::Sound,
        Some(node) => Checked::Broken(flaw(node, code)),
    }
}

/// Reads it, if that can be done in time.
pub(super) fn tree(language: Language, code: &str) -> Option<Tree> {
    let may_explode = matches!(language, Language::Java | Language::Cpp);
    if may_explode && code.matches('<').count() > MOST_ANGLES {
        return None;
    }
    parse(language, code)
}

fn parse(language: Language, code: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar(language)?).ok()?;
    let began = Instant::now();
    let mut watch = |_: &ParseState| {
        if began.elapsed() < LONGEST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut watch);
    let mut read = |at: usize, _| code.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

fn grammar(language: Language) -> Option<tree_sitter::Language> {
    Some(match language {
        Language::Bash => tree_sitter_bash::LANGUAGE.into(),
        Language::C => tree_sitter_c::LANGUAGE.into(),
        Language::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        Language::Go => tree_sitter_go::LANGUAGE.into(),
        Language::Java => tree_sitter_java::LANGUAGE.into(),
        Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
        Language::Json => return None,
        Language::Python => tree_sitter_python::LANGUAGE.into(),
        Language::Rust => tree_sitter_rust::LANGUAGE.into(),
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
    })
}

/// The innermost node at which reading failed first: an error may stand around the true place of another.
fn first_error(tree: &Tree) -> Option<Node<'_>> {
    let mut cursor = tree.walk();
    let mut found = None;
    while let Some(child) = first_broken_child(&mut cursor) {
        if child.is_error() || child.is_missing() {
            found = Some(child);
        }
    }
    // The root itself is the error where nothing at all could be read.
    found.or_else(|| Some(tree.root_node()).filter(Node::has_error))
}

/// Goes down to the first child that has an error in it.
fn first_broken_child<'tree>(cursor: &mut TreeCursor<'tree>) -> Option<Node<'tree>> {
    let mut there = cursor.goto_first_child();
    while there {
        let node = cursor.node();
        if node.has_error() || node.is_error() || node.is_missing() {
            return Some(node);
        }
        there = cursor.goto_next_sibling();
    }
    None
}

fn flaw(node: Node<'_>, code: &str) -> Flaw {
    let (start, end) = (node.start_position(), node.end_position());
    let line = start.row + 1;
    let token = Some(node.kind()).filter(|kind| kind.len() <= LONGEST_TOKEN);
    let what = match token {
        Some(token) if node.is_missing() => format!("`{token}` is missing"),
        None if node.is_missing() => "something is missing".to_owned(),
        _ if end.row > start.row => format!("what begins here, up to line {}, cannot be read", end.row + 1),
        _ => "what begins here cannot be read".to_owned(),
    };
    Flaw { line, column: column(code, line, start.column), what }
}
