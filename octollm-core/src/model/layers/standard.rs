//! The layers in the right order.

use std::fmt;
use std::sync::Arc;

use super::{
    Broadcast, Budget, CacheOptions, Cached, Deadline, Fallback, Guard, Limit, Limits, RateOptions, Redact,
    Redactors, Retry, RetryOptions, Trace,
};
use crate::memory::Cache;
use crate::model::LanguageModel;
use crate::resilience::{Breaker, BreakerOptions};

/// How one model is asked.
#[derive(Debug, Clone, Default)]
pub struct LinkOptions {
    /// How often, after failures.
    pub retry: RetryOptions,
    /// How much at once and in a minute.
    pub rates: RateOptions,
    /// When not at all.
    pub breaker: BreakerOptions,
}

/// A provider's limits and breaker. Models of the same account share one: keep it and clone it.
#[derive(Debug, Clone)]
pub struct Link {
    retry: RetryOptions,
    limits: Limits,
    breaker: Breaker,
}

impl Link {
    /// A provider that nobody has asked yet.
    pub fn new(options: &LinkOptions) -> Self {
        Self {
            retry: options.retry,
            limits: Limits::new(options.rates),
            breaker: Breaker::new(options.breaker),
        }
    }

    /// Its breaker, for those who show how the provider is.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}

/// What surrounds a whole chain of models.
#[derive(Clone, Default)]
pub struct Around {
    /// Whoever knows what is personal; without it, the redactor that a call's own context carries.
    pub redactors: Option<Arc<dyn Redactors>>,
    /// Where answers are kept and which; without it, none are.
    pub cache: Option<(Arc<dyn Cache>, CacheOptions)>,
}

/// One model in the layers that belong to its provider: retry, budget, limit, breaker, trace, broadcast.
pub fn guarded(model: Arc<dyn LanguageModel>, link: &Link) -> Arc<dyn LanguageModel> {
    let traced = Arc::new(Trace::new(Arc::new(Broadcast::new(model))));
    let spared = Arc::new(Guard::new(traced, link.breaker.clone()));
    let limited = Arc::new(Limit::new(spared, link.limits.clone()));
    let paid = Arc::new(Budget::new(limited));
    Arc::new(Retry::new(paid, link.retry))
}

/// A model and those that stand in for it, each [`guarded`], as one: deadline, redaction, cache, fallback.
pub fn standard(
    first: Arc<dyn LanguageModel>,
    fallbacks: Vec<Arc<dyn LanguageModel>>,
    around: &Around,
) -> Arc<dyn LanguageModel> {
    let mut model = first;
    if !fallbacks.is_empty() {
        model = Arc::new(Fallback::new(model, fallbacks));
    }
    if let Some((cache, options)) = &around.cache {
        model = Arc::new(Cached::new(model, cache.clone(), options.clone()));
    }
    model = match &around.redactors {
        Some(redactors) => Arc::new(Redact::new(model, redactors.clone())),
        None => Arc::new(Redact::of_each_call(model)),
    };
    Arc::new(Deadline::new(model))
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around")
            .field("redacted", &self.redactors.is_some())
            .field("cached", &self.cache.as_ref().map(|(_, options)| options))
            .finish()
    }
}
