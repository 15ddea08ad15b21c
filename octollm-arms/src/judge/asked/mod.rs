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
use octollm_core::model::structured::Shape;
use octollm_core::{Fault, Result};
use schemars::JsonSchema;
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

/// A model that judges.
pub(super) type Expert<'a> = crate::expert::Expert<'a, Prompts>;

/// What is asked about several things at once: the answer has a list with one entry for each.
struct Each {
    /// What the answer is called.
    shape: &'static str,
    /// Its list.
    list: &'static str,
    /// What an entry has the number of.
    of: &'static str,
    /// How many there are.
    count: usize,
}

impl Each {
    /// What is said of each of them, in their order.
    async fn ask<A: JsonSchema + DeserializeOwned, S>(
        self,
        expert: &Expert<'_>,
        (prompt, values): (&Prompt, &Values),
        entries: impl FnOnce(A) -> Vec<S>,
        number: impl Fn(&S) -> usize,
    ) -> Result<Vec<S>, String> {
        let Self { shape, list, of, count } = self;
        let shape = Shape::of::<A>(shape)
            .map(|shape| shape.checked(move |answer| misnumbered(answer, list, of, count)));
        let answer = expert.ask::<A>(prompt, values, shape).await;
        let mut said =
            entries(answer.map_err(|reason| format!("no judgement came from the model: {reason}"))?);
        said.sort_by_key(number);
        Ok(said)
    }
}

/// Why a verdict of which the model is less than half sure is none.
fn doubt(confidence: f64, reason: &str) -> Option<String> {
    (confidence < LEAST_CONFIDENCE).then(|| format!("the model is not sure: {reason}"))
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

/// Whether a quotation stands in a text, but for white space, and is more than a sign or two.
fn stands_in(quote: &str, text: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quote = plain(quote);
    let telling = quote.chars().filter(|c| c.is_alphanumeric()).count();
    telling >= 2 && plain(text).contains(&quote)
}
