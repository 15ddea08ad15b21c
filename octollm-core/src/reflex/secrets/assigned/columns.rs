//! Credentials in the columns of a table, as a manager of passwords exports them.

use super::value::{is_key, is_password, is_reference};
use super::{API_KEY, Key, PASSWORD, Password, Short, WORDS};
use crate::reflex::Severity;
use crate::reflex::secrets::Secret;
use crate::reflex::table::Table;

/// What the name of a column announces.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    /// Passwords, and nothing else: `password`.
    Passwords,
    /// Passwords, if they look so: `db_password`.
    MaybePasswords,
    Keys,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let matches = |word: &&super::Word| match word.value {
            Short => name == word.text,
            Password | Key => name.replace([' ', '-'], "_").ends_with(&word.text.replace([' ', '-'], "_")),
            _ => false,
        };
        WORDS.iter().find(matches).map(|word| match word.value {
            Key => Self::Keys,
            _ if name == word.text => Self::Passwords,
            _ => Self::MaybePasswords,
        })
    }
}

/// The credentials in the columns of the text's table whose names announce some.
pub(in crate::reflex::secrets) fn columns(text: &str) -> Vec<Secret> {
    let Some(table) = Table::find(text) else { return Vec::new() };
    let columns: Vec<_> = table.names(text).map(Column::named).collect();
    if columns.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for field in table.fields(text) {
        let Some(Some(column)) = columns.get(field.column) else { continue };
        let value = text.get(field.start..field.end).unwrap_or_default();
        let start = field.end - value.trim_start().len();
        let value = value.trim().as_bytes();
        let accepted = !is_reference(value, true)
            && match column {
                Column::Passwords => is_password(value, true, true),
                Column::MaybePasswords => is_password(value, false, true),
                Column::Keys => is_key(value, false),
            };
        if accepted {
            let (type_name, explanation) = match column {
                Column::Keys => (API_KEY, "a random value in a column that announces keys"),
                _ => (PASSWORD, "a password in a column that announces passwords"),
            };
            let (end, severity) = (start + value.len(), Severity::Critical);
            found.push(Secret { type_name, start, end, confidence: 0.85, severity, explanation });
        }
    }
    found
}
