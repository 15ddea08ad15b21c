//! One judgement: rules first, then whoever can decide what they leave open.

use std::sync::Arc;

use octollm_core::arm::ArmCall;
use octollm_core::memory::Embedder;
use octollm_core::model::{CallContext, LanguageModel, Purpose};
use octollm_core::{Error, ErrorKind, Result};

use super::asked::{self, Expert, Library, Prompts};
use super::criteria::{self, Ground, about_tests};
use super::judgement::{Finding, Judgement, Ruling};
use super::parts::code_parts;
use super::request::{JudgeRequest, ValidationType};
use super::response::{FactReport, JudgeResponse};
use super::{peers, quality, shape};

/// What a judgement is made with.
pub(super) struct Work<'a> {
    pub(super) model: Option<(Arc<dyn LanguageModel>, &'a Prompts)>,
    pub(super) context: CallContext,
    pub(super) embedder: &'a Arc<dyn Embedder>,
    /// The call that this is for, by which other arms are asked.
    pub(super) call: Option<&'a ArmCall>,
}

/// What rules say.
struct Ruled {
    judgement: Judgement,
    /// One for each criterion; nothing where no rule understands it.
    rulings: Vec<Option<Ruling>>,
}

impl Work<'_> {
    /// Makes it.
    pub(super) async fn on(
        &self,
        request: JudgeRequest,
        wanted: Vec<ValidationType>,
    ) -> Result<JudgeResponse> {
        let (request, wants) = (Arc::new(request), |kind| wanted.contains(&kind));
        let (facts, safety) = (wants(ValidationType::Facts), wants(ValidationType::Safety));
        let Ruled { mut judgement, rulings } = by_rules(request.clone(), wanted).await?;
        let (rulings, facts, safety) = tokio::join!(
            self.open_criteria(&request, rulings),
            async { if facts { Some(self.facts(&request).await) } else { None } },
            async { if safety { Some(peers::safety(&request, self.call).await) } else { None } },
        );
        for (criterion, ruling) in request.acceptance_criteria.iter().zip(rulings) {
            judgement.criterion(criterion, ruling);
        }
        if let Some((finding, reports)) = facts {
            judgement.facts = reports;
            judgement.check(ValidationType::Facts, finding);
        }
        if let Some(finding) = safety {
            judgement.check(ValidationType::Safety, finding);
        }
        Ok(judgement.finish())
    }

    /// Has those decide about criteria that can, where no rule has.
    async fn open_criteria(&self, request: &JudgeRequest, mut rulings: Vec<Option<Ruling>>) -> Vec<Ruling> {
        let criteria = &request.acceptance_criteria;
        let open = |rulings: &[Option<Ruling>], of_tests: bool| -> Vec<usize> {
            let open = criteria.iter().zip(rulings).enumerate();
            let open = open
                .filter(|(_, (criterion, ruling))| ruling.is_none() && about_tests(criterion) == of_tests);
            open.map(|(at, _)| at).collect()
        };
        let of_tests = open(&rulings, true);
        if !of_tests.is_empty() {
            let ruling = peers::tests_pass(&code_parts(request), self.call).await;
            of_tests.into_iter().for_each(|at| rulings[at] = Some(ruling.clone()));
        }
        let left = open(&rulings, false);
        if let (Some(expert), false) = (self.expert(), left.is_empty()) {
            self.say("asking a model about the criteria");
            let asked: Vec<&str> = left.iter().map(|at| criteria[*at].as_str()).collect();
            let said = asked::rulings(&expert, request, &asked).await;
            left.into_iter().zip(said).for_each(|(at, ruling)| rulings[at] = Some(ruling));
        }
        let nobody = || Ruling::nobody("no rule understands it, and there is no model to ask");
        rulings.into_iter().map(|ruling| ruling.unwrap_or_else(nobody)).collect()
    }

    async fn facts(&self, request: &Arc<JudgeRequest>) -> (Finding, Vec<FactReport>) {
        if request.trusted_sources.is_empty() {
            return (Finding::unverified("no `trusted_sources` were given"), Vec::new());
        }
        let Some(expert) = self.expert() else {
            return (
                Finding::unverified("there is no model to compare the output with its sources"),
                Vec::new(),
            );
        };
        self.say("comparing statements with sources");
        asked::facts(&expert, &Library { request, embedder: self.embedder }).await
    }

    fn expert(&self) -> Option<Expert<'_>> {
        let (model, prompts) = self.model.clone()?;
        Some(Expert { model, prompts, purpose: Purpose::Judging, context: self.context.clone() })
    }

    fn say(&self, message: &str) {
        if let Some(call) = self.call {
            call.progress.report(message, None);
        }
    }
}

/// Everything that rules decide. Grammars, metrics and schemas that somebody sent take milliseconds for usual ones and
/// seconds for what is made to be slow: too much for the async threads.
async fn by_rules(request: Arc<JudgeRequest>, wanted: Vec<ValidationType>) -> Result<Ruled> {
    let decided = tokio::task::spawn_blocking(move || decide(&request, &wanted)).await;
    decided.map_err(|cause| Error::new(ErrorKind::Internal, "the judgement broke off").with_source(cause))
}

fn decide(request: &JudgeRequest, wanted: &[ValidationType]) -> Ruled {
    let parts = code_parts(request);
    let mut judgement = Judgement::default();
    for kind in wanted {
        let finding = match kind {
            ValidationType::Schema => shape::schema(request),
            ValidationType::Syntax => shape::syntax(request, &parts),
            ValidationType::Quality => {
                let (finding, metrics) = quality::quality(request, &parts);
                judgement.metrics = metrics;
                finding
            }
            ValidationType::Criteria if request.acceptance_criteria.is_empty() => {
                Finding::unverified("no `acceptance_criteria` were given")
            }
            ValidationType::Criteria | ValidationType::Facts | ValidationType::Safety => continue,
        };
        judgement.check(*kind, finding);
    }
    let ground = Ground { request, parts: &parts };
    let criteria = request.acceptance_criteria.iter().filter(|_| wanted.contains(&ValidationType::Criteria));
    let rulings = criteria.map(|criterion| criteria::ruling(criterion, &ground)).collect();
    Ruled { judgement, rulings }
}
