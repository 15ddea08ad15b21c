//! The order in which a model reads what was found.

use std::collections::HashSet;

use octollm_core::Fault;
use octollm_core::model::CallContext;
use octollm_core::model::prompts::Values;
use octollm_core::model::structured::Shape;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Reader, question, shown};
use crate::retriever::search::Found;

/// Passages that are shown: what is not among them by words and vectors is seldom the answer, and each costs.
pub(in crate::retriever) const MOST: usize = 20;
/// Bytes of each.
const MOST_BYTES: usize = 1_200;

/// What a model answers.
#[derive(Debug, Deserialize, JsonSchema)]
struct Answer {
    /// Numbers of passages, the best first; those that do not help are left out.
    order: Vec<usize>,
}

impl Reader {
    /// What was found in the order in which it helps, or why there is none. What the model leaves out follows as it was, and
    /// so does what it is not shown.
    pub(in crate::retriever) async fn rank(
        &self,
        query: &str,
        found: &[Found],
        context: CallContext,
    ) -> Result<Vec<Found>, String> {
        let seen = found.len().min(MOST);
        let passages = shown(found.iter().take(seen).map(|one| &one.chunk), MOST_BYTES);
        let values = Values::new().words("passages", passages).words("question", question(query));
        let shape =
            Shape::of::<Answer>("order").map(|shape| shape.checked(move |answer| faults(answer, seen)));
        let expert = self.expert(context);
        let Answer { order } = expert.ask(&expert.prompts.rank, &values, shape).await?;
        let first: Vec<usize> = order.into_iter().map(|number| number - 1).collect();
        let named: HashSet<usize> = first.iter().copied().collect();
        let rest = (0..found.len()).filter(|at| !named.contains(at));
        Ok(first.iter().copied().chain(rest).filter_map(|at| found.get(at).cloned()).collect())
    }
}

/// Numbers of no passage, and those that come twice.
fn faults(answer: &Value, count: usize) -> Vec<Fault> {
    let mut seen = HashSet::new();
    let order = answer.get("order").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let numbers = order.iter().enumerate().filter_map(|(at, number)| Some((at, number.as_u64()?)));
    let wrong = numbers.filter(|(_, number)| !(1..=count as u64).contains(number) || !seen.insert(*number));
    let detail = format!("must be the number of a passage, 1 to {count}, that does not stand before already");
    wrong.map(|(at, _)| Fault::new(format!("/order/{at}"), detail.clone())).collect()
}
