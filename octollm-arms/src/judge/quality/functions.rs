//! How complex functions are, how long, and how deeply nested. Each is measured for itself: what a function within another
//! decides is not counted for the outer one.
//!
//! The walk keeps its own stack, because code may nest deeper than a thread's stack goes, and each node's parent on it, because
//! a tree finds a parent by going down from its root: 24 seconds for 64 KiB of `a=>a=>a=>`.

use tree_sitter::Node;

use super::kinds::{Code, children};
use super::tally::{COGNITIVE, CYCLOMATIC, FUNCTION_LINES, NESTING, Tally};

/// Characters of a function's name that a message repeats.
const NAME_SHOWN: usize = 60;

/// What is known of one function.
struct Function<'tree> {
    node: Node<'tree>,
    parent: Option<Node<'tree>>,
    cyclomatic: usize,
    cognitive: usize,
    deepest: usize,
}

/// Where in the code the walk is.
#[derive(Clone, Copy)]
struct Position {
    /// The function that it is in, by its place in the list.
    function: Option<usize>,
    /// How many branches it is in, within that function.
    nesting: usize,
}

/// Measures every function.
pub(super) fn measure(code: &Code<'_>, tally: &mut Tally) {
    for function in functions(code) {
        let Function { node, parent, cyclomatic, cognitive, deepest } = function;
        let whose = || {
            let name = code.name(node, parent).unwrap_or("without a name");
            let name: String = name.chars().take(NAME_SHOWN).collect();
            (format!("function `{name}`"), code.place(node))
        };
        let lines = node.end_position().row - node.start_position().row + 1;
        tally.value(&CYCLOMATIC, cyclomatic, whose);
        tally.value(&COGNITIVE, cognitive, whose);
        tally.value(&NESTING, deepest, whose);
        tally.value(&FUNCTION_LINES, lines, whose);
    }
}

fn functions<'tree>(code: &Code<'tree>) -> Vec<Function<'tree>> {
    let mut functions: Vec<Function<'tree>> = Vec::new();
    let mut open = vec![(code.tree.root_node(), None, Position { function: None, nesting: 0 })];
    while let Some((node, parent, mut here)) = open.pop() {
        // The keyword `if` has the kind of nothing: only named nodes mean something.
        if node.is_named() {
            if code.kinds.functions.contains(&node.kind()) {
                here = Position { function: Some(functions.len()), nesting: 0 };
                functions.push(Function { node, parent, cyclomatic: 1, cognitive: 0, deepest: 0 });
            } else if let Some(function) = here.function.and_then(|at| functions.get_mut(at)) {
                here.nesting = function.meet(code, node, parent, here.nesting);
            }
        }
        open.extend(children(node).into_iter().rev().map(|child| (child, Some(node), here)));
    }
    functions
}

impl Function<'_> {
    /// Counts a node at this depth; answers the depth of what is in it.
    fn meet(&mut self, code: &Code<'_>, node: Node<'_>, parent: Option<Node<'_>>, nesting: usize) -> usize {
        let (kinds, kind) = (code.kinds, node.kind());
        if kinds.clauses.contains(&kind) || (kinds.cases.contains(&kind) && decides(code, node)) {
            self.cyclomatic += 1;
        }
        if kinds.conditions.contains(&kind) {
            self.cyclomatic += 1;
            // Where `else` is no node of its own, what follows it is the condition's field.
            let plain_else = kinds.alternatives.is_empty()
                && node.child_by_field_name("alternative").is_some_and(|other| other.kind() != kind);
            self.cognitive += usize::from(plain_else);
            return if follows_else(code, node, parent) {
                self.broken(nesting)
            } else {
                self.nested(nesting)
            };
        }
        if kinds.alternatives.contains(&kind) {
            let is_condition = kind == "elif_clause";
            self.cyclomatic += usize::from(is_condition);
            // `else if` counts once, as the condition.
            let leads_to_one =
                node.named_child(0).is_some_and(|inner| kinds.conditions.contains(&inner.kind()));
            return if leads_to_one && kind != "elif_clause" && !is_block_style(code) {
                nesting
            } else {
                self.broken(nesting)
            };
        }
        if kinds.branches.contains(&kind) {
            self.cyclomatic += 1;
            return self.nested(nesting);
        }
        if kinds.switches.contains(&kind) || kind == "loop_expression" {
            return self.nested(nesting);
        }
        if kinds.logical.contains(&kind) {
            self.meet_logical(node, parent);
        }
        nesting
    }

    /// A break in the flow that opens no level of its own.
    fn broken(&mut self, nesting: usize) -> usize {
        self.cognitive += 1;
        nesting
    }

    /// A break in the flow that counts the more the deeper it is.
    fn nested(&mut self, nesting: usize) -> usize {
        self.cognitive += 1 + nesting;
        self.deepest = self.deepest.max(nesting + 1);
        nesting + 1
    }

    /// `a && b && c` decides twice, and is one thing to understand.
    fn meet_logical(&mut self, node: Node<'_>, parent: Option<Node<'_>>) {
        let operators = children(node).into_iter().map(|child| child.kind());
        let count = operators.filter(|kind| is_logical(kind)).count();
        self.cyclomatic += count;
        let before = parent.and_then(operator);
        if count > 0 && before != operator(node) {
            self.cognitive += 1;
        }
    }
}

fn is_logical(kind: &str) -> bool {
    matches!(kind, "&&" | "||" | "and" | "or")
}

fn operator<'tree>(node: Node<'tree>) -> Option<&'tree str> {
    children(node).into_iter().map(|child| child.kind()).find(|kind| is_logical(kind))
}

/// Whether an `else` of this language holds a block of statements and not one statement: then an `if` in it is nested.
fn is_block_style(code: &Code<'_>) -> bool {
    code.kinds.alternatives.contains(&"elif_clause")
}

/// Whether this condition is the `if` of an `else if`.
fn follows_else(code: &Code<'_>, node: Node<'_>, parent: Option<Node<'_>>) -> bool {
    let Some(parent) = parent else { return false };
    if code.kinds.alternatives.is_empty() {
        return parent.kind() == node.kind() && parent.child_by_field_name("alternative") == Some(node);
    }
    parent.kind() == "else_clause" && !is_block_style(code)
}

/// Whether a case is one way among others: what is left over when no other fits is not.
fn decides(code: &Code<'_>, node: Node<'_>) -> bool {
    if node.kind() == "match_arm" {
        return node.next_named_sibling().is_some();
    }
    let rest = code.text(node).trim_start();
    let rest = rest.strip_prefix("case ").unwrap_or(rest).trim_start();
    let is_default =
        rest.strip_prefix("default").is_some_and(|after| !after.starts_with(char::is_alphanumeric));
    let is_any = ["_:", "_ :", "*)"].iter().any(|any| rest.starts_with(any));
    !is_default && !is_any
}
