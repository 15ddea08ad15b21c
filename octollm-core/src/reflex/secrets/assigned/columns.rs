//! Credentials in the columns of a table, as a manager of passwords exports them.

use super::value::{is_key, is_password};
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
        // `Password (plain)`
        let name = name.split('(').next().unwrap_or_default().trim_end().to_lowercase();
        let name = name.replace([' ', '-'], "_");
        if ["public", "hash", "sha", "md5", "reset", "salt"].iter().any(|other| name.contains(other)) {
            return None;
        }
        let matches = |word: &&super::Word| match word.value {
            Short => name == word.text,
            Password => name.ends_with(word.text),
            Key => name.ends_with(word.text),
            _ => false,
        };
        WORDS.iter().find(matches).map(|word| match word.value {
            Key => Self::Keys,
            _ if name == word.text => Self::Passwords,
            _ => Self::MaybePasswords,
        })
    }

    /// Whether what stands in it is such a credential; `accounts` are the columns beside it that tell whose it is, or where it is used.
    fn accepts(self, value: &[u8], accounts: usize) -> bool {
        let has = |test: fn(&u8) -> bool| value.iter().any(test);
        let spaced = value.contains(&b' ');
        match self {
            _ if is_template(value) => false,
            // Of words in a row only a whole export is believed: `see the vault`.
            Self::Passwords if accounts > 1 || accounts > 0 && !spaced => is_password(value, true, true),
            Self::Passwords | Self::MaybePasswords => {
                !spaced && is_password(value, false, true) && has(u8::is_ascii_alphabetic) && !is_time(value)
            }
            // Names of things with a number in them are long and have few digits: `first-quarter-2024-report`.
            Self::Keys => {
                let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
                is_key(value, false) && (has(u8::is_ascii_uppercase) || digits * 5 >= value.len())
            }
        }
    }
}

/// The credentials in the columns of the text's table whose names announce some.
pub(in crate::reflex::secrets) fn columns(text: &str) -> Vec<Secret> {
    let Some(table) = Table::find(text) else { return Vec::new() };
    let columns: Vec<_> = table.names(text).map(Column::named).collect();
    if columns.iter().all(Option::is_none) {
        return Vec::new();
    }
    let accounts = table.names(text).filter(|name| is_account(name)).count();
    let mut found = Vec::new();
    for field in table.fields(text) {
        let Some(Some(column)) = columns.get(field.column) else { continue };
        let value = text.get(field.start..field.end).unwrap_or_default();
        let start = field.end - value.trim_start().len();
        let value = value.trim().as_bytes();
        if !column.accepts(value, accounts) {
            continue;
        }
        let (type_name, explanation) = match column {
            Column::Keys => (API_KEY, "a random value in a column that announces keys"),
            _ => (PASSWORD, "a password in a column that announces passwords"),
        };
        let (end, severity) = (start + value.len(), Severity::Critical);
        found.push(Secret { type_name, start, end, confidence: 0.85, severity, explanation });
    }
    found
}

/// Whether a column tells whose the credentials beside it are, or where they are used.
fn is_account(name: &str) -> bool {
    let name = name.to_lowercase();
    ["user", "login", "mail", "url", "uri", "site", "host", "account"].iter().any(|word| name.contains(word))
}

/// What stands in the place of a value: `$PASSWORD`, `${PASSWORD}`, `{{ password }}`, `<password>`, `****`, `null`; the line under Markdown's names.
fn is_template(value: &[u8]) -> bool {
    let around = |open: &[u8], close: &[u8]| value.starts_with(open) && value.ends_with(close);
    let words = [&b"null"[..], b"none", b"true", b"false", b"n/a", b"password", b"redacted", b"hidden"];
    around(b"${", b"}")
        || around(b"{{", b"}}")
        || around(b"<", b">")
        || around(b"[", b"]")
        || value.iter().all(|byte| b"*-:.xX".contains(byte))
        || value
            .strip_prefix(b"$")
            .is_some_and(|name| name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'))
        || words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `2024-05-01T10:00`
fn is_time(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_digit() || b"-:.TZ+/ ".contains(byte))
}
