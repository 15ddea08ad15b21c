//! One value of a table, and the type of a column of them.

use std::borrow::Cow;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnType {
    /// There are none.
    Empty,
    /// Whole numbers; true is 1 and false is 0.
    Integer,
    /// Numbers.
    Real,
    /// Anything.
    Text,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    /// With the text that it is written as, where it came as text.
    Real(f64, Cow<'a, str>),
    Text(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    /// The value that a text stands for. A number that would be written otherwise (`007`, `1_000`, `+1`) is text: it
    /// may be a name.
    pub(super) fn read(text: &'a str) -> Self {
        if text.is_empty() {
            return Self::Null;
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let first = digits.as_bytes().first().copied().unwrap_or_default();
        let second = digits.as_bytes().get(1).copied().unwrap_or(b'.');
        let numeric = first.is_ascii_digit() && (first != b'0' || !second.is_ascii_digit());
        if !numeric {
            return Self::Text(text.into());
        }
        if let Some(number) = text.parse().ok().filter(|_| text != "-0") {
            return Self::Integer(number);
        }
        // A whole number that is too large for 64 bits is an id, not a quantity.
        let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && !whole => Self::Real(number, text.into()),
            _ => Self::Text(text.into()),
        }
    }

    /// A JSON value; arrays and objects as JSON text, for `json_extract`.
    pub(super) fn of_json(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(yes) => Self::Integer(i64::from(*yes)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Integer(whole),
                (None, Some(real)) if number.is_f64() => Self::Real(real, number.to_string().into()),
                _ => Self::Text(number.to_string().into()),
            },
            Value::String(text) => Self::Text(text.into()),
            other => Self::Text(other.to_string().into()),
        }
    }

    /// The value as a column of this type holds it.
    pub(super) fn fitted(self, kind: ColumnType) -> Self {
        match (kind, self) {
            (ColumnType::Text, Self::Integer(number)) => Self::Text(number.to_string().into()),
            (ColumnType::Text, Self::Real(_, text)) => Self::Text(text),
            (ColumnType::Real, Self::Integer(number)) => Self::Real(number as f64, "".into()),
            (_, cell) => cell,
        }
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number, _) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl ColumnType {
    /// The type of a column that has this value as well.
    pub(super) fn with(self, cell: &Cell<'_>) -> Self {
        match (self, cell) {
            (kind, Cell::Null) => kind,
            (Self::Empty | Self::Integer, Cell::Integer(_)) => Self::Integer,
            (Self::Text, _) | (_, Cell::Text(_)) => Self::Text,
            _ => Self::Real,
        }
    }

    /// As it stands in the table's definition.
    pub(super) const fn declared(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Empty | Self::Text => "TEXT",
        }
    }
}
