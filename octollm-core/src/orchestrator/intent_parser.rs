//! Reads a goal: which capabilities does it ask for?

mod model;

use std::sync::Arc;

use async_trait::async_trait;

pub use model::ModelIntentParser;

use super::Thought;
use super::words::Words;
use crate::arm::ArmInfo;
use crate::error::Result;
use crate::task::{Complexity, IntentSource, ParsedIntent, TaskRequest};

/// Reads goals.
#[async_trait]
pub trait IntentParser: Send + Sync {
    /// What `request` asks for, given the arms that are registered.
    ///
    /// # Errors
    /// Where a model is asked and fails.
    async fn parse(&self, request: &TaskRequest, thought: &Thought) -> Result<ParsedIntent>;
}

#[async_trait]
impl<Parser: IntentParser + ?Sized> IntentParser for Arc<Parser> {
    async fn parse(&self, request: &TaskRequest, thought: &Thought) -> Result<ParsedIntent> {
        (**self).parse(request, thought).await
    }
}

/// Reads goals by looking for the words of the registered arms' capabilities: `weather_forecast` is meant where a goal
/// says both "weather" and "forecast". It claims no confidence.
#[derive(Debug, Clone, Copy, Default)]
pub struct RulesIntentParser;

#[async_trait]
impl IntentParser for RulesIntentParser {
    async fn parse(&self, request: &TaskRequest, thought: &Thought) -> Result<ParsedIntent> {
        let words = Words::of(&request.goal);
        let required_capabilities = if request.required_capabilities.is_empty() {
            meant(&words, &thought.arms)
        } else {
            request.required_capabilities.clone()
        };
        Ok(ParsedIntent {
            goal: request.goal.trim().to_owned(),
            required_capabilities,
            constraints: request.constraints.clone(),
            context: serde_json::Map::new(),
            complexity: complexity(&words, request),
            confidence: None,
            source: IntentSource::Rules,
        })
    }
}

/// The capabilities of which the goal says every word.
fn meant(goal: &Words, arms: &[ArmInfo]) -> Vec<String> {
    let mut meant: Vec<String> = Vec::new();
    for capability in arms.iter().flat_map(|arm| &arm.descriptor.capabilities) {
        if goal.share_of(&Words::of(capability)) >= 1.0 && !meant.contains(capability) {
            meant.push(capability.clone());
        }
    }
    meant
}

fn complexity(words: &Words, request: &TaskRequest) -> Complexity {
    let wishes = request.constraints.len() + request.acceptance_criteria.len();
    match (words.len(), wishes) {
        (0..=25, 0..=2) => Complexity::Simple,
        (0..=80, 0..=6) => Complexity::Medium,
        _ => Complexity::Complex,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::ArmDescriptor;

    #[tokio::test]
    async fn a_capability_is_meant_when_all_its_words_are_said() {
        let arm = ArmDescriptor::new("weather", ["weather_forecast", "weather_analysis"]);
        let request = TaskRequest::new("Get the weather forecast for Paris");
        let intent = RulesIntentParser.parse(&request, &Thought::about([arm.into()])).await.unwrap();
        assert_eq!(intent.required_capabilities, ["weather_forecast"]);
        assert_eq!(intent.complexity, Complexity::Simple);
        assert_eq!(intent.confidence, None);
    }
}
