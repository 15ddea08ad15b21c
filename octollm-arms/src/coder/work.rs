//! One piece of work: recall, ask, check, give back what does not parse, remember.

use octollm_core::arm::Progress;
use octollm_core::model::prompts::Prompt;
use octollm_core::model::structured::typed;
use octollm_core::model::{CallContext, LanguageModel, ModelRequest};
use octollm_core::{Error, ErrorKind, Result};

use super::CoderOptions;
use super::draft::Draft;
use super::memory::CodeMemory;
use super::prompt;
use super::proof::Proof;
use super::request::{CodeRequest, CodeResponse};

/// What a piece of work is done with.
pub(super) struct Work<'a> {
    pub(super) model: &'a dyn LanguageModel,
    pub(super) prompt: &'a Prompt,
    pub(super) memory: Option<&'a CodeMemory>,
    pub(super) options: CoderOptions,
    pub(super) progress: &'a Progress,
}

impl Work<'_> {
    /// Does it.
    pub(super) async fn on(&self, request: &CodeRequest, call: CallContext) -> Result<CodeResponse> {
        // Only code that was written for its own instruction can be an example.
        let memory = self.memory.filter(|_| request.request_type.writes_code());
        let (cue, examples) = match memory {
            Some(memory) => memory.recall(request).await,
            None => (None, Vec::new()),
        };
        self.progress.report("asking the model", None);
        let question = prompt::question(self.prompt, request, &examples, call)?;
        let (draft, proof) = self.solve(request, question).await?;
        let response = answer(request, draft, &proof);
        if let (Some(memory), Some(cue), Proof::Sound) = (memory, cue, proof) {
            memory.remember(cue, request, &response).await;
        }
        Ok(response)
    }

    /// Asks, and gives back what does not parse until it does or the rounds are over.
    async fn solve(&self, request: &CodeRequest, mut question: ModelRequest) -> Result<(Draft, Proof)> {
        let mut draft = self.ask(request, &question).await.map_err(misshapen)?;
        let mut proof = Proof::of(request, &draft).await?;
        for round in 1..=self.options.repair_rounds {
            let Proof::Broken(flaws) = &proof else { break };
            self.progress.report(&format!("mending the syntax, round {round}"), None);
            prompt::give_back(&mut question, &draft, flaws);
            match self.ask(request, &question).await {
                Ok(mended) => draft = mended,
                // What there is has been paid for, and is of more use than nothing.
                Err(error) => {
                    tracing::warn!(%error, round, "broken syntax could not be mended");
                    break;
                }
            }
            proof = Proof::of(request, &draft).await?;
        }
        Ok((draft, proof))
    }

    async fn ask(&self, request: &CodeRequest, question: &ModelRequest) -> Result<Draft> {
        let shape = Draft::shape(request.request_type)?;
        Ok(typed::<Draft>(self.model, question, &shape).await?.value.tidied())
    }
}

fn answer(request: &CodeRequest, draft: Draft, proof: &Proof) -> CodeResponse {
    let confidence = proof.lowered(draft.confidence);
    let code = if request.request_type.writes_code() { draft.code } else { request.code().to_owned() };
    let mut warnings = draft.warnings;
    warnings.extend(proof.warnings());
    let language = request.language_name();
    CodeResponse { code, tests: draft.tests, explanation: draft.explanation, language, warnings, confidence }
}

/// An answer of the wrong shape is the model's fault, not the request's.
fn misshapen(error: Error) -> Error {
    if error.kind() != ErrorKind::InvalidInput || error.context("reason") != Some("structured_output") {
        return error;
    }
    let mut failed = Error::new(ErrorKind::ArmFailed, error.to_string());
    if let Some(hint) = error.hint() {
        failed = failed.with_hint(hint.to_owned());
    }
    failed.with_source(error)
}
