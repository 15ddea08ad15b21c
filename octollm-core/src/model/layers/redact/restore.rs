//! An answer with what its placeholders stand for, piece by piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Redactor, restore_value};
use crate::model::Delta;

/// What the text is that something is restored into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Words.
    Plain,
    /// JSON: placeholders stand within strings.
    Json,
}

/// A whole text, restored.
pub(super) fn text(redactor: &dyn Redactor, form: Form, text: &str) -> String {
    let mut held = text.to_owned();
    take(&mut held, redactor, form, true)
}

/// Restores an answer while it streams.
pub(super) struct Restorer {
    redactor: Arc<dyn Redactor>,
    form: Form,
    held: Held,
    calls: BTreeMap<usize, Call>,
}

/// The end of what was said, which may be the beginning of a placeholder.
#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Text(String),
    Reasoning(String),
}

#[derive(Default)]
struct Call {
    id: Option<String>,
    name: Option<String>,
    arguments: String,
}

impl Restorer {
    pub(super) fn new(redactor: Arc<dyn Redactor>, form: Form) -> Self {
        Self { redactor, form, held: Held::Nothing, calls: BTreeMap::new() }
    }

    /// What can be passed on, now that this has come.
    pub(super) fn push(&mut self, delta: Delta) -> Vec<Delta> {
        match (delta, std::mem::take(&mut self.held)) {
            (Delta::Text(piece), Held::Text(held)) => self.say(Held::Text(held + &piece), false),
            (Delta::Reasoning(piece), Held::Reasoning(held)) => {
                self.say(Held::Reasoning(held + &piece), false)
            }
            // Something else begins: what was held back is no placeholder.
            (delta, held) => {
                let mut said = self.say(held, true);
                said.extend(self.begin(delta));
                said
            }
        }
    }

    /// What is left at the end.
    pub(super) fn flush(&mut self) -> Vec<Delta> {
        let held = std::mem::take(&mut self.held);
        let mut said = self.say(held, true);
        said.extend(self.take_calls());
        said
    }

    fn begin(&mut self, delta: Delta) -> Vec<Delta> {
        match delta {
            Delta::Text(text) => self.say(Held::Text(text), false),
            Delta::Reasoning(text) => self.say(Held::Reasoning(text), false),
            Delta::ToolCall { index, id, name, arguments } => {
                let call = self.calls.entry(index).or_default();
                call.id = id.or(call.id.take());
                call.name = name.or(call.name.take());
                call.arguments.push_str(&arguments);
                Vec::new()
            }
            Delta::Usage(_) | Delta::Finished(_) => {
                let mut said = self.take_calls();
                said.push(delta);
                said
            }
            // Its provider knows it by every letter.
            Delta::Started { .. } | Delta::Thoughts(_) => vec![delta],
        }
    }

    fn say(&mut self, mut held: Held, last: bool) -> Vec<Delta> {
        let redactor = &*self.redactor;
        let (ready, make): (String, fn(String) -> Delta) = match &mut held {
            Held::Nothing => return Vec::new(),
            Held::Text(text) => (take(text, redactor, self.form, last), Delta::Text),
            Held::Reasoning(text) => (take(text, redactor, Form::Plain, last), Delta::Reasoning),
        };
        self.held = if last { Held::Nothing } else { held };
        if ready.is_empty() { Vec::new() } else { vec![make(ready)] }
    }

    fn take_calls(&mut self) -> Vec<Delta> {
        let calls = std::mem::take(&mut self.calls).into_iter();
        calls.map(|(index, call)| call.restored(index, &*self.redactor)).collect()
    }
}

impl Call {
    fn restored(self, index: usize, redactor: &dyn Redactor) -> Delta {
        let arguments = match serde_json::from_str::<Value>(&self.arguments) {
            Ok(mut arguments) => {
                restore_value(&mut arguments, redactor);
                arguments.to_string()
            }
            Err(_) => text(redactor, Form::Json, &self.arguments),
        };
        Delta::ToolCall { index, id: self.id, name: self.name, arguments }
    }
}

/// Takes out of `held`, restored, whatever cannot be part of a placeholder that is still to be completed.
///
/// Where a placeholder could begin, the first `close` within [`longest`](super::Shape::longest) bytes decides. So it does
/// not matter in which pieces the text came.
fn take(held: &mut String, redactor: &dyn Redactor, form: Form, last: bool) -> String {
    let shape = redactor.shape();
    if shape.open.is_empty() {
        return std::mem::take(held);
    }
    let mut ready = String::with_capacity(held.len());
    let mut rest = held.as_str();
    while let Some(at) = rest.find(shape.open) {
        let (before, candidate) = rest.split_at(at);
        ready.push_str(before);
        let window = &candidate[..candidate.floor_char_boundary(shape.longest)];
        let end = window.get(shape.open.len()..).and_then(|inner| inner.find(shape.close));
        let end = end.map(|inner| shape.open.len() + inner + shape.close.len());
        if end.is_none() && candidate.len() < shape.longest && !last {
            *held = candidate.to_owned();
            return ready;
        }
        match end.and_then(|end| Some((end, redactor.restore(&candidate[..end])?))) {
            Some((end, value)) => {
                ready.push_str(&form.written(value));
                rest = &candidate[end..];
            }
            None => {
                let next = candidate.chars().next().map_or(candidate.len(), char::len_utf8);
                ready.push_str(&candidate[..next]);
                rest = &candidate[next..];
            }
        }
    }
    let (said, kept) = rest.split_at(rest.len() - if last { 0 } else { begun(rest, shape.open) });
    ready.push_str(said);
    *held = kept.to_owned();
    ready
}

/// Bytes at the end of `text` that `open` may begin with.
fn begun(text: &str, open: &str) -> usize {
    let longest = open.len().saturating_sub(1).min(text.len());
    (1..=longest).rev().find(|length| text.as_bytes().ends_with(&open.as_bytes()[..*length])).unwrap_or(0)
}

impl Form {
    fn written(self, value: String) -> String {
        match self {
            Self::Plain => value,
            Self::Json => {
                let quoted = Value::String(value).to_string();
                quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
            }
        }
    }
}
