//! What the brain has at hand when it thinks.

use std::sync::Arc;

use crate::arm::ArmInfo;
use crate::model::CallContext;

/// One act of thinking: who could do the work, and whose calls of models it makes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Thought {
    /// The arms that are registered, with health and statistics, by id.
    pub arms: Arc<[ArmInfo]>,
    /// For which task it is, until when, and what it may spend.
    pub call: CallContext,
}

impl Thought {
    /// Thinking about these arms, for nobody in particular.
    pub fn about(arms: impl IntoIterator<Item = ArmInfo>) -> Self {
        Self { arms: arms.into_iter().collect(), call: CallContext::default() }
    }
}
