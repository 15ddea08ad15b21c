//! Imports and local variables that nothing uses.
//!
//! A name counts as used where its word stands anywhere else in the file (of an import) or in the outermost function around it
//! (of a variable): also in a string, a comment or another scope. So a name that is reported is really used by nothing, and some
//! that nothing uses are not reported. Left out are imports of Rust (a trait is used without being named), Go and C (a path does
//! not say what names it brings), variables of C++ whose type may do something by being there, and names with `_` before them.

use std::collections::HashMap;

use tree_sitter::Node;

use super::kinds::{Code, children};
use super::tally::{Tally, UNUSED};
use crate::syntax::Language;

/// Words and how often each stands in a text.
type Words<'a> = HashMap<&'a str, usize>;

/// Looks at every import and every local variable.
pub(super) fn measure(code: &Code<'_>, tally: &mut Tally) {
    let file = words(code.part.code);
    // With the words of the outermost function that a node is in.
    let (mut around, mut open): (Vec<Words<'_>>, _) =
        (Vec::new(), vec![(code.tree.root_node(), None, None::<usize>)]);
    while let Some((node, parent, mut within)) = open.pop() {
        if within.is_none() && code.kinds.functions.contains(&node.kind()) {
            around.push(words(code.text(node)));
            within = Some(around.len() - 1);
        }
        for name in imported(code, node) {
            let here = words(code.text(node));
            look(code, tally, name, &file, here.get(code.text(name)).copied().unwrap_or(1), "is imported");
        }
        if let Some(words) = within.and_then(|at| around.get(at)) {
            for name in assigned(code, node, parent) {
                look(code, tally, name, words, 1, "has a value");
            }
        }
        open.extend(children(node).into_iter().rev().map(|child| (child, Some(node), within)));
    }
}

/// Takes a name whose word stands `own` times where it is brought in.
fn look(code: &Code<'_>, tally: &mut Tally, name: Node<'_>, all: &Words<'_>, own: usize, how: &str) {
    let word = code.text(name);
    if word.starts_with('_') || word.is_empty() {
        return;
    }
    let unused = all.get(word).copied().unwrap_or_default() <= own;
    tally.state(&UNUSED, unused.then(|| (format!("`{word}` {how} and nothing uses it"), code.place(name))));
}

fn words(text: &str) -> Words<'_> {
    let mut words = Words::new();
    for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')) {
        *words.entry(word).or_default() += 1;
    }
    words
}

/// The names that a node imports.
fn imported<'tree>(code: &Code<'_>, node: Node<'tree>) -> Vec<Node<'tree>> {
    match (code.language, node.kind()) {
        (Language::Python, "import_statement" | "import_from_statement") => {
            let mut cursor = node.walk();
            let names = node.children_by_field_name("name", &mut cursor);
            names.filter_map(|name| python_name(code, name)).collect()
        }
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "import_clause") => script_names(node),
        (Language::Java, "import_declaration") if !code.text(node).contains('*') => {
            let path = children(node).into_iter().find(|child| child.kind() == "scoped_identifier");
            path.and_then(|path| path.child_by_field_name("name")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What `a`, `a.b` or `a as b` is called from then on. `a as a` says that others are to have it.
fn python_name<'tree>(code: &Code<'_>, name: Node<'tree>) -> Option<Node<'tree>> {
    if name.kind() != "aliased_import" {
        return name.named_child(0);
    }
    let alias = name.child_by_field_name("alias")?;
    let original = name.child_by_field_name("name")?;
    (code.text(alias) != code.text(original)).then_some(alias)
}

fn script_names<'tree>(clause: Node<'tree>) -> Vec<Node<'tree>> {
    let mut names = Vec::new();
    for part in children(clause) {
        match part.kind() {
            "identifier" => names.push(part),
            "namespace_import" => names.extend(part.named_child(0)),
            "named_imports" => names.extend(
                children(part).into_iter().filter(|inner| inner.kind() == "import_specifier").filter_map(
                    |one| one.child_by_field_name("alias").or_else(|| one.child_by_field_name("name")),
                ),
            ),
            _ => {}
        }
    }
    names
}

/// The local variables that a node gives a value.
fn assigned<'tree>(code: &Code<'_>, node: Node<'tree>, parent: Option<Node<'tree>>) -> Vec<Node<'tree>> {
    let field = |name: &str| node.child_by_field_name(name).filter(|inner| inner.kind() == "identifier");
    let one = match (code.language, node.kind()) {
        (Language::Python, "assignment") => field("left"),
        (Language::Rust, "let_declaration") => field("pattern"),
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "variable_declarator") => field("name"),
        (Language::Java, "variable_declarator") => {
            let local = parent.is_some_and(|parent| parent.kind() == "local_variable_declaration");
            field("name").filter(|_| local)
        }
        (Language::Go, "short_var_declaration") => {
            let left = node.child_by_field_name("left");
            return left
                .map(children)
                .unwrap_or_default()
                .into_iter()
                .filter(|one| one.kind() == "identifier")
                .collect();
        }
        (Language::C | Language::Cpp, "init_declarator") => {
            let plain = parent
                .and_then(|parent| parent.child_by_field_name("type"))
                .is_some_and(|of| code.language == Language::C || of.kind() == "primitive_type");
            field("declarator").filter(|_| plain)
        }
        _ => None,
    };
    one.into_iter().collect()
}
