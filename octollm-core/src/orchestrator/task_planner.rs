//! Makes a plan for what a goal asks for.

mod draft;
mod model;
mod renumber;

use std::cmp::Reverse;
use std::sync::Arc;

pub(super) use draft::Ground;
pub use model::ModelTaskPlanner;

use async_trait::async_trait;
use serde_json::Value;

use super::Thought;
use super::playbook::{Playbook, Playbooks};
use super::words::Words;
use crate::arm::{ArmDescriptor, ArmInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::task::{ExecutionPlan, ParsedIntent, PlanSource, SubTask, TaskRequest, TaskState};

/// Makes plans.
#[async_trait]
pub trait TaskPlanner: Send + Sync {
    /// A plan for `request`, using only the arms that are there.
    ///
    /// # Errors
    /// `not_configured` if it takes a planner that is not there.
    async fn plan(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ExecutionPlan>;

    /// Whether [`revise`](Self::revise) is worth calling.
    fn can_revise(&self) -> bool {
        false
    }

    /// Another plan for a task of which a step has failed; see [`TaskState::check_revision`] for the rules.
    ///
    /// # Errors
    /// `not_configured` if it takes a planner that is not there; those of a model that is asked.
    async fn revise(&self, state: &TaskState, thought: &Thought) -> Result<ExecutionPlan> {
        let _ = (state, thought);
        Err(Error::new(ErrorKind::NotConfigured, "no rule can revise a plan"))
    }
}

#[async_trait]
impl<Planner: TaskPlanner + ?Sized> TaskPlanner for Arc<Planner> {
    async fn plan(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ExecutionPlan> {
        (**self).plan(request, intent, thought).await
    }

    fn can_revise(&self) -> bool {
        (**self).can_revise()
    }

    async fn revise(&self, state: &TaskState, thought: &Thought) -> Result<ExecutionPlan> {
        (**self).revise(state, thought).await
    }
}

/// Plans what needs no model: one arm whose capabilities the goal names and whose input is at hand, or a playbook that
/// the goal suggests.
#[derive(Debug, Clone, Default)]
pub struct RulesTaskPlanner {
    playbooks: Arc<Playbooks>,
}

impl RulesTaskPlanner {
    /// A planner over these playbooks.
    pub fn new(playbooks: Arc<Playbooks>) -> Self {
        Self { playbooks }
    }

    fn playbook(&self, request: &TaskRequest, arms: &[ArmInfo]) -> Option<ExecutionPlan> {
        let mut plans = self.fitting(request).into_iter().filter_map(|playbook| playbook.fill(request).ok());
        plans.find(|plan| all_registered(plan, arms))
    }

    /// The playbooks that the goal suggests. One that requires more says more about what is meant: "what personal data is
    /// in this text" is no search where there is a text.
    fn fitting(&self, request: &TaskRequest) -> Vec<&Playbook> {
        let goal = Words::of(&request.goal);
        let fitting = self.playbooks.iter().map(|playbook| &**playbook);
        let mut fitting: Vec<_> = fitting.filter(|playbook| playbook.is_triggered_by(&goal)).collect();
        fitting.sort_by_key(|playbook| Reverse(playbook.requires.len()));
        fitting
    }

    fn no_rule(&self, named: &[&ArmDescriptor], request: &TaskRequest) -> Error {
        let error =
            Error::new(ErrorKind::NotConfigured, "no rule can plan this task, and there is no model to ask");
        if let Some(arm) = named.first() {
            return error.with_hint(lacking(&format!("arm `{}`", arm.arm_id), &missing(arm, request)));
        }
        let fitting = self.fitting(request);
        let lacks = fitting.iter().find(|playbook| !playbook.missing(request).is_empty());
        if let Some(playbook) = lacks {
            let who = format!("playbook `{}`", playbook.name);
            return error.with_hint(lacking(&who, &playbook.missing(request)));
        }
        error.with_hint(
            "send a `plan`, name a `playbook`, index documents to search, or register an arm whose capabilities the \
             goal names; to plan free goals set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST",
        )
    }
}

#[async_trait]
impl TaskPlanner for RulesTaskPlanner {
    async fn plan(
        &self,
        request: &TaskRequest,
        intent: &ParsedIntent,
        thought: &Thought,
    ) -> Result<ExecutionPlan> {
        let arms = &thought.arms;
        let named: Vec<_> = named(intent, arms).collect();
        let ready = named.iter().find(|arm| missing(arm, request).is_empty());
        if let Some(arm) = ready {
            return Ok(direct(arm, request, intent));
        }
        self.playbook(request, arms).ok_or_else(|| self.no_rule(&named, request))
    }
}

/// The arms that have everything the intent asks for.
fn named<'a>(intent: &'a ParsedIntent, arms: &'a [ArmInfo]) -> impl Iterator<Item = &'a ArmDescriptor> {
    let asked = !intent.required_capabilities.is_empty();
    let able = move |arm: &&ArmDescriptor| asked && arm.has_all(&intent.required_capabilities);
    arms.iter().map(|arm| &arm.descriptor).filter(able)
}

/// What the arm's schema requires and the task does not have.
fn missing<'a>(arm: &'a ArmDescriptor, request: &TaskRequest) -> Vec<&'a str> {
    let required = arm.input_schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let of_the_task = ["goal", "instruction"];
    let has = |name: &str| request.context.contains_key(name) || of_the_task.contains(&name);
    required.filter_map(Value::as_str).filter(|name| !has(name)).collect()
}

/// One step on one arm; where another arm has the same capabilities, it may stand in.
fn direct(arm: &ArmDescriptor, request: &TaskRequest, intent: &ParsedIntent) -> ExecutionPlan {
    let mut subtask = SubTask::new(1, request.goal.trim(), &arm.arm_id);
    subtask.required_capabilities.clone_from(&intent.required_capabilities);
    subtask.estimated_duration_seconds = arm.average_latency_ms.div_ceil(1000);
    let mut plan = ExecutionPlan::new(PlanSource::Rules, vec![subtask]);
    plan.rationale =
        Some(format!("arm `{}` can do what the goal names, and its input is at hand", arm.arm_id));
    plan
}

fn all_registered(plan: &ExecutionPlan, arms: &[ArmInfo]) -> bool {
    plan.subtasks.iter().all(|subtask| arms.iter().any(|arm| arm.descriptor.arm_id == subtask.required_arm))
}

/// What could be done if the context had what it lacks.
fn lacking(who: &str, missing: &[&str]) -> String {
    let names: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
    format!("{who} could do it: put {} into the task's `context`", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::{IntentParser, RulesIntentParser};
    use serde_json::json;

    fn arms() -> Thought {
        let mut weather = ArmDescriptor::new("weather", ["weather_forecast"]);
        weather.input_schema = json!({"properties": {"location": {}}, "required": ["location"]});
        Thought::about([weather.into(), ArmDescriptor::new("retriever", ["knowledge_search"]).into()])
    }

    async fn plan(request: &TaskRequest) -> Result<ExecutionPlan> {
        let intent = RulesIntentParser.parse(request, &arms()).await?;
        RulesTaskPlanner::default().plan(request, &intent, &arms()).await
    }

    #[tokio::test]
    async fn an_arm_that_the_goal_names_comes_before_a_playbook() {
        let mut request = TaskRequest::new("What is the weather forecast for Paris?");
        request.context.insert("location".into(), "Paris".into());
        let plan = plan(&request).await.unwrap();
        assert_eq!((plan.source, plan.subtasks[0].required_arm.as_str()), (PlanSource::Rules, "weather"));
    }

    #[tokio::test]
    async fn a_question_is_searched_for() {
        let plan = plan(&TaskRequest::new("How does a task survive a crash?")).await.unwrap();
        assert_eq!(
            (plan.source, plan.subtasks[0].required_arm.as_str()),
            (PlanSource::Playbook, "retriever")
        );
        assert_eq!(plan.subtasks[0].input.as_ref().unwrap()["query"], "How does a task survive a crash?");
    }

    #[tokio::test]
    async fn a_playbook_whose_data_are_there_comes_before_a_search() {
        let arms = ["guardian", "retriever"].map(|id| ArmDescriptor::new(id, ["anything"]).into());
        let mut request = TaskRequest::new("What personal data is in this text?");
        let (intent, arms) =
            (RulesIntentParser.parse(&request, &arms_of_nobody()).await.unwrap(), Thought::about(arms));
        let planned = |plan: ExecutionPlan| plan.subtasks[0].required_arm.clone();
        let planner = RulesTaskPlanner::default();
        assert_eq!(planned(planner.plan(&request, &intent, &arms).await.unwrap()), "retriever");
        request.context.insert("text".into(), "Ada".into());
        assert_eq!(planned(planner.plan(&request, &intent, &arms).await.unwrap()), "guardian");
        let request = TaskRequest::new("Validate the attached document");
        let error = planner.plan(&request, &intent, &arms).await.unwrap_err();
        assert_eq!(
            error.hint(),
            Some("playbook `validate` could do it: put `output` into the task's `context`")
        );
    }

    fn arms_of_nobody() -> Thought {
        Thought::about([])
    }

    #[tokio::test]
    async fn what_no_rule_can_plan_says_what_to_do() {
        let error = plan(&TaskRequest::new("Write a sonnet about octopuses")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        assert!(error.hint().unwrap().contains("`plan`"));
    }

    #[tokio::test]
    async fn a_near_miss_names_what_is_missing() {
        let error = plan(&TaskRequest::new("Get weather forecast, please")).await.unwrap_err();
        assert!(error.hint().unwrap().contains("`location`"), "{error:?}");
    }
}
