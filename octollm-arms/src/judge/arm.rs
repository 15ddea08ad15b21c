//! The judge as an arm, and as a library.

use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use octollm_core::schema::schema_of;
use octollm_core::{Error, ErrorKind, Fault, Result};

use super::criteria::{self, Ground};
use super::judgement::{Finding, Judgement, Ruling};
use super::parts::code_parts;
use super::request::{self, JudgeRequest, ValidationType};
use super::response::JudgeResponse;
use super::shape;
use crate::syntax::Language;

/// The arm's id.
const ARM_ID: &str = "judge";

/// Says whether an output is what it should be. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Judge {
    descriptor: Arc<ArmDescriptor>,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge. It asks nobody, and says what it could not verify.
    pub fn new() -> Self {
        Self { descriptor: Arc::new(descriptor()) }
    }

    /// Judges an output.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request, or where it says nothing that could be looked at.
    pub async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        request.validate()?;
        let wanted = wanted(&request)?;
        // Grammars and schemas that somebody sent: milliseconds for usual ones, seconds for what is made to be slow.
        let decided = tokio::task::spawn_blocking(move || decide(&request, &wanted)).await;
        decided.map_err(|cause| Error::new(ErrorKind::Internal, "the judgement broke off").with_source(cause))
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

/// Looks at everything that is wanted.
fn decide(request: &JudgeRequest, wanted: &[ValidationType]) -> JudgeResponse {
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
                Finding::unverified("this judge looks at schemas, syntax and criteria only")
            }
        };
        judgement.check(*kind, finding);
    }
    let ground = Ground { request, parts: &parts };
    let criteria = request.acceptance_criteria.iter().filter(|_| wanted.contains(&ValidationType::Criteria));
    for criterion in criteria {
        let open = || Ruling::nobody("no rule understands it, and nobody else was asked");
        judgement.criterion(criterion, criteria::ruling(criterion, &ground).unwrap_or_else(open));
    }
    judgement.finish()
}

#[async_trait]
impl Arm for Judge {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.descriptor
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = JudgeRequest::from_value((*call.input).clone())?;
        let response = self.judge(request).await?;
        let output = serde_json::to_value(response).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the judgement is no JSON").with_source(cause)
        })?;
        Ok(ArmReply::new(output))
    }
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Judge".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Says whether an output is valid: against a JSON Schema, its language's grammar, and acceptance criteria that can \
             be counted or looked up. Says what it could not verify. A step with it usually has `must_pass`"
                .to_owned(),
        ),
        input_schema: schema_of::<JudgeRequest>(),
        output_schema: schema_of::<JudgeResponse>(),
        cost_tier: 1,
        average_latency_ms: 5,
        side_effects: SideEffects::None,
        // An address is an e-mail address to a schema, and has a length, only as itself. Models see placeholders all the same.
        needs_pii: vec!["pii".to_owned()],
        ..ArmDescriptor::new(ARM_ID, ["validation"])
    }
}
