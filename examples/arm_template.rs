//! The template of docs/arms.md, which a test holds to these lines.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use octollm_core::arm::{ArmContext, TypedArm};
use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use octollm_core::{Result, TaskRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the arm takes.
#[derive(Deserialize, JsonSchema)]
struct Shout {
    /// The words to be shouted.
    text: String,
}

/// What it answers.
#[derive(Serialize, JsonSchema)]
struct Shouted {
    text: String,
}

async fn shout(input: Shout, _: ArmContext) -> Result<Shouted> {
    Ok(Shouted { text: input.text.to_uppercase() })
}

#[tokio::main]
async fn main() -> Result<()> {
    let arm = TypedArm::new("shouter", ["shouting"], shout);
    let octo = LocalOrchestrator::builder().arm(arm).start().await?;

    let mut request = TaskRequest::new("Do the shouting for me");
    request.context.insert("text".into(), "hello".into());
    let result = octo.run(request.into()).await?;
    println!("{}", result.result.unwrap_or_default());
    Ok(())
}
