//! What the operator forbids and demands, out of a file.
//!
//! ```toml
//! [[deny]]
//! name = "project_names"
//! reason = "code names of projects do not leave the company"
//! severity = "high"
//! words = ["falcon nine", "tide pool"]
//!
//! [[deny]]
//! name = "no_critical_priority"
//! reason = "critical is for people on call"
//! field = "/priority"
//! values = ["critical"]
//!
//! [[require]]
//! name = "ticket"
//! reason = "every task names its ticket"
//! field = "/metadata/ticket"
//! pattern = '^OPS-\d+$'
//! ```
//!
//! A rule says *where* it looks (`field`: `text`, or a JSON pointer into the fields in which `*` stands for any key or
//! index; for a `deny` everything where absent, for a `require` the text) and *what* it looks for: `pattern`, a regular
//! expression; `words`, as whole words in any case; `values`, that the field equals; `max_chars`, which the text is longer than
//! (`deny`) or must not be longer than (`require`). A `require` without any of them only asks that the field is there and not
//! empty. What a rule looks for is met where any one of its ways is met. Patterns and words see a text in the reflexes'
//! canonical form. The file is read strictly: what it does not mean is an error, not a rule that never holds.

mod apply;
mod read;

use std::fmt;
use std::sync::Arc;

use octollm_core::reflex::Severity;
use regex::Regex;
use serde_json::Value;

/// A policy, read and compiled. Cheap to clone.
#[derive(Clone)]
pub struct GuardPolicy {
    deny: Arc<[Rule]>,
    require: Arc<[Rule]>,
}

/// One rule.
struct Rule {
    name: String,
    reason: String,
    severity: Severity,
    field: Field,
    wanted: Wanted,
}

/// Where a rule looks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    /// The text, and every text of the fields.
    Everywhere,
    /// The text alone.
    Text,
    /// Values of the fields: each part a key or an index, or any for `*`.
    At(Vec<String>),
}

/// What a rule looks for.
#[derive(Debug, Default)]
struct Wanted {
    /// The pattern and the words.
    patterns: Vec<Regex>,
    values: Vec<Value>,
    max_chars: Option<usize>,
}

impl Wanted {
    fn is_anything(&self) -> bool {
        self.patterns.is_empty() && self.values.is_empty() && self.max_chars.is_none()
    }
}

/// Only the rules' names: what they look for may itself be what must not be known.
impl fmt::Debug for GuardPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |rules: &[Rule]| rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        f.debug_struct("GuardPolicy")
            .field("deny", &names(&self.deny))
            .field("require", &names(&self.require))
            .finish()
    }
}
