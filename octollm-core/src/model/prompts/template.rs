//! A text with names in it. Nothing else: no conditions, no loops, so that a prompt reads as it is sent.

use std::collections::BTreeMap;

use crate::error::Fault;

/// A text and the names between.
#[derive(Debug)]
pub(super) struct Template {
    /// Each name with the text before it.
    parts: Vec<(String, String)>,
    /// The text after the last name.
    rest: String,
}

impl Template {
    /// Reads a text in which `{{name}}` stands for a value: lower-case letters, digits and `_`.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or_else(|| broken(text, rest))?;
            if name.is_empty()
                || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            {
                return Err(broken(text, rest));
            }
            parts.push((before.to_owned(), name.to_owned()));
            rest = after;
        }
        Ok(Self { parts, rest: rest.to_owned() })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(_, name)| name.as_str())
    }

    /// The text with these values.
    ///
    /// # Errors
    /// The name of a value that is missing.
    pub(super) fn fill(&self, values: &BTreeMap<&'static str, String>) -> Result<String, String> {
        let mut text = String::new();
        for (before, name) in &self.parts {
            text.push_str(before);
            text.push_str(values.get(name.as_str()).ok_or_else(|| name.clone())?);
        }
        text.push_str(&self.rest);
        Ok(text)
    }
}

fn broken(text: &str, rest: &str) -> Fault {
    let line = text
        .len()
        .checked_sub(rest.len())
        .and_then(|at| text.get(..at))
        .map_or(1, |read| read.matches('\n').count() + 1);
    Fault::new("", format!("has a `{{{{` without a name and `}}}}` in or after line {line} of its part"))
}
