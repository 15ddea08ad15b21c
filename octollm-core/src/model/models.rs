//! Which model is asked for what.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::layers::{Around, Link, LinkOptions, guarded, standard};
use super::{LanguageModel, Purpose};
use crate::error::{Error, ErrorKind, Result};

/// A model for each purpose. Cheap to clone; clones share the models.
#[derive(Clone, Default)]
pub struct Models {
    models: Arc<BTreeMap<&'static str, Arc<dyn LanguageModel>>>,
}

impl Models {
    /// No model at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// One model for everything, in its usual layers: retries, limits, a circuit breaker, and what a task may spend.
    pub fn layered(model: Arc<dyn LanguageModel>) -> Self {
        Self::layered_within(model, &Around::default())
    }

    /// As [`layered`](Self::layered), with this around it: who redacts, and where answers are kept.
    pub fn layered_within(model: Arc<dyn LanguageModel>, around: &Around) -> Self {
        let link = Link::new(&LinkOptions::default());
        Self::new(standard(guarded(model, &link), Vec::new(), around))
    }

    /// One model for everything, as it is: nothing is counted and nothing is tried again unless its layers do.
    pub fn new(general: Arc<dyn LanguageModel>) -> Self {
        Self::default().with(Purpose::General, general)
    }

    /// The same models, with this one for `purpose`.
    #[must_use]
    pub fn with(mut self, purpose: Purpose, model: Arc<dyn LanguageModel>) -> Self {
        Arc::make_mut(&mut self.models).insert(purpose.as_str(), model);
        self
    }

    /// The model for `purpose`; where it has none of its own, the general one.
    pub fn for_purpose(&self, purpose: Purpose) -> Option<Arc<dyn LanguageModel>> {
        let own = self.models.get(purpose.as_str());
        own.or_else(|| self.models.get(Purpose::General.as_str())).cloned()
    }

    /// As [`for_purpose`](Self::for_purpose), for those who cannot do without.
    ///
    /// # Errors
    /// `not_configured`, with the settings that would give a model.
    pub fn require(&self, purpose: Purpose) -> Result<Arc<dyn LanguageModel>> {
        self.for_purpose(purpose).ok_or_else(|| {
            Error::new(ErrorKind::NotConfigured, "this needs a language model, and none is configured")
                .with_context("purpose", purpose.as_str())
                .with_hint("set OPENAI_API_KEY or ANTHROPIC_API_KEY, or OLLAMA_HOST for a server of your own")
        })
    }

    /// Whether there is no model at all.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.models.iter().map(|(purpose, model)| (purpose, model.descriptor().name()));
        f.debug_map().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ScriptedModel;

    fn named(name: &str) -> Arc<dyn LanguageModel> {
        Arc::new(ScriptedModel::in_order([]).described(|model| model.model = name.to_owned()))
    }

    #[test]
    fn a_purpose_without_a_model_of_its_own_has_the_general_one() {
        let models = Models::new(named("large")).with(Purpose::Intent, named("small"));
        let name = |purpose| models.for_purpose(purpose).map(|model| model.descriptor().model.clone());
        assert_eq!(name(Purpose::Intent).as_deref(), Some("small"));
        assert_eq!(name(Purpose::Coding).as_deref(), Some("large"));
        assert_eq!(format!("{models:?}"), r#"{"general": "scripted/large", "intent": "scripted/small"}"#);
    }

    #[test]
    fn without_any_the_settings_are_named() {
        let error = Models::none().require(Purpose::Planning).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        for setting in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_HOST"] {
            assert!(error.hint().unwrap().contains(setting));
        }
    }
}
