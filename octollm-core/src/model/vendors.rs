//! The table of vendors: what differs between those who speak the same protocol, as data.
//!
//! A vendor is a row and not code, so that a new one, a new model or a changed price is an edit of a file. The
//! built-in table is `models/vendors.toml`; an operator's own file of the same form is laid over it, field by field.

mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

pub use row::{Auth, LimitsRow, ModelRow, PriceRow, Quirks, SchemaBy, Vendor, WireKind};

use super::ModelDescriptor;
use crate::error::{Error, ErrorKind, Result};

/// Names a file whose rows are laid over the built-in ones.
pub(super) const FILE: &str = "LLM_VENDORS";

const BUILT_IN: &str = include_str!("../../models/vendors.toml");

/// Every vendor that is known, by name.
#[derive(Debug, Clone)]
pub struct Vendors {
    table: Table,
    vendors: BTreeMap<String, Vendor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    vendor: BTreeMap<String, Vendor>,
}

impl Vendors {
    /// The table that comes with the library.
    ///
    /// # Errors
    /// None in practice: a test reads the table.
    pub fn built_in() -> Result<Self> {
        Self::read(parse(BUILT_IN)?)
    }

    /// The same vendors with this table laid over them: its fields replace theirs, what it leaves out stays, and what
    /// is new is added.
    ///
    /// # Errors
    /// `not_configured` if it is not TOML or names a field that does not exist; the hint says where.
    pub fn with_overrides(&self, toml: &str) -> Result<Self> {
        let mut table = self.table.clone();
        lay_over(&mut table, parse(toml)?);
        Self::read(table)
    }

    /// The built-in table with the file laid over it that `LLM_VENDORS` names among these variables, if it names one. Blocks
    /// while it reads that file.
    ///
    /// # Errors
    /// `not_configured` for a file that cannot be read, and as [`with_overrides`](Self::with_overrides).
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self> {
        match Self::file(variables) {
            Some(path) => Self::over_built_in(path, std::fs::read_to_string(path)),
            None => Self::built_in(),
        }
    }

    /// The file that these variables name.
    pub(super) fn file(variables: &BTreeMap<String, String>) -> Option<&Path> {
        variables.get(FILE).map(|path| path.trim()).filter(|path| !path.is_empty()).map(Path::new)
    }

    /// The built-in table with what was read of this file laid over it.
    pub(super) fn over_built_in(path: &Path, text: io::Result<String>) -> Result<Self> {
        let text = text.map_err(|error| {
            Error::new(ErrorKind::NotConfigured, "the file of model vendors cannot be read")
                .with_hint("LLM_VENDORS names a file of rows as docs/models.md shows them")
                .with_source(error)
        });
        let table = text.and_then(|text| Self::built_in()?.with_overrides(&text));
        table.map_err(|error| error.with_context("file", path.display().to_string()))
    }

    fn read(table: Table) -> Result<Self> {
        let document = Value::Table(table.clone()).try_into::<Document>().map_err(|error| wrong(&error))?;
        Ok(Self { table, vendors: document.vendor })
    }

    /// The vendor with this name.
    ///
    /// # Errors
    /// `not_configured`; the hint lists the names there are.
    pub fn get(&self, name: &str) -> Result<&Vendor> {
        self.vendors.get(name).ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "there is no such vendor of models")
                .with_context("vendor", shown(name))
                .with_hint(format!("the vendors are: {}", self.names().join(", ")))
        })
    }

    /// Whether there is a vendor with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.vendors.contains_key(name)
    }

    /// All names, those who are asked first in front.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.vendors.iter().map(|(name, row)| (row.rank, name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// All rows by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Vendor)> {
        self.vendors.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// What is known about a vendor's model, and how it wants to be asked. A model that has no row of its own is what
    /// the vendor's row says.
    ///
    /// # Errors
    /// `not_configured` for an unknown vendor.
    pub fn describe(&self, vendor: &str, model: &str) -> Result<(ModelDescriptor, Quirks)> {
        let row = self.get(vendor)?;
        Ok((row.descriptor(vendor, model), row.quirks(model)))
    }
}

fn parse(toml: &str) -> Result<Table> {
    toml.parse::<Table>().map_err(|error| wrong(&error))
}

fn wrong(error: &toml::de::Error) -> Error {
    let message = error.message().to_owned();
    Error::new(ErrorKind::NotConfigured, "the table of model vendors cannot be read")
        .with_hint(format!("correct the table: {message}"))
}

/// Tables are merged, everything else is replaced.
fn lay_over(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

/// A name that somebody configured, as far as it is one: it may be anything that was pasted there.
fn shown(name: &str) -> String {
    let plain = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain { name.to_owned() } else { "(not a name)".to_owned() }
}
