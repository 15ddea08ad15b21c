//! An arm out of one function: typed input, typed output, schemas from the types.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Arm, ArmCall, ArmDescriptor, ArmReply, Peer, SideEffects};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::{Allowance, CallContext};
use crate::schema::{Validator, schema_of};
use crate::task::{Grant, RequestId, TaskId};

type Work = dyn Fn(ArmCall) -> BoxFuture<'static, Result<Value>> + Send + Sync;

/// An arm made of an async function.
///
/// ```
/// use octollm_core::arm::{ArmContext, TypedArm};
/// use octollm_core::{Error, ErrorKind, Status};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Question {
///     place: String,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct Answer {
///     metres: u32,
///     confidence: f64,
/// }
///
/// let arm = TypedArm::new("altitude", ["altitude_lookup"], |question: Question, context: ArmContext| async move {
///     context.progress("looking it up", 0.5);
///     match question.place.as_str() {
///         "La Paz" => Ok(Answer { metres: 3640, confidence: 0.9 }),
///         // Temporary errors are tried again, permanent ones are not.
///         _ => Err(Error::new(ErrorKind::NotFound, "no such place in the atlas").with_status(Status::Permanent)),
///     }
/// })
/// .description("How high a place lies above the sea")
/// .cost_tier(1);
/// # use octollm_core::arm::Arm;
/// # assert_eq!(arm.descriptor().input_schema["required"][0], "place");
/// # assert!(arm.descriptor().validate().is_ok());
/// ```
///
/// A number `confidence` and an object `usage` in the output are read, as they are for arms behind HTTP.
pub struct TypedArm {
    descriptor: ArmDescriptor,
    work: Box<Work>,
}

impl TypedArm {
    /// An arm of this name with these capabilities, that does its work by `function`. The schemas come from the
    /// function's types; everything else has the defaults of [`ArmDescriptor::new`].
    pub fn new<Input, Output, Function, Answer>(
        arm_id: impl Into<String>,
        capabilities: impl IntoIterator<Item = impl Into<String>>,
        function: Function,
    ) -> Self
    where
        Input: DeserializeOwned + JsonSchema + Send + 'static,
        Output: Serialize + JsonSchema,
        Function: Fn(Input, ArmContext) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Output>> + Send + 'static,
    {
        let mut descriptor = ArmDescriptor::new(arm_id, capabilities);
        descriptor.version = "1.0.0".to_owned();
        descriptor.input_schema = schema_of::<Input>();
        descriptor.output_schema = schema_of::<Output>();
        let work = move |call: ArmCall| match read::<Input>(&call.input) {
            Ok(input) => function(input, ArmContext(call)).map(|output| write(output?)).boxed(),
            Err(error) => futures_util::future::ready(Err(error)).boxed(),
        };
        Self { descriptor, work: Box::new(work) }
    }

    /// A name for people; the arm's id by default.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.descriptor.name = name.into();
        self
    }

    /// What it does, for people and for planners.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.descriptor.description = Some(description.into());
        self
    }

    /// The arm's own version; `1.0.0` by default.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.descriptor.version = version.into();
        self
    }

    /// 1 (free or nearly so) to 5 (dear); 3 by default.
    #[must_use]
    pub fn cost_tier(mut self, tier: u8) -> Self {
        self.descriptor.cost_tier = tier;
        self
    }

    /// Calls that it takes at once; 10 by default.
    #[must_use]
    pub fn max_concurrent(mut self, calls: u32) -> Self {
        self.descriptor.max_concurrent = calls;
        self
    }

    /// What its work does to the world; idempotent by default.
    #[must_use]
    pub fn side_effects(mut self, side_effects: SideEffects) -> Self {
        self.descriptor.side_effects = side_effects;
        self
    }

    /// The same input may get another answer a moment later; see [`ArmDescriptor::varies`].
    #[must_use]
    pub fn varies(mut self) -> Self {
        self.descriptor.varies = true;
        self
    }

    /// Milliseconds that a call usually takes.
    #[must_use]
    pub fn average_latency_ms(mut self, milliseconds: u64) -> Self {
        self.descriptor.average_latency_ms = milliseconds;
        self
    }
}

