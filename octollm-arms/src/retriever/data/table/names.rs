//! Names that can be written in SQL without quotes, one of each.

use std::collections::HashSet;

/// Characters of a name that are kept.
const LONGEST: usize = 60;

/// Names that are taken.
pub(super) struct Names {
    taken: HashSet<String>,
    /// What something without a name is called.
    nameless: &'static str,
}

impl Names {
    pub(super) fn of_tables() -> Self {
        Self { taken: HashSet::new(), nameless: "table" }
    }

    /// SQLite's own names for a row's number are taken from the beginning.
    pub(super) fn of_columns() -> Self {
        let taken = ["rowid", "oid", "_rowid_"].map(str::to_owned);
        Self { taken: taken.into(), nameless: "column" }
    }

    /// `Length (m)` is `length_m`; a second one is `length_m_2`.
    pub(super) fn take(&mut self, raw: &str) -> String {
        let base = self.plain(raw);
        let mut name = base.clone();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        name
    }

    fn plain(&self, raw: &str) -> String {
        let mut name = String::new();
        for c in raw.chars().take(LONGEST) {
            match c.is_alphanumeric() || c == '_' {
                true => name.extend(c.to_lowercase()),
                false if name.is_empty() || name.ends_with('_') => {}
                false => name.push('_'),
            }
        }
        let name = name.trim_end_matches('_');
        let first = name.chars().next();
        match first {
            None => self.nameless.to_owned(),
            Some(first) if first.is_numeric() || name.starts_with("sqlite_") => {
                format!("{}_{name}", self.nameless)
            }
            Some(_) => name.to_owned(),
        }
    }
}

/// The name in quotes, for statements of our own.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
