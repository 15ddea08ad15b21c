//! What models are told, in files.
//!
//! A prompt is a text that people improve without touching code: `intent.v1.md`, with the system's part above the line
//! `<!-- user -->` and the user's part below it. The name carries a version, because an improved prompt is another
//! prompt: what was measured with the first says nothing about the second. The embedded prompts can be replaced by files
//! of the same name in a folder.
//!
//! `{{name}}` is replaced by a value. A name that the program does not know, or one that it has and the text does not
//! use, is an error when the prompt is loaded: not when it is first needed. Values are put in once and never read
//! again, so a value that contains `{{name}}` stays as it is. What came from outside is put in as [data](data_block).

mod data;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

pub use data::data_block;

use self::template::Template;
use super::Message;
use crate::error::{Error, ErrorKind, Fault, Result};

/// Parts the system's words from the user's.
const USER_PART: &str = "<!-- user -->";

/// A prompt that comes with the library, and the values that it is given.
struct Embedded {
    name: &'static str,
    text: &'static str,
    values: &'static [&'static str],
}

const INTENT: Embedded = Embedded {
    name: "intent.v1",
    text: include_str!("../../prompts/intent.v1.md"),
    values: &["capabilities", "goal", "constraints", "context"],
};

const PLAN: Embedded = Embedded {
    name: "plan.v1",
    text: include_str!("../../prompts/plan.v1.md"),
    values: &["arms", "goal", "capabilities", "constraints", "criteria", "context", "budget"],
};

const REPLAN: Embedded = Embedded {
    name: "replan.v1",
    text: include_str!("../../prompts/replan.v1.md"),
    values: &["arms", "goal", "constraints", "criteria", "plan", "outputs", "failure", "budget"],
};

const INTEGRATE: Embedded = Embedded {
    name: "integrate.v1",
    text: include_str!("../../prompts/integrate.v1.md"),
    values: &["form", "goal", "constraints", "criteria", "outputs"],
};

const FILL: Embedded = Embedded {
    name: "fill.v1",
    text: include_str!("../../prompts/fill.v1.md"),
    values: &["goal", "action", "arm", "missing", "context", "outputs"],
};

/// The prompts of the brain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prompts {
    /// Reads a goal: answers a [`ParsedIntent`](crate::task::ParsedIntent).
    ///
    /// Values: `capabilities`, `goal`, `constraints`, `context` (its shape).
    pub intent: Arc<Prompt>,
    /// Makes a plan: answers an [`ExecutionPlan`](crate::ExecutionPlan)'s `subtasks`, `confidence` and `rationale`.
    ///
    /// Values: `arms`, `goal`, `capabilities`, `constraints`, `criteria`, `context` (its shape), `budget`.
    pub plan: Arc<Prompt>,
    /// Revises a plan: answers `reason`, `changed` (steps), `removed` (numbers) and `confidence`.
    ///
    /// Values: `arms`, `goal`, `constraints`, `criteria`, `plan`, `outputs` (their shapes), `failure`, `budget`.
    pub replan: Arc<Prompt>,
    /// Combines outputs into the answer to the goal, in words or as a schema wants it.
    ///
    /// Values: `form` (what the answer must look like), `goal`, `constraints`, `criteria`, `outputs`.
    pub integrate: Arc<Prompt>,
    /// Fills what a step's input lacks: answers an object with the missing properties, `null` for what cannot be told.
    ///
    /// Values: `goal`, `action`, `arm`, `missing` (properties with their types), `context`, `outputs`.
    pub fill: Arc<Prompt>,
}

impl Prompts {
    /// The prompts that come with the library.
    ///
    /// # Errors
    /// None as long as the library's tests pass.
    pub fn embedded() -> Result<Self> {
        Self::read(|_| Ok(None))
    }

    /// The prompts in `folder` (`plan.v1.md`, ...); those that are not there are the library's own. Blocks while it
    /// reads.
    ///
    /// # Errors
    /// `not_configured` for a folder or a file that cannot be read; `invalid_input` for a prompt with unknown or missing
    /// names.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        Self::read(|name| text_in(folder, name))
    }

    fn read(own: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let prompt = |embedded: &Embedded| {
            let text = own(embedded.name)?;
            let text = text.as_deref().unwrap_or(embedded.text);
            Prompt::parse(embedded.name, text, embedded.values).map(Arc::new)
        };
        Ok(Self {
            intent: prompt(&INTENT)?,
            plan: prompt(&PLAN)?,
            replan: prompt(&REPLAN)?,
            integrate: prompt(&INTEGRATE)?,
            fill: prompt(&FILL)?,
        })
    }
}

