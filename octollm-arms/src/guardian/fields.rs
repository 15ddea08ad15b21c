//! The values of a request's fields, with their pointers.

use serde_json::{Map, Value};

use super::review::FIELDS;

/// Calls `each` with every text, number and boolean below, in order, and its pointer; keys that `enters` refuses are passed
/// over with all below them.
pub(super) fn for_each<'a>(
    fields: &'a Map<String, Value>,
    enters: impl Fn(&str) -> bool,
    mut each: impl FnMut(String, &'a Value),
) {
    // A stack of its own: values of this process may be nested as deep as they like.
    let mut open = entered(fields, FIELDS, &enters);
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Object(fields) => open.extend(entered(fields, &pointer, &enters)),
            Value::Array(items) => {
                let items = items.iter().enumerate().rev();
                open.extend(items.map(|(index, item)| (format!("{pointer}/{index}"), item)));
            }
            Value::Null => {}
            value => each(pointer, value),
        }
    }
}

/// The entries of an object, the last one first, as a stack wants them.
fn entered<'a>(
    fields: &'a Map<String, Value>,
    pointer: &str,
    enters: impl Fn(&str) -> bool,
) -> Vec<(String, &'a Value)> {
    let fields = fields.iter().rev().filter(|(key, _)| enters(key));
    fields.map(|(key, value)| (format!("{pointer}/{}", shown(key)), value)).collect()
}

/// The values at this path, in which `*` stands for any key or index.
pub(super) fn at<'a>(fields: &'a Map<String, Value>, path: &[String]) -> Vec<(String, &'a Value)> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let mut open = entered(fields, FIELDS, |key| fits(first, key));
    for part in rest {
        let below = open.into_iter().flat_map(|(pointer, value)| match value {
            Value::Object(fields) => entered(fields, &pointer, |key| fits(part, key)),
            Value::Array(items) => {
                let items =
                    items.iter().enumerate().rev().filter(|(index, _)| fits(part, &index.to_string()));
                items.map(|(index, item)| (format!("{pointer}/{index}"), item)).collect()
            }
            _ => Vec::new(),
        });
        open = below.collect();
    }
    open.reverse();
    open
}

/// The same values, to be changed.
pub(super) fn at_mut<'a>(fields: &'a mut Map<String, Value>, path: &[String]) -> Vec<&'a mut Value> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let mut open: Vec<&mut Value> =
        fields.iter_mut().filter(|(key, _)| fits(first, key)).map(|(_, value)| value).collect();
    for part in rest {
        let below = open.into_iter().flat_map(|value| -> Vec<&mut Value> {
            match value {
                Value::Object(fields) => {
                    fields.iter_mut().filter(|(key, _)| fits(part, key)).map(|(_, value)| value).collect()
                }
                Value::Array(items) => {
                    let items = items.iter_mut().enumerate();
                    items
                        .filter(|(index, _)| fits(part, &index.to_string()))
                        .map(|(_, value)| value)
                        .collect()
                }
                _ => Vec::new(),
            }
        });
        open = below.collect();
    }
    open
}

/// Calls `change` with every text of a value.
pub(super) fn for_each_text_mut(value: &mut Value, mut change: impl FnMut(&mut String)) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => change(text),
            Value::Array(items) => open.extend(items.iter_mut()),
            Value::Object(fields) => open.extend(fields.iter_mut().map(|(_, value)| value)),
            _ => {}
        }
    }
}

fn fits(part: &str, key: &str) -> bool {
    part == "*" || part == key
}

/// A key as it stands in a pointer: `*` where it may itself be something that must not be told.
fn shown(key: &str) -> &str {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if key.len() <= 40 && digits <= 4 && key.bytes().all(is_name) { key } else { "*" }
}
