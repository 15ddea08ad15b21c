//! The judge as an arm, and as a library.

use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use octollm_core::model::Models;
use octollm_core::schema::schema_of;
use octollm_core::task::Usage;
use octollm_core::{Error, ErrorKind, Fault, Result};

use super::criteria::{self, Ground, Plain};
use super::judgement::{Finding, Judgement, Ruling};
use super::parts::code_parts;
use super::request::{self, JudgeRequest, ValidationType};
use super::response::JudgeResponse;
use super::shape;
use crate::syntax::Language;

/// The arm's id.
const ARM_ID: &str = "judge";

/// What a judge works with.
#[derive(Debug, Clone, Default)]
pub struct JudgeOptions {
    /// The models; the one for judging is asked. None by default.
    pub models: Models,
}

/// Says whether an output is what it should be. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Judge {
    options: JudgeOptions,
    descriptor: Arc<ArmDescriptor>,
}

/// What is decided by rules, and what is left for others.
struct Decided {
    judgement: Judgement,
    /// Criteria that are still open, with their place among all of them.
    rulings: Vec<Plain>,
}

impl Judge {
    /// A judge that asks these models. It works without any, and says what it could not verify.
    ///
    /// # Errors
    /// Only a defect of this library.
    pub fn new(options: JudgeOptions) -> Result<Self> {
        Ok(Self { options, descriptor: Arc::new(descriptor()) })
    }

    /// Judges an output, as a part of `call`: its deadline and its grant hold. Answers the judgement and what it used.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request, or where it says nothing that could be looked at. What others
    /// cannot do (a model that fails, an arm that is not there) is no error but unverified.
    pub async fn judge(&self, request: JudgeRequest, call: &ArmCall) -> Result<(JudgeResponse, Usage)> {
        request.validate()?;
        let wanted = wanted(&request)?;
        let request = Arc::new(request);
        let (shared, types) = (request.clone(), wanted.clone());
        // Grammars and schemas that somebody sent: milliseconds for usual ones, seconds for what is made to be slow.
        let decided = tokio::task::spawn_blocking(move || decide(&shared, &types)).await;
        let Decided { mut judgement, rulings } = decided
            .map_err(|cause| Error::new(ErrorKind::Internal, "the judgement broke off").with_source(cause))?;
        let usage = Usage::default();
        let _ = (call, &self.options);
        for (criterion, plain) in request.acceptance_criteria.iter().zip(rulings) {
            let ruling = match plain {
                Plain::Decided(ruling) => ruling,
                Plain::Tests => Ruling::nobody("tests are not run yet"),
                Plain::Open => Ruling::nobody("it takes a language model, and none is configured"),
            };
            judgement.criterion(criterion, ruling);
        }
        Ok((judgement.finish(), usage))
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

/// Everything that rules decide.
fn decide(request: &JudgeRequest, wanted: &[ValidationType]) -> Decided {
    let parts = code_parts(request);
    let mut judgement = Judgement::default();
    for kind in wanted {
        let finding = match kind {
            ValidationType::Schema => shape::schema(request),
            ValidationType::Syntax => shape::syntax(request, &parts),
            ValidationType::Criteria if request.acceptance_criteria.is_empty() => {
                Finding::unverified("no `acceptance_criteria` were given")
            }
            ValidationType::Criteria => continue,
            ValidationType::Quality | ValidationType::Facts | ValidationType::Safety => {
                Finding::unverified("this judge cannot look at it yet")
            }
        };
        judgement.check(*kind, finding);
    }
    let ground = Ground { request, parts: &parts };
    let criteria = request.acceptance_criteria.iter().filter(|_| wanted.contains(&ValidationType::Criteria));
    let rulings = criteria.map(|criterion| criteria::plain(criterion, &ground)).collect();
    Decided { judgement, rulings }
}

#[async_trait]
impl Arm for Judge {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = JudgeRequest::from_value((*call.input).clone())?;
        let (response, usage) = self.judge(request, &call).await?;
        let output = serde_json::to_value(response).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the judgement is no JSON").with_source(cause)
        })?;
        Ok(ArmReply { usage, ..ArmReply::new(output) })
    }
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Judge".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Says whether an output is valid: against a JSON Schema, its language's grammar, acceptance criteria, trusted \
             sources, for quality and safety. Says what it could not verify. A step with it usually has `must_pass`"
                .to_owned(),
        ),
        input_schema: schema_of::<JudgeRequest>(),
        output_schema: schema_of::<JudgeResponse>(),
        cost_tier: 2,
        average_latency_ms: 20,
        side_effects: SideEffects::None,
        // An address is an e-mail address to a schema, and has a length, only as itself. Models see placeholders all the same.
        needs_pii: vec!["pii".to_owned()],
        ..ArmDescriptor::new(ARM_ID, ["validation", "fact_check", "quality_check"])
    }
}
