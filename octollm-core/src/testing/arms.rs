//! Arms that do what a test needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use crate::error::{Error, ErrorKind, Result, Status};
use crate::model::{Message, ModelRequest, Models, Purpose, ScriptedModel, ScriptedReply};
use crate::task::RequestId;

type Work = dyn Fn(ArmCall) -> BoxFuture<'static, Result<Value>> + Send + Sync;

/// An arm out of a closure over raw JSON.
pub struct ScriptedArm {
    descriptor: ArmDescriptor,
    work: Box<Work>,
}

impl ScriptedArm {
    /// An arm with this descriptor that does `work`.
    pub fn new<F>(descriptor: ArmDescriptor, work: impl Fn(ArmCall) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Value>> + Send + 'static,
    {
        Self { descriptor, work: Box::new(move |call| Box::pin(work(call))) }
    }
}

#[async_trait]
impl Arm for ScriptedArm {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        (self.work)(call).await.map(ArmReply::new)
    }
}

/// The arms that the orchestrator's suite uses; see each function for what it does.
pub fn standard_arms() -> Vec<ScriptedArm> {
    vec![echo(), slow(), flaky(), broken(), liar(), panicking(), spender(), talker(), writer(Arc::default())]
}

/// Answers `{"echo": INPUT}` at once.
pub fn echo() -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("echo", ["echo"]);
    descriptor.side_effects = SideEffects::None;
    descriptor.max_concurrent = 100_000;
    ScriptedArm::new(descriptor, |call| async move { Ok(json!({"echo": *call.input})) })
}

/// Answers `{"slept": MS}` after `ms` milliseconds, and says half-way that it sleeps.
pub fn slow() -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("slow", ["sleep"]);
    descriptor.side_effects = SideEffects::None;
    descriptor.max_concurrent = 100_000;
    descriptor.input_schema = json!({"type": "object", "properties": {"ms": {"type": "integer", "minimum": 0}}, "required": ["ms"]});
    ScriptedArm::new(descriptor, |call| async move {
        let ms = call.input["ms"].as_u64().unwrap_or_default();
        call.progress.report("sleeping", 0.5);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(json!({"slept": ms}))
    })
}

/// Fails `failures` times with a temporary error, then answers `{"attempts": N}`.
pub fn flaky() -> ScriptedArm {
    let seen: Arc<Mutex<HashMap<RequestId, u64>>> = Arc::default();
    ScriptedArm::new(ArmDescriptor::new("flaky", ["flaky"]), move |call| {
        let attempts = {
            let mut seen = seen.lock().unwrap();
            let attempts = seen.entry(call.request_id.clone()).or_default();
            *attempts += 1;
            *attempts
        };
        async move {
            if attempts <= call.input["failures"].as_u64().unwrap_or(1) {
                return Err(Error::new(ErrorKind::ArmFailed, "not yet").with_status(Status::Temporary));
            }
            Ok(json!({"attempts": attempts}))
        }
    })
}

/// Always fails, for good.
pub fn broken() -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new("broken", ["broken"]), |_| async {
        Err(Error::new(ErrorKind::ArmFailed, "it is broken").with_status(Status::Permanent))
    })
}

/// Answers what its own schema forbids.
pub fn liar() -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("liar", ["lie"]);
    descriptor.output_schema = json!({"type": "object", "required": ["truth"]});
    ScriptedArm::new(descriptor, |_| async { Ok(json!({"lie": true})) })
}

/// Panics.
pub fn panicking() -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new("panicking", ["panic"]), |_| async {
        panic!("an arm of a test panics")
    })
}

/// Reports that it used `tokens` tokens.
pub fn spender() -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new("spender", ["spend"]), |call| async move {
        let tokens = call.input["tokens"].as_u64().unwrap_or_default();
        Ok(json!({"usage": {"input_tokens": tokens}, "granted": call.grant.tokens, "confidence": 0.5}))
    })
}

/// Lets a model say `words`, three characters every 10 ms, and answers `{"said": WORDS}`.
pub fn talker() -> ScriptedArm {
    ScriptedArm::new(ArmDescriptor::new("talker", ["talk"]), |call| async move {
        let words = call.input["words"].as_str().unwrap_or_default().to_owned();
        let reply = ScriptedReply::text(words).chunked(3).pausing(Duration::from_millis(10));
        let models = Models::layered(Arc::new(ScriptedModel::in_order([reply])));
        let (context, _) = call.model_context();
        let request = ModelRequest { context, ..ModelRequest::new(vec![Message::user("Talk!")]) };
        let said = models.require(Purpose::General)?.complete(&request).await?.text;
        Ok(json!({"said": said}))
    })
}

/// Changes the world: appends its input to `world`. At most once.
pub fn writer(world: Arc<Mutex<Vec<Value>>>) -> ScriptedArm {
    let mut descriptor = ArmDescriptor::new("writer", ["write"]);
    descriptor.side_effects = SideEffects::Unsafe;
    ScriptedArm::new(descriptor, move |call| {
        world.lock().unwrap().push((*call.input).clone());
        async { Ok(json!({"written": true})) }
    })
}