impl fmt::Debug for TypedArm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedArm").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

#[async_trait]
impl Arm for TypedArm {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        (self.work)(call).await.map(ArmReply::new)
    }
}

fn read<T: DeserializeOwned + JsonSchema>(input: &Value) -> Result<T> {
    T::deserialize(input).map_err(|_| {
        // serde's own words repeat the value; the schema's do not.
        let mut faults = Validator::of::<T>().faults(input);
        if faults.is_empty() {
            faults.push(Fault::new("", "does not have the shape that the arm expects"));
        }
        Error::invalid("the arm's input is invalid", faults)
    })
}

fn write<T: Serialize>(output: T) -> Result<Value> {
    serde_json::to_value(output).map_err(|error| {
        Error::new(ErrorKind::Internal, "the arm's output cannot be written as JSON").with_source(error)
    })
}

/// What an arm's function may know and say about the call that it serves.
#[derive(Clone)]
pub struct ArmContext(ArmCall);

impl ArmContext {
    /// Says what is being done and how much of it is done, 0..=1.
    pub fn progress(&self, message: &str, fraction: impl Into<Option<f32>>) {
        self.0.progress.report(message, fraction);
    }

    /// When the answer is no longer of use.
    pub fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// Time until the deadline; zero once it has passed.
    pub fn time_left(&self) -> Duration {
        self.0.deadline.saturating_duration_since(Instant::now())
    }

    /// Set when the caller no longer wants the answer. The function's future is dropped then; only work that goes on
    /// elsewhere (a thread, a child process) needs to look.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.0.cancelled
    }

    /// The same for every attempt of one step: an idempotency key.
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// The task.
    pub fn task_id(&self) -> TaskId {
        self.0.task_id
    }

    /// The step of the task's plan.
    pub fn step(&self) -> u32 {
        self.0.step
    }

    /// Counts from 1 over all arms that were asked.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// What the call may spend.
    pub fn grant(&self) -> Grant {
        self.0.grant
    }

    /// The context of the calls of models that this call makes; see [`ArmCall::model_context`].
    pub fn model_context(&self) -> (CallContext, Arc<Allowance>) {
        self.0.model_context()
    }

    /// Whether there is such an arm to ask.
    pub fn has(&self, whom: &Peer) -> bool {
        self.0.has(whom)
    }

    /// Asks another arm; see [`ArmCall::ask`].
    ///
    /// # Errors
    /// Those of [`ArmCall::ask`].
    pub async fn ask(&self, whom: &Peer, input: Value) -> Result<ArmReply> {
        self.0.ask(whom, input).await
    }
}

#[cfg(test)]
mod tests {

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    struct Input {
        word: String,
        #[serde(default)]
        times: usize,
    }

    #[derive(Serialize, JsonSchema)]
    struct Output {
        text: String,
        confidence: f64,
    }

    fn call(input: Value) -> ArmCall {
        ArmCall { step: 2, request_id: "r-1".into(), ..ArmCall::new(input) }
    }

    fn arm() -> Arc<dyn Arm> {
        Arc::new(TypedArm::new("repeat", ["repetition"], |input: Input, context: ArmContext| async move {
            if context.step() != 2 {
                return Err(Error::new(ErrorKind::ArmFailed, "not the second step"));
            }
            Ok(Output { text: input.word.repeat(input.times), confidence: 0.5 })
        }))
    }

    #[tokio::test]
    async fn a_function_is_all_that_an_arm_needs() {
        let reply = arm().execute(call(json!({"word": "ab", "times": 2}))).await.unwrap();
        assert_eq!(reply.output, json!({"text": "abab", "confidence": 0.5}));
        assert_eq!(reply.confidence, Some(0.5));
    }

    #[tokio::test]
    async fn wrong_input_names_every_place_and_no_value() {
        let error = arm().execute(call(json!({"times": "secret"}))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.faults().len(), 2);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[tokio::test]
    async fn the_functions_own_error_comes_out() {
        let mut call = call(json!({"word": "ab"}));
        call.step = 3;
        assert_eq!(arm().execute(call).await.unwrap_err().message(), "not the second step");
    }
}
