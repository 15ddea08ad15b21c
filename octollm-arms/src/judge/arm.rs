//! The judge as an arm, and as a library.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use octollm_core::memory::{Embedder, HashedEmbedder};
use octollm_core::model::{CallContext, Models, Purpose};
use octollm_core::schema::schema_of;
use octollm_core::{Error, ErrorKind, Fault, Result};

use super::asked::Prompts;
use super::parts::code_parts;
use super::request::{self, JudgeRequest, ValidationType};
use super::response::JudgeResponse;
use super::work::Work;
use crate::syntax::Language;

/// The arm's id.
const ARM_ID: &str = "judge";

/// Says whether an output is what it should be. Cheap to clone.
#[derive(Clone)]
pub struct Judge {
    descriptor: Arc<ArmDescriptor>,
    /// Who decides what no rule can, and what they are told.
    experts: Option<(Models, Prompts)>,
    embedder: Arc<dyn Embedder>,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge that asks no model, and says what it could not verify.
    pub fn new() -> Self {
        Self { descriptor: Arc::new(descriptor(false)), experts: None, embedder: Arc::new(HashedEmbedder) }
    }

    /// The same, which asks the model for [`Purpose::Judging`] what no rule decides.
    ///
    /// # Errors
    /// `not_configured` if there is no such model.
    pub fn with_models(mut self, models: Models) -> Result<Self> {
        models.require(Purpose::Judging)?;
        self.experts = Some((models, Prompts::embedded()?));
        self.descriptor = Arc::new(descriptor(true));
        Ok(self)
    }

    /// The same, told what `judge_criteria.v1.md` and `judge_facts.v1.md` in `folder` say, where the folder has these files.
    /// Blocks while it reads. A judge without a model reads nothing.
    ///
    /// # Errors
    /// `not_configured` for a folder or a file that cannot be read; `invalid_input` for a prompt with unknown or missing
    /// names.
    pub fn with_prompts_in(mut self, folder: &Path) -> Result<Self> {
        if let Some((models, prompts)) = self.experts.take() {
            self.experts = Some((models, prompts.or_from(folder)?));
        }
        Ok(self)
    }

    /// The same, which finds the passages of sources that are nearest to a statement by this embedder. The built-in one,
    /// which is used otherwise, compares words.
    #[must_use]
    pub fn with_embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = embedder;
        self
    }

    /// Judges an output. No other arm is asked: only as an arm within an orchestrator the judge can have tests run and the
    /// guardian asked.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request, or where it says nothing that could be looked at.
    pub async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        self.work(request, CallContext::default(), None).await
    }

    /// The same; what models use for it is kept within, and counted by, this call's allowance.
    ///
    /// # Errors
    /// As [`judge`](Self::judge).
    pub async fn judge_within(&self, request: JudgeRequest, context: CallContext) -> Result<JudgeResponse> {
        self.work(request, context, None).await
    }

    async fn work(
        &self,
        request: JudgeRequest,
        context: CallContext,
        call: Option<&ArmCall>,
    ) -> Result<JudgeResponse> {
        request.validate()?;
        let wanted = wanted(&request)?;
        let model = self.experts.as_ref().and_then(|(models, prompts)| {
            let model = models.for_purpose(Purpose::Judging)?;
            Some((model, prompts))
        });
        Work { model, context, embedder: &self.embedder, call }.on(request, wanted).await
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge")
            .field("asks_a_model", &self.experts.is_some())
            .field("embedder", &self.embedder.id())
            .finish_non_exhaustive()
    }
}

/// What is asked for, in the order of the checks.
fn wanted(request: &JudgeRequest) -> Result<Vec<ValidationType>> {
    let mut wanted = request.validation_types.clone();
    if wanted.is_empty() {
        let known = |part: &super::parts::CodePart<'_>| part.language.and_then(Language::named).is_some();
        let code = request.language().is_some() || code_parts(request).iter().any(known);
        let there = [
            (ValidationType::Schema, request.expected_schema.is_some()),
            (ValidationType::Syntax, code),
            (ValidationType::Facts, !request.trusted_sources.is_empty()),
        ];
        wanted.extend(there.into_iter().filter(|(_, there)| *there).map(|(kind, _)| kind));
        if !request.acceptance_criteria.is_empty() {
            wanted.push(ValidationType::Criteria);
        }
    }
    if wanted.is_empty() {
        let detail = "must name what the output is held against, for nothing else in the request does";
        return Err(request::invalid(vec![Fault::new("/validation_types", detail)]));
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

#[async_trait]
impl Arm for Judge {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    fn is_checked(&self) -> bool {
        true
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = JudgeRequest::from_value((*call.input).clone())?;
        let (context, allowance) = call.model_context();
        let response = self.work(request, context, Some(&call)).await?;
        let output = serde_json::to_value(response).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the judgement is no JSON").with_source(cause)
        })?;
        Ok(ArmReply { usage: allowance.used(), ..ArmReply::new(output) })
    }
}

fn descriptor(asks_a_model: bool) -> ArmDescriptor {
    let mut capabilities = vec!["validation", "quality_check"];
    let mut description = "Says whether an output is valid: against a JSON Schema, its language's grammar, metrics of its code \
         or prose, tests that an arm can run, a guardian, and acceptance criteria"
        .to_owned();
    if asks_a_model {
        capabilities.push("fact_check");
        description
            .push_str(", and whether trusted sources say what it states. Asks a model what no rule decides");
    } else {
        description.push_str(" that can be counted or looked up");
    }
    description.push_str(". Says what it could not verify. A step with it usually has `must_pass`");
    ArmDescriptor {
        name: "Judge".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(description),
        input_schema: schema_of::<JudgeRequest>(),
        output_schema: schema_of::<JudgeResponse>(),
        cost_tier: if asks_a_model { 2 } else { 1 },
        average_latency_ms: if asks_a_model { 3_000 } else { 5 },
        side_effects: SideEffects::None,
        // An address is an e-mail address to a schema, and has a length, only as itself. Models see placeholders all the same.
        needs_pii: vec!["pii".to_owned()],
        ..ArmDescriptor::new(ARM_ID, capabilities)
    }
}
