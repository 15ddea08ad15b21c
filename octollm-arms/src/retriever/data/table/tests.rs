//! Values and names.

use proptest::prelude::*;

use super::cell::{Cell, ColumnType};
use super::names::Names;

#[test]
fn a_text_is_a_number_only_where_it_is_written_as_one() {
    for (text, whole) in [("0", 0), ("42", 42), ("-7", -7), ("9223372036854775807", i64::MAX)] {
        assert_eq!(Cell::read(text), Cell::Integer(whole));
    }
    for text in ["0.5", "-1.25", "3e8", "-0.0"] {
        assert!(matches!(Cell::read(text), Cell::Real(..)), "{text}");
    }
    for text in
        ["007", "+1", "1_000", "1,5", "nan", "inf", "-", ".", "0x10", "9223372036854775808", "1e999", "-0"]
    {
        assert!(matches!(Cell::read(text), Cell::Text(_)), "{text}");
    }
    assert_eq!(Cell::read(""), Cell::Null);
}

#[test]
fn a_column_is_as_wide_as_its_values() {
    let of = |texts: &[&str]| texts.iter().fold(ColumnType::Empty, |kind, text| kind.with(&Cell::read(text)));
    assert_eq!(of(&["", ""]), ColumnType::Empty);
    assert_eq!(of(&["1", "", "2"]), ColumnType::Integer);
    assert_eq!(of(&["1", "2.5"]), ColumnType::Real);
    assert_eq!(of(&["2.5", "1"]), ColumnType::Real);
    assert_eq!(of(&["00123", "12345"]), ColumnType::Text);
    assert_eq!(of(&["1", "n/a", "2.5"]), ColumnType::Text);
    assert_eq!(Cell::read("1.50").fitted(ColumnType::Text), Cell::Text("1.50".into()));
}

#[test]
fn names_can_be_written_without_quotes() {
    let mut names = Names::of_columns();
    let taken: Vec<_> =
        ["Length (m)", "length_m", "", "", "2024", "RowID", "Größe", "a\"; DROP TABLE x", "--"]
            .iter()
            .map(|raw| names.take(raw))
            .collect();
    assert_eq!(
        taken,
        [
            "length_m",
            "length_m_2",
            "column",
            "column_2",
            "column_2024",
            "rowid_2",
            "größe",
            "a_drop_table_x",
            "column_3"
        ]
    );
    assert_eq!(Names::of_tables().take("sqlite_master"), "table_sqlite_master");
}

proptest! {
    #[test]
    fn every_name_is_plain_and_taken_once(raws in proptest::collection::vec(".{0,12}", 0..20)) {
        let mut names = Names::of_columns();
        let taken: Vec<_> = raws.iter().map(|raw| names.take(raw)).collect();
        let distinct: std::collections::HashSet<_> = taken.iter().collect();
        prop_assert_eq!(distinct.len(), taken.len());
        prop_assert!(taken.iter().all(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_' || !c.is_ascii())));
    }
}
