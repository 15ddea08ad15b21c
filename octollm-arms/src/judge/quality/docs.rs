//! Documentation of what others use, where the language says which that is: in its usual form and place.

use tree_sitter::Node;

use super::kinds::{Code, children};
use super::tally::{DOCUMENTATION, Tally};
use crate::syntax::Language;

/// Looks at every public item.
pub(super) fn measure(code: &Code<'_>, tally: &mut Tally) {
    // With whether something around it keeps it from everybody else.
    let mut open = vec![(code.tree.root_node(), false)];
    while let Some((node, hidden)) = open.pop() {
        if let Some((item, documented)) = looked_at(code, node).filter(|_| !hidden) {
            let name = code.name(item, None).unwrap_or("without a name");
            let wrong = || (format!("`{name}` is public and has no documentation"), code.place(item));
            tally.state(&DOCUMENTATION, (!documented).then(wrong));
        }
        // What is in a function is nobody else's.
        if !code.kinds.functions.contains(&node.kind()) {
            let hidden = hidden || hides(code, node);
            open.extend(children(node).into_iter().rev().map(|child| (child, hidden)));
        }
    }
}

/// Whether what is in a node is nobody else's.
fn hides(code: &Code<'_>, node: Node<'_>) -> bool {
    match (code.language, node.kind()) {
        (Language::Python, "class_definition") => is_own(code, node),
        (
            Language::C | Language::Cpp,
            "translation_unit" | "namespace_definition" | "declaration_list" | "linkage_specification",
        ) => false,
        (Language::C | Language::Cpp, kind) => !kind.starts_with("preproc_"),
        _ => false,
    }
}

/// Whether a name of Python says that it is nobody else's.
fn is_own(code: &Code<'_>, node: Node<'_>) -> bool {
    code.name(node, None).is_none_or(|name| name.starts_with('_'))
}

/// The public item that a node is, and whether it is documented.
fn looked_at<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    match code.language {
        Language::Python => python(code, node),
        Language::Rust => rust(code, node),
        Language::JavaScript | Language::TypeScript | Language::Tsx => script(code, node),
        Language::Go => go(code, node),
        Language::Java => java(code, node),
        Language::C | Language::Cpp => c(code, node),
        Language::Bash | Language::Json => None,
    }
}

/// The docstring of what has no underscore before its name, nor any class around it.
fn python<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    if !matches!(node.kind(), "function_definition" | "class_definition") || is_own(code, node) {
        return None;
    }
    let first = node.child_by_field_name("body").and_then(|body| body.named_child(0));
    let documented = first.is_some_and(|first| {
        first.kind() == "string" || first.named_child(0).is_some_and(|inner| inner.kind() == "string")
    });
    Some((node, documented))
}

/// `///` before what is `pub`, above its attributes.
fn rust<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    const ITEMS: [&str; 9] = [
        "function_item",
        "struct_item",
        "enum_item",
        "trait_item",
        "union_item",
        "mod_item",
        "const_item",
        "static_item",
        "type_item",
    ];
    let public = ITEMS.contains(&node.kind())
        && children(node)
            .into_iter()
            .any(|child| child.kind() == "visibility_modifier" && code.text(child) == "pub");
    if !public {
        return None;
    }
    let mut before = node.prev_named_sibling();
    while let Some(attribute) = before.filter(|before| before.kind() == "attribute_item") {
        if code.text(attribute).starts_with("#[doc") {
            return Some((node, true));
        }
        before = attribute.prev_named_sibling();
    }
    let documented = before.is_some_and(|before| {
        let text = code.text(before);
        text.starts_with("///") || text.starts_with("/**")
    });
    Some((node, documented))
}

/// `/** */` before what is exported.
fn script<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    if node.kind() != "export_statement" {
        return None;
    }
    let declaration = node.child_by_field_name("declaration")?;
    let of_their_own = [
        "function_declaration",
        "generator_function_declaration",
        "class_declaration",
        "abstract_class_declaration",
        "interface_declaration",
    ];
    let item = if of_their_own.contains(&declaration.kind()) {
        declaration
    } else {
        let declarator = declaration.named_child(0).filter(|inner| inner.kind() == "variable_declarator")?;
        let value = declarator.child_by_field_name("value")?;
        code.kinds.functions.contains(&value.kind()).then_some(declarator)?
    };
    Some((item, comment_before(code, node, "/**")))
}

/// A comment on the lines before what begins with a capital letter.
fn go<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    let item = match node.kind() {
        "function_declaration" | "method_declaration" => node,
        "type_declaration" => node.named_child(0).filter(|inner| inner.kind() == "type_spec")?,
        _ => return None,
    };
    let exported = code.name(item, None)?.starts_with(char::is_uppercase);
    exported.then(|| (item, comment_before(code, node, "")))
}

/// `/** */` before what is `public`; what overrides something has its documentation there.
fn java<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    const ITEMS: [&str; 6] = [
        "class_declaration",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "method_declaration",
        "annotation_type_declaration",
    ];
    let modifiers = children(node).into_iter().find(|child| child.kind() == "modifiers")?;
    let words: Vec<&str> = code.text(modifiers).split_whitespace().collect();
    let looked_at =
        ITEMS.contains(&node.kind()) && words.contains(&"public") && !words.contains(&"@Override");
    looked_at.then(|| (node, comment_before(code, node, "/**")))
}

/// A comment before a function that other files can call. Methods are documented where they are declared.
fn c<'tree>(code: &Code<'_>, node: Node<'tree>) -> Option<(Node<'tree>, bool)> {
    if node.kind() != "function_definition" {
        return None;
    }
    let own = children(node)
        .into_iter()
        .any(|child| child.kind() == "storage_class_specifier" && code.text(child) == "static");
    let name = code.name(node, None)?;
    let looked_at = !own && name != "main" && !name.contains("::");
    looked_at.then(|| (node, comment_before(code, node, "")))
}

/// Whether a comment that begins like this ends on the line before a node.
fn comment_before(code: &Code<'_>, node: Node<'_>, front: &str) -> bool {
    let Some(before) = node.prev_named_sibling().filter(|before| before.kind().contains("comment")) else {
        return false;
    };
    // Some grammars take the end of the line into the comment.
    let end = before.end_position();
    let row = if end.column == 0 { end.row } else { end.row + 1 };
    row >= node.start_position().row && code.text(before).starts_with(front)
}
