//! The guardian as an arm, and as a library.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use octollm_core::arm::{Arm, ArmCall, ArmDescriptor, ArmReply, SideEffects};
use octollm_core::reflex::pii::PiiOptions;
use octollm_core::reflex::{Policy, ReflexChain};
use octollm_core::schema::schema_of;
use octollm_core::{Error, ErrorKind, Result};

use super::content::Content;
use super::policy::GuardPolicy;
use super::request::{GuardRequest, GuardResponse};
use super::review::Review;

/// The arm's id.
const ARM_ID: &str = "guardian";

/// Bytes that are looked at on the spot, in less than a millisecond; more goes where it holds up nobody.
const QUICK: usize = 8 << 10;

/// What a guardian works with.
#[derive(Debug, Clone, Default)]
pub struct GuardianOptions {
    /// What counts as personal data, and how a finding is replaced.
    pub reflex: Policy,
    /// What the operator forbids and demands; none by default.
    pub policy: Option<GuardPolicy>,
}

impl GuardianOptions {
    /// The same with these options for personal data.
    #[must_use]
    pub fn detecting(mut self, detect: PiiOptions) -> Self {
        self.reflex.detect = detect;
        self
    }
}

/// Looks for what must not go further. Cheap to clone; a check needs no lock.
#[derive(Clone)]
pub struct Guardian {
    shared: Arc<Shared>,
}

struct Shared {
    options: GuardianOptions,
    /// Built when it is first needed: it takes longer than most programs that never ask want to wait.
    tools: OnceLock<Tools>,
    descriptor: ArmDescriptor,
}

struct Tools {
    chain: ReflexChain,
    content: Content,
}

impl Guardian {
    /// A guardian with the reflexes' detectors. They are built at the first check.
    pub fn new(options: GuardianOptions) -> Self {
        Self { shared: Arc::new(Shared { options, tools: OnceLock::new(), descriptor: descriptor() }) }
    }

    /// Checks a text and fields.
    ///
    /// # Errors
    /// `invalid_input` with every fault of the request, or for options of the detectors that cannot be used.
    pub fn check(&self, request: &GuardRequest) -> Result<GuardResponse> {
        request.validate()?;
        let Tools { chain, content } = self.shared.tools()?;
        Review { chain, content, policy: self.shared.options.policy.as_ref() }.of(request)
    }
}

impl Shared {
    fn tools(&self) -> Result<&Tools> {
        if let Some(tools) = self.tools.get() {
            return Ok(tools);
        }
        // The chain's own policy only says what the detectors are; each request has another one over the same detectors.
        let Policy { detect, style, .. } = self.options.reflex.clone();
        let chain = ReflexChain::new(Policy { detect, style, ..Policy::default() })?;
        let built = Tools { chain, content: Content::new()? };
        Ok(self.tools.get_or_init(|| built))
    }
}

#[async_trait]
impl Arm for Guardian {
    fn descriptor(&self) -> &ArmDescriptor {
        &self.shared.descriptor
    }

    fn is_checked(&self) -> bool {
        true
    }

    async fn execute(&self, call: ArmCall) -> Result<ArmReply> {
        let request = GuardRequest::from_value((*call.input).clone())?;
        let response = if request.size() <= QUICK && self.shared.tools.get().is_some() {
            self.check(&request)?
        } else {
            let guardian = self.clone();
            tokio::task::spawn_blocking(move || guardian.check(&request)).await.map_err(|cause| {
                Error::new(ErrorKind::Internal, "the check broke off").with_source(cause)
            })??
        };
        let output = serde_json::to_value(response)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the answer is no JSON").with_source(cause))?;
        Ok(ArmReply::new(output))
    }
}

impl fmt::Debug for Guardian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guardian").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

fn descriptor() -> ArmDescriptor {
    ArmDescriptor {
        name: "Guardian".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: Some(
            "Looks for personal data, secrets, prompt injections, payloads and breaches of the operator's policy in a \
             text, says what kind stands where, and can answer the text with it replaced. Needs no model"
                .to_owned(),
        ),
        input_schema: schema_of::<GuardRequest>(),
        output_schema: schema_of::<GuardResponse>(),
        cost_tier: 1,
        average_latency_ms: 1,
        side_effects: SideEffects::None,
        // It says what kind stands where, which a placeholder would hide.
        needs_pii: vec!["pii".to_owned(), "secret".to_owned()],
        ..ArmDescriptor::new(ARM_ID, ["safety", "pii_detection"])
    }
}