fn read_file(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(ErrorKind::NotConfigured, "a prompt cannot be read")
            .with_context("file", path.display().to_string())
            .with_source(error)),
    }
}

/// The text of the prompt with this name in `folder`, such as `coder.v1` in `coder.v1.md`; none if the folder has none.
/// For those who have prompts of their own beside the brain's. Blocks while it reads.
///
/// # Errors
/// `not_configured` for a folder or a file that cannot be read.
pub fn text_in(folder: &Path, name: &str) -> Result<Option<String>> {
    if !folder.is_dir() {
        return Err(Error::new(ErrorKind::NotConfigured, "the folder of prompts is not there")
            .with_context("folder", folder.display().to_string())
            .with_hint("make the folder, or leave OCTOLLM_PROMPTS_DIR unset"));
    }
    read_file(&folder.join(format!("{name}.md")))
}

/// One prompt.
#[derive(Debug)]
pub struct Prompt {
    name: String,
    system: Template,
    user: Template,
}

impl Prompt {
    /// Reads a prompt that is given values of these names.
    ///
    /// # Errors
    /// `invalid_input` with every unknown or missing name, or if there is no user's part.
    pub fn parse(name: &str, text: &str, values: &[&str]) -> Result<Self> {
        let invalid = |faults| Error::invalid(format!("the prompt `{name}` is invalid"), faults);
        let (system, user) = text
            .split_once(USER_PART)
            .ok_or_else(|| invalid(vec![Fault::new("", format!("must have a line `{USER_PART}`"))]))?;
        let read = |part: &str| Template::parse(part.trim()).map_err(|fault| invalid(vec![fault]));
        let prompt = Self { name: name.to_owned(), system: read(system)?, user: read(user)? };
        let faults = prompt.faults(values);
        if faults.is_empty() { Ok(prompt) } else { Err(invalid(faults)) }
    }

    fn faults(&self, values: &[&str]) -> Vec<Fault> {
        let used: Vec<&str> = self.system.names().chain(self.user.names()).collect();
        let unknown = used.iter().filter(|name| !values.contains(name));
        let unknown = unknown.map(|name| format!("`{{{{{name}}}}}` is not one of {}", values.join(", ")));
        let missing = values.iter().filter(|name| !used.contains(name));
        let missing = missing.map(|name| format!("`{{{{{name}}}}}` is missing"));
        unknown.chain(missing).map(|detail| Fault::new("", detail)).collect()
    }

    /// Its name and version: `plan.v1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The conversation that it begins: the system's words, marked for the provider's prompt cache, and the user's.
    ///
    /// # Errors
    /// `internal` if a value is missing.
    pub fn render(&self, values: &Values) -> Result<Vec<Message>> {
        let fill = |template: &Template| {
            template.fill(&values.0).map_err(|missing| {
                Error::new(ErrorKind::Internal, "a prompt was not given all of its values")
                    .with_context("prompt", self.name.as_str())
                    .with_context("value", missing)
            })
        };
        Ok(vec![Message::system(fill(&self.system)?).cached(), Message::user(fill(&self.user)?)])
    }
}

/// What is put into a prompt.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<&'static str, String>);

impl Values {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Words of the program's own, put in as they are. Never anything that came from outside.
    #[must_use]
    pub fn words(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.insert(name, text.into());
        self
    }

    /// Something that came from outside, marked as [data](data_block).
    #[must_use]
    pub fn data(self, name: &'static str, text: &str) -> Self {
        self.words(name, data_block(name, text))
    }

    /// As [`data`](Self::data), as JSON.
    #[must_use]
    pub fn json(self, name: &'static str, value: &Value) -> Self {
        self.data(name, &value.to_string())
    }

    /// As [`data`](Self::data), one line for each; "none" if there are none.
    #[must_use]
    pub fn list<S: AsRef<str>>(self, name: &'static str, items: &[S]) -> Self {
        if items.is_empty() {
            return self.words(name, "none");
        }
        let lines: Vec<_> = items.iter().map(|item| format!("- {}", item.as_ref())).collect();
        self.data(name, &lines.join("\n"))
    }
}
