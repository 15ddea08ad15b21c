//! A model that is asked for an answer that will be checked, and whose failure is a reason rather than an error: the judge
//! and the retriever go on without it.

use std::sync::Arc;

use octollm_core::model::prompts::{Prompt, Values, data_block};
use octollm_core::model::structured::{Shape, typed};
use octollm_core::model::{CallContext, LanguageModel, ModelRequest, Purpose};
use octollm_core::{Error, Result};
use serde::de::DeserializeOwned;

use crate::trial;

/// A model, what it is told, and whose call it is asked for.
pub(crate) struct Expert<'a, P> {
    pub(crate) model: Arc<dyn LanguageModel>,
    pub(crate) prompts: &'a P,
    pub(crate) purpose: Purpose,
    pub(crate) context: CallContext,
}

impl<P> Expert<'_, P> {
    /// Asks for an answer of this type, or says why there is none.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        prompt: &Prompt,
        values: &Values,
        shape: Result<Shape>,
    ) -> Result<T, String> {
        let asked = async {
            let mut question = ModelRequest::new(prompt.render(values)?);
            question.purpose = self.purpose;
            // The same question should be answered the same.
            question.temperature = Some(0.0);
            question.context = self.context.clone();
            Ok::<T, Error>(typed::<T>(&*self.model, &question, &shape?).await?.value)
        };
        asked.await.map_err(|error| {
            tracing::warn!(%error, prompt = prompt.name(), "a model was asked, and nothing came of it");
            trial::reason(&error)
        })
    }
}

/// Entries with their numbers, from 1, each marked as data.
pub(crate) fn numbered<'a>(of: &str, entries: impl Iterator<Item = &'a str>) -> String {
    let entries = entries.zip(1..).map(|(entry, number)| data_block(&format!("{of} {number}"), entry));
    entries.collect::<Vec<_>>().join("\n")
}
