//! Criteria that no rule decides.

use octollm_core::model::prompts::Values;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, Expert, context_shown, doubt, shown, stands_in};
use crate::expert::numbered;
use crate::judge::judgement::Ruling;
use crate::judge::parts;
use crate::judge::request::JudgeRequest;
use crate::judge::response::{DecidedBy, Status};

/// What a model says of a list of criteria.
#[derive(Debug, Deserialize, JsonSchema)]
struct Answer {
    rulings: Vec<Said>,
}

/// What it says of one of them.
#[derive(Debug, Deserialize, JsonSchema)]
struct Said {
    /// Its number, from 1.
    criterion: usize,
    verdict: Verdict,
    /// The place that decides, word for word; null if something that is missing decides.
    quote: Option<String>,
    /// Why, in one sentence.
    reason: String,
    /// How likely a careful reviewer is to say the same, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    confidence: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Met,
    NotMet,
    CannotTell,
}

/// What a model says of these criteria, one ruling for each.
pub(in crate::judge) async fn rulings(
    expert: &Expert<'_>,
    request: &JudgeRequest,
    criteria: &[&str],
) -> Vec<Ruling> {
    let all = |reason: &str| criteria.iter().map(|_| Ruling::nobody(reason)).collect();
    let Some(output) = shown(&request.output) else {
        return all("the output is too long to be shown to a model (64 KiB)");
    };
    let values = Values::new()
        .words("criteria", numbered("criterion", criteria.iter().copied()))
        .words("context", context_shown(&request.context))
        .words("output", output);
    let each = Each { shape: "judgement", list: "rulings", of: "criterion", count: criteria.len() };
    let question = (&*expert.prompts.criteria, &values);
    match each.ask(expert, question, |answer: Answer| answer.rulings, |said| said.criterion).await {
        Err(reason) => all(&reason),
        Ok(said) => said.into_iter().map(|said| said.checked(request)).collect(),
    }
}

impl Said {
    /// What of it can be relied on.
    fn checked(self, request: &JudgeRequest) -> Ruling {
        let status = match self.verdict {
            Verdict::CannotTell => return Ruling::nobody(format!("the model cannot tell: {}", self.reason)),
            Verdict::Met => Status::Passed,
            Verdict::NotMet => Status::Failed,
        };
        if let Some(doubt) = doubt(self.confidence, &self.reason) {
            return Ruling::nobody(doubt);
        }
        let quote = self.quote.filter(|quote| !quote.trim().is_empty());
        if let Some(quote) = &quote
            && !is_in(quote, request)
        {
            return Ruling::nobody("the model relies on a quotation that is not in the output");
        }
        Ruling {
            status,
            by: DecidedBy::Model,
            certainty: self.confidence,
            reason: self.reason,
            evidence: quote,
        }
    }
}

/// Whether this stands somewhere in the output, be it in a text or in its JSON.
fn is_in(quote: &str, request: &JudgeRequest) -> bool {
    parts::texts(&request.output).into_iter().any(|text| stands_in(quote, text))
        || stands_in(quote, &serde_json::to_string_pretty(&request.output).unwrap_or_default())
}
