//! The planner as an arm: a plan as a step's output, for those who want to see, change or approve it before it is run.
//!
//! The brain plans every task by itself; this arm lets a step or another program ask for a plan with the same planner
//! and the same arms. It runs nothing: the plan goes back to whoever asked.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmInfo, ArmReply, Registry, SideEffects};
use octollm_core::model::CallContext;
use octollm_core::orchestrator::{IntentParser, RulesIntentParser, TaskPlanner, Thought};
use octollm_core::schema::{self, Validator, schema_of};
use octollm_core::{Error, ErrorKind, ExecutionPlan, Result, TaskRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The arm's id.
const ARM_ID: &str = "planner";

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// What is to be reached: 10 to 2000 characters.
    #[schemars(length(min = 10, max = 2_000))]
    pub goal: String,
    /// What the plan and its result must respect; 20 at most.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub constraints: Vec<String>,
    /// Data for the arms; 1 MiB of JSON at most.
    #[serde(default)]
    pub context: Map<String, Value>,
}

impl PlanRequest {
    /// Reads and checks a request.
    ///
    /// # Errors
    /// `invalid_input` with every fault and its place.
    pub fn from_value(value: Value) -> Result<Self> {
        let faults = Validator::of::<Self>().faults(&value);
        if !faults.is_empty() {
            return Err(Error::invalid("the planner's request is invalid", faults));
        }
        schema::from_value(value, "the planner's request")
    }

    /// The task that would be this work.
    fn task(self) -> Result<TaskRequest> {
        let mut task = TaskRequest::new(self.goal);
        task.constraints = self.constraints;
        task.context = self.context;
        task.validate()?;
        Ok(task)
    }
}

/// Plans with the brain's own planner, for the arms that are registered when it is asked.
pub struct Planner {
    planner: Arc<dyn TaskPlanner>,
    /// The registry holds the arm; the other way round too would be a circle that is never freed.
    registry: Weak<Registry>,
    descriptor: ArmDescriptor,
}

impl Planner {
    /// A planner over the arms of `registry`, itself excepted. The registry must be kept by somebody else.
    pub fn new(planner: Arc<dyn TaskPlanner>, registry: &Arc<Registry>) -> Self {
        Self { planner, registry: Arc::downgrade(registry), descriptor: descriptor() }
    }

    /// Makes a plan. What it spends is counted by the call's allowance.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request; `unavailable` if the registry is gone; those of the planner.
    pub async fn plan(&self, request: PlanRequest, call: CallContext) -> Result<ExecutionPlan> {
        let task = request.task()?;
        let thought = Thought { arms: self.arms()?.into(), call };
        // The planner reads the goal itself; the rules add which capabilities it names outright.
        let intent = RulesIntentParser.parse(&task, &thought).await?;
        let plan = self.planner.plan(&task, &intent, &thought).await?;
        plan.validate()?;
        Ok(plan)
    }

    fn arms(&self) -> Result<Vec<ArmInfo>> {
        let registry = self
            .registry
            .upgrade()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "the arms to plan with are gone"))?;
        let mut arms = registry.infos();
        arms.retain(|arm| arm.descriptor.arm_id != self.descriptor.arm_id);
        Ok(arms)
    }
}

#[async_trait]
impl Arm for Planner {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    fn is_checked(&self) -> bool {
        true
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = PlanRequest::from_value((*call.input).clone())?;
        let (context, allowance) = call.model_context();
        call.progress.report("planning", None);
        let plan = self.plan(request, context).await?;
        let output = serde_json::to_value(plan)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the plan is no JSON").with_source(cause))?;
        Ok(ArmReply { usage: allowance.used(), ..ArmReply::new(output) })
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planner").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Planner".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Makes a plan of steps for a goal, with the arms that are registered, and gives it back without running it"
                .to_owned(),
        ),
        input_schema: schema_of::<PlanRequest>(),
        output_schema: schema_of::<ExecutionPlan>(),
        cost_tier: 3,
        average_latency_ms: 5_000,
        side_effects: SideEffects::None,
        ..ArmDescriptor::new(ARM_ID, ["planning"])
    }
}
