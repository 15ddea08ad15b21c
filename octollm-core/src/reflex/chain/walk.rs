//! Every text of a JSON document, keys included, in the order in which a reader meets it.
//!
//! The walk keeps its own stack, so that a document may be nested as deep as it likes, and links each place to the one above
//! it, so that a pointer is only written out where something was found.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value};

use super::Screening;
use crate::reflex::{Origin, Place};

/// Digits from which a number may be an account or a card.
const LONG_NUMBER: usize = 9;

/// Bytes of the shortest text of a document that may hold anything.
const SHORTEST: usize = 4;

/// What is known of a text before anything is found in it.
pub(super) struct Spot<'a> {
    pub(super) origin: Origin,
    pub(super) place: &'a Place,
    pub(super) label: Option<&'a str>,
}

/// One value's place below another one's.
struct Node<'v> {
    above: Option<usize>,
    step: Step<'v>,
}

enum Step<'v> {
    Root,
    Key(&'v str),
    /// A key that is not named, for something was found in it.
    Hidden,
    Index(usize),
}

/// Screens a document.
pub(super) fn value(screening: &mut Screening<'_>, document: &mut Value, origin: Origin, place: &Place) {
    if screening.chain().size_of(document) == 0 {
        return;
    }
    let mut nodes = vec![Node { above: None, step: Step::Root }];
    let mut open = vec![(document, 0)];
    while let Some((value, at)) = open.pop() {
        match value {
            Value::String(text) => {
                if let Some(screened) = text_at(screening, text, &nodes, at, origin, place) {
                    *text = screened;
                }
            }
            Value::Number(number) => {
                let Some(digits) = long(number) else { continue };
                if let Some(screened) = text_at(screening, &digits, &nodes, at, origin, place) {
                    *value = Value::String(screened);
                }
            }
            Value::Array(entries) => {
                for (index, entry) in entries.iter_mut().enumerate().rev() {
                    open.push((entry, nodes.len()));
                    nodes.push(Node { above: Some(at), step: Step::Index(index) });
                }
            }
            Value::Object(fields) => {
                let hidden = keys(screening, fields, &nodes, at, origin, place);
                for (index, (key, entry)) in fields.iter_mut().enumerate().rev() {
                    let is_hidden = hidden.binary_search(&index).is_ok();
                    open.push((entry, nodes.len()));
                    let step = if is_hidden { Step::Hidden } else { Step::Key(key) };
                    nodes.push(Node { above: Some(at), step });
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn text_at(
    screening: &mut Screening<'_>,
    text: &str,
    nodes: &[Node<'_>],
    at: usize,
    origin: Origin,
    place: &Place,
) -> Option<String> {
    let spot = Spot { origin, place, label: label(nodes, at) };
    screening.one(text, &spot, || below(place, nodes, at))
}

/// Screens an object's keys and renames those that must not go on; answers which of the object's entries must not be
/// named, in order.
fn keys(
    screening: &mut Screening<'_>,
    fields: &mut Map<String, Value>,
    nodes: &[Node<'_>],
    at: usize,
    origin: Origin,
    place: &Place,
) -> Vec<usize> {
    if fields.keys().all(|key| is_plain(key)) {
        return Vec::new();
    }
    let mut hidden = Vec::new();
    let mut screened = Vec::with_capacity(fields.len());
    for (index, key) in fields.keys().enumerate().filter(|(_, key)| !is_plain(key)) {
        let before = screening.count();
        let spot = Spot { origin, place, label: None };
        if let Some(name) = screening.one(key, &spot, || below(place, nodes, at)) {
            screened.push((index, name));
        }
        if screening.count() > before {
            hidden.push(index);
        }
    }
    if screened.is_empty() { hidden } else { rename(fields, screened, &hidden) }
}

/// Renames entries; answers where the hidden ones are afterwards, for the map orders by key.
fn rename(fields: &mut Map<String, Value>, names: Vec<(usize, String)>, hidden: &[usize]) -> Vec<usize> {
    let mut names = names.into_iter().peekable();
    let (mut hidden_names, mut numbers) = (HashSet::new(), HashMap::new());
    for (index, (key, entry)) in std::mem::take(fields).into_iter().enumerate() {
        let key = match names.next_if(|(at, _)| *at == index) {
            Some((_, name)) => unused(fields, name, &mut numbers),
            None => key,
        };
        if hidden.binary_search(&index).is_ok() {
            hidden_names.insert(key.clone());
        }
        fields.insert(key, entry);
    }
    fields.keys().enumerate().filter(|(_, key)| hidden_names.contains(*key)).map(|(index, _)| index).collect()
}

/// A key that no other entry has: two keys may have the same replacement. The next number of each replacement is kept, or
/// many equal ones would be counted through again and again.
fn unused(fields: &Map<String, Value>, name: String, numbers: &mut HashMap<String, usize>) -> String {
    let number = numbers.entry(name.clone()).or_insert(1);
    let mut unused = name.clone();
    while fields.contains_key(&unused) {
        *number += 1;
        unused = format!("{name} ({number})");
    }
    unused
}

/// A key that holds nothing but a name: letters and `_`, and not many.
pub(in crate::reflex) fn is_plain(key: &str) -> bool {
    key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// Bytes of a document's texts in which something could be found: 0 where there is nothing to look at.
pub(super) fn size(document: &Value) -> usize {
    let mut size = own_size(document);
    // Only what has something below it waits: most documents are flat, and are measured without an allocation.
    let mut open = Vec::new();
    let mut next = Some(document);
    while let Some(value) = next {
        match value {
            Value::Array(entries) => {
                size += entries.iter().map(own_size).sum::<usize>();
                open.extend(entries.iter().filter(|entry| is_container(entry)));
            }
            Value::Object(fields) => {
                size += fields.keys().filter(|key| !is_plain(key)).map(String::len).sum::<usize>();
                size += fields.values().map(own_size).sum::<usize>();
                open.extend(fields.values().filter(|entry| is_container(entry)));
            }
            _ => {}
        }
        next = open.pop();
    }
    size
}

/// What a value is to look at without what is below it.
fn own_size(value: &Value) -> usize {
    match value {
        Value::String(text) if text.len() >= SHORTEST => text.len(),
        Value::Number(number) if !is_small(number) => LONG_NUMBER,
        _ => 0,
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

fn is_small(number: &Number) -> bool {
    number.as_u64().is_some_and(|number| number < 10u64.pow(LONG_NUMBER as u32 - 1))
}

/// The number as text, where it is long enough.
fn long(number: &Number) -> Option<String> {
    (!is_small(number) && (number.is_u64() || number.is_i64())).then(|| number.to_string())
}

/// The nearest key above: it says what a value is, also within a list.
fn label<'v>(nodes: &[Node<'v>], mut at: usize) -> Option<&'v str> {
    loop {
        let node = nodes.get(at)?;
        match node.step {
            Step::Key(key) => return Some(key),
            Step::Index(_) => at = node.above?,
            Step::Root | Step::Hidden => return None,
        }
    }
}

fn below(place: &Place, nodes: &[Node<'_>], mut at: usize) -> Place {
    let mut steps = Vec::new();
    while let Some(node) = nodes.get(at) {
        steps.push(&node.step);
        let Some(above) = node.above else { break };
        at = above;
    }
    let mut pointer = place.pointer.clone();
    for step in steps.into_iter().rev() {
        match step {
            Step::Root => {}
            Step::Key(key) => push(&mut pointer, &key.replace('~', "~0").replace('/', "~1")),
            Step::Hidden => push(&mut pointer, "*"),
            Step::Index(index) => push(&mut pointer, &index.to_string()),
        }
    }
    Place { part: place.part, pointer, step: place.step }
}

fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(step);
}
