//! The coder as an arm, and as a library.

use std::path::Path;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, Progress, SideEffects};
use octollm_core::memory::SharedMemory;
use octollm_core::model::prompts::Prompt;
use octollm_core::model::{CallContext, Models, Purpose};
use octollm_core::schema::schema_of;
use octollm_core::{Error, ErrorKind, Result};

use super::memory::CodeMemory;
use super::prompt;
use super::request::{CodeRequest, CodeResponse};
use super::work::Work;

/// How the coder works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoderOptions {
    /// How often an answer that does not parse or fails its own tests goes back; 2 by default.
    pub repair_rounds: u32,
    /// Whether solutions are remembered and told again; they are by default. A solution that was made for one person can
    /// be told to the model in another's task: where that must not be, turn it off.
    pub remember: bool,
    /// How near a remembered request must be to be told, as cosine similarity of the embedder's vectors; 0.6 by
    /// default.
    pub min_score: f32,
}

impl Default for CoderOptions {
    fn default() -> Self {
        Self { repair_rounds: 2, remember: true, min_score: 0.6 }
    }
}

/// Writes, mends and examines code with a language model.
#[derive(Debug)]
pub struct Coder {
    models: Models,
    prompt: Prompt,
    memory: Option<CodeMemory>,
    options: CoderOptions,
    descriptor: ArmDescriptor,
}

impl Coder {
    /// A coder that asks the model for [`Purpose::Coding`] and remembers nothing.
    ///
    /// # Errors
    /// `not_configured` if there is no such model.
    pub fn new(models: Models, options: CoderOptions) -> Result<Self> {
        models.require(Purpose::Coding)?;
        Ok(Self { models, prompt: prompt::prompt()?, memory: None, options, descriptor: descriptor() })
    }

    /// The same, told what `coder.v1.md` in `folder` says, where the folder has that file. Blocks while it reads.
    ///
    /// # Errors
    /// `not_configured` for a folder or a file that cannot be read; `invalid_input` for a prompt with unknown or missing
    /// names.
    pub fn with_prompts_in(mut self, folder: &Path) -> Result<Self> {
        if let Some(prompt) = prompt::prompt_in(folder)? {
            self.prompt = prompt;
        }
        Ok(self)
    }

    /// The same, with its memory of solutions in `memory`, unless the options turn that off.
    #[must_use]
    pub fn with_memory(mut self, memory: &SharedMemory) -> Self {
        self.memory = self.options.remember.then(|| CodeMemory::new(memory, self.options.min_score));
        self
    }

    /// Does a piece of work. What it spends is counted by the call's allowance. Nothing is run: only as an arm within an
    /// orchestrator the coder can ask one that runs code.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request; `arm_failed` if the model's answer had the wrong shape twice;
    /// those of the model, unless it fails only when it is to mend its syntax.
    pub async fn code(
        &self,
        request: &CodeRequest,
        call: CallContext,
        progress: &Progress,
    ) -> Result<CodeResponse> {
        self.work(request, call, progress, None).await
    }

    async fn work(
        &self,
        request: &CodeRequest,
        context: CallContext,
        progress: &Progress,
        call: Option<&ArmCall>,
    ) -> Result<CodeResponse> {
        request.validate()?;
        let model = self.models.require(Purpose::Coding)?;
        let work = Work {
            model: &*model,
            prompt: &self.prompt,
            memory: self.memory.as_ref(),
            options: self.options,
            progress,
            call,
        };
        work.on(request, context).await
    }
}

#[async_trait]
impl Arm for Coder {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    fn is_checked(&self) -> bool {
        true
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = CodeRequest::from_value((*call.input).clone())?;
        let (context, allowance) = call.model_context();
        let response = self.work(&request, context, &call.progress, Some(&call)).await?;
        let output = serde_json::to_value(response)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the answer is no JSON").with_source(cause))?;
        Ok(ArmReply { usage: allowance.used(), ..ArmReply::new(output) })
    }
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Coder".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Writes, debugs, refactors, optimises, tests, analyses and explains code; what it writes is parsed, its tests are \
             run where an arm can run them, and what fails goes back to the model. Runs nothing itself"
                .to_owned(),
        ),
        input_schema: schema_of::<CodeRequest>(),
        output_schema: schema_of::<CodeResponse>(),
        cost_tier: 4,
        average_latency_ms: 10_000,
        side_effects: SideEffects::None,
        ..ArmDescriptor::new("coder", ["code_generation", "code_debug", "code_refactor"])
    }
}
