//! One piece of work: recall, ask, check, give back what does not parse or fails its tests, remember.

use octollm_core::arm::{ArmCall, Progress};
use octollm_core::model::prompts::Prompt;
use octollm_core::model::structured::typed;
use octollm_core::model::{CallContext, LanguageModel, ModelRequest};
use octollm_core::{Error, ErrorKind, Result};

use super::CoderOptions;
use super::draft::Draft;
use super::memory::CodeMemory;
use super::prompt;
use super::proof::{Proof, Verdict};
use super::request::{CodeRequest, CodeResponse};

/// What a piece of work is done with.
pub(super) struct Work<'a> {
    pub(super) model: &'a dyn LanguageModel,
    pub(super) prompt: &'a Prompt,
    pub(super) memory: Option<&'a CodeMemory>,
    pub(super) options: CoderOptions,
    pub(super) progress: &'a Progress,
    /// The call that this is for, by which other arms are asked.
    pub(super) call: Option<&'a ArmCall>,
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
        let (draft, verdict) = self.solve(request, question).await?;
        let sound = verdict.is_sound();
        let response = answer(request, draft, verdict);
        if let (Some(memory), Some(cue), true) = (memory, cue, sound) {
            memory.remember(cue, request, &response).await;
        }
        Ok(response)
    }

    /// Asks, and gives back what does not parse or fails its own tests until it is sound or the rounds are over.
    async fn solve(&self, request: &CodeRequest, mut question: ModelRequest) -> Result<(Draft, Verdict)> {
        let mut draft = self.ask(request, &question).await.map_err(misshapen)?;
        let mut verdict = self.examine(request, &draft).await?;
        for round in 1..=self.options.repair_rounds {
            if !self.give_back(request, &mut question, &draft, &verdict, round) {
                break;
            }
            match self.ask(request, &question).await {
                Ok(mended) => draft = mended,
                // What there is has been paid for, and is of more use than nothing.
                Err(error) => {
                    tracing::warn!(%error, round, "what was found wrong could not be mended");
                    break;
                }
            }
            verdict = self.examine(request, &draft).await?;
        }
        Ok((draft, verdict))
    }

    async fn examine(&self, request: &CodeRequest, draft: &Draft) -> Result<Verdict> {
        Verdict::of(request, draft, self.call).await
    }

    /// Adds to the question what is wrong with the answer, if a model can mend it.
    fn give_back(
        &self,
        request: &CodeRequest,
        question: &mut ModelRequest,
        draft: &Draft,
        verdict: &Verdict,
        round: u32,
    ) -> bool {
        if let Proof::Broken(flaws) = &verdict.proof {
            self.progress.report(&format!("mending the syntax, round {round}"), None);
            prompt::give_back(question, draft, flaws);
            return true;
        }
        // Tests that were asked for may fail because the given code is wrong: that is what they are for.
        let Some(run) = verdict.trial.failure().filter(|_| request.request_type.writes_code()) else {
            return false;
        };
        self.progress.report(&format!("mending what its tests found, round {round}"), None);
        prompt::give_back_failure(question, draft, &run.output);
        true
    }

    async fn ask(&self, request: &CodeRequest, question: &ModelRequest) -> Result<Draft> {
        let shape = Draft::shape(request.request_type)?;
        Ok(typed::<Draft>(self.model, question, &shape).await?.value.tidied())
    }
}

fn answer(request: &CodeRequest, draft: Draft, verdict: Verdict) -> CodeResponse {
    let confidence = verdict.lowered(draft.confidence);
    let code = if request.request_type.writes_code() { draft.code } else { request.code().to_owned() };
    let mut warnings = draft.warnings;
    warnings.extend(verdict.warnings());
    let language = request.language_name();
    let (tests, explanation, test_run) = (draft.tests, draft.explanation, verdict.test_run());
    CodeResponse { code, tests, explanation, language, warnings, test_run, confidence }
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
