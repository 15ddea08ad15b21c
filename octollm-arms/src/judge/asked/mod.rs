//! What is asked of a language model: criteria that no rule decides, and whether sources say what an output states.
//!
//! A model's word is taken only as far as it can be checked. It has to quote the place that decides, and a quote that is not
//! there voids what it said. A verdict of which the model itself is not even half sure is none. Whatever goes wrong, from no
//! model to an answer of the wrong shape, leaves what was asked `unverified`, with the reason.

mod claims;
mod criteria;
mod facts;
mod passages;

use std::path::Path;
use std::sync::Arc;

use octollm_core::model::prompts::{Prompt, Values, data_block, text_in};
use octollm_core::model::structured::{Shape, typed};
use octollm_core::model::{CallContext, LanguageModel, ModelRequest, Purpose};
use octollm_core::{Error, Fault, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(super) use criteria::rulings;
pub(super) use facts::{Library, facts};

/// Below this a model holds the contrary of what it says for likelier.
const LEAST_CONFIDENCE: f64 = 0.5;
/// Bytes of an output that a model is shown.
const MOST_SHOWN: usize = 64 << 10;

const CRITERIA: &str = "judge_criteria.v1";
const CRITERIA_VALUES: &[&str] = &["criteria", "context", "output"];
const FACTS: &str = "judge_facts.v1";
const FACTS_VALUES: &[&str] = &["passages", "statements"];

/// What models are told.
#[derive(Debug, Clone)]
pub(super) struct Prompts {
    criteria: Arc<Prompt>,
    facts: Arc<Prompt>,
}

impl Prompts {
    /// The judge's own prompts.
    pub(super) fn embedded() -> Result<Self> {
        Ok(Self {
            criteria: Arc::new(Prompt::parse(
                CRITERIA,
                include_str!("../../../prompts/judge_criteria.v1.md"),
                CRITERIA_VALUES,
            )?),
            facts: Arc::new(Prompt::parse(
                FACTS,
                include_str!("../../../prompts/judge_facts.v1.md"),
                FACTS_VALUES,
            )?),
        })
    }

    /// The same, with those that this folder has.
    pub(super) fn or_from(mut self, folder: &Path) -> Result<Self> {
        if let Some(text) = text_in(folder, CRITERIA)? {
            self.criteria = Arc::new(Prompt::parse(CRITERIA, &text, CRITERIA_VALUES)?);
        }
        if let Some(text) = text_in(folder, FACTS)? {
            self.facts = Arc::new(Prompt::parse(FACTS, &text, FACTS_VALUES)?);
        }
        Ok(self)
    }
}

/// A model, and whose call it is asked for.
pub(super) struct Expert<'a> {
    pub(super) model: Arc<dyn LanguageModel>,
    pub(super) prompts: &'a Prompts,
    pub(super) context: CallContext,
}

impl Expert<'_> {
    /// Asks for an answer of this type, or says why there is none.
    async fn ask<T: DeserializeOwned>(
        &self,
        prompt: &Prompt,
        values: &Values,
        shape: Result<Shape>,
    ) -> Result<T, String> {
        let asked = async {
            let mut question = ModelRequest::new(prompt.render(values)?);
            question.purpose = Purpose::Judging;
            // The same output should be judged the same.
            question.temperature = Some(0.0);
            question.context = self.context.clone();
            Ok::<T, Error>(typed::<T>(&*self.model, &question, &shape?).await?.value)
        };
        asked.await.map_err(|error| {
            tracing::warn!(%error, prompt = prompt.name(), "a model was asked to judge, and no judgement came of it");
            format!("no judgement came from the model: {}", crate::trial::reason(&error))
        })
    }
}

/// Faults of an answer whose entries under `list` do not name each of `count` numbers once, as `of`.
fn misnumbered(answer: &Value, list: &str, of: &str, count: usize) -> Vec<Fault> {
    let entries = answer.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut named: Vec<u64> =
        entries.iter().filter_map(|entry| entry.get(of).and_then(Value::as_u64)).collect();
    named.sort_unstable();
    if named.iter().copied().eq(1..=count as u64) {
        return Vec::new();
    }
    let detail = format!("must have one entry for each {of} from 1 to {count}");
    vec![Fault::new(format!("/{list}"), detail)]
}

/// An output as a model reads it: texts as they are, the rest as JSON. Nothing where it is too long.
fn shown(output: &Value) -> Option<String> {
    let block = |name: &str, value: &Value| match value {
        Value::String(text) => data_block(name, text),
        other => data_block(name, &serde_json::to_string_pretty(other).unwrap_or_default()),
    };
    let text = match output {
        Value::Object(fields) if !fields.is_empty() => {
            let blocks = fields.iter().map(|(name, value)| block(&format!("output/{name}"), value));
            blocks.collect::<Vec<_>>().join("\n\n")
        }
        other => block("output", other),
    };
    (text.len() <= MOST_SHOWN).then_some(text)
}

fn context_shown(context: &Map<String, Value>) -> String {
    if context.is_empty() {
        return "none".to_owned();
    }
    data_block("context", &serde_json::to_string_pretty(context).unwrap_or_default())
}

/// Entries with their numbers, from 1, each marked as data.
fn numbered<'a>(of: &str, entries: impl Iterator<Item = &'a str>) -> String {
    let entries = entries.zip(1..).map(|(entry, number)| data_block(&format!("{of} {number}"), entry));
    entries.collect::<Vec<_>>().join("\n")
}

/// Whether a quotation stands in a text, but for white space, and is more than a sign or two.
fn stands_in(quote: &str, text: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quote = plain(quote);
    let telling = quote.chars().filter(|c| c.is_alphanumeric()).count();
    telling >= 2 && plain(text).contains(&quote)
}
