//! Asks the next model where one cannot answer.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use super::watch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{LanguageModel, ModelDescriptor, ModelReply, ModelRequest, ModelStream, Price, Reason};

/// A chain of models: the next one is asked where one fails in a way that says nothing about the request.
///
/// | failure | what happens |
/// |---|---|
/// | unreachable, overloaded, broken, timed out, held back by a limit or a breaker | the next is asked |
/// | rate limit, quota, key refused, no such model, no such endpoint, price not known | the next is asked |
/// | context too long | the next with a larger context is asked |
/// | content refused, bad request | told to the caller: another model would be asked to do what one refused |
/// | the budget allows no call of this model | the next that costs less is asked, where there is one |
/// | cancelled, the call's own deadline | told to the caller |
///
/// It describes itself as its first model. Who answered is in the answer's [`Started`](crate::model::Delta::Started)
/// and in the log. Where all fail, the first temporary error is told, or else the first, with the others' codes.
pub struct Fallback {
    first: Arc<dyn LanguageModel>,
    others: Vec<Arc<dyn LanguageModel>>,
}

impl Fallback {
    /// `first`, then `others` in this order.
    pub fn new(first: Arc<dyn LanguageModel>, others: Vec<Arc<dyn LanguageModel>>) -> Self {
        Self { first, others }
    }

    async fn chain<'a, T>(
        &'a self,
        request: &'a ModelRequest,
        call: impl Fn(&'a Arc<dyn LanguageModel>) -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T>
    where
        T: Send,
    {
        let mut failures: Vec<(&ModelDescriptor, Error)> = Vec::new();
        for model in std::iter::once(&self.first).chain(&self.others) {
            let descriptor = model.descriptor();
            if !failures.iter().all(|(failed, error)| helps(descriptor, failed, error)) {
                continue;
            }
            match call(model).await {
                Ok(answer) => {
                    if !failures.is_empty() {
                        tracing::info!(model = %descriptor.name(), "a fallback answers");
                    }
                    return Ok(answer);
                }
                Err(error) if is_final(&error, request) => return Err(error),
                Err(error) => {
                    tracing::warn!(model = %descriptor.name(), error = %error.summary(), "a model cannot answer");
                    failures.push((descriptor, error));
                }
            }
        }
        Err(most_telling(failures))
    }
}

/// Whether no other model should be asked.
fn is_final(error: &Error, request: &ModelRequest) -> bool {
    let past = request.context.deadline.is_some_and(|deadline| tokio::time::Instant::now() >= deadline);
    past || match Reason::of(error) {
        Some(reason) => matches!(reason, Reason::ContentRefused | Reason::BadRequest),
        None => matches!(
            error.kind(),
            ErrorKind::InvalidInput
                | ErrorKind::RefusedByReflex
                | ErrorKind::Cancelled
                | ErrorKind::Conflict
                | ErrorKind::Internal
        ),
    }
}

/// Whether this model may succeed where `failed` failed with `error`. Only a longer context helps a long prompt, and only
/// a lower price a purse that is too small.
fn helps(model: &ModelDescriptor, failed: &ModelDescriptor, error: &Error) -> bool {
    if error.kind() == ErrorKind::BudgetExceeded {
        return costs_less(model.price, failed.price);
    }
    if Reason::of(error) != Some(Reason::ContextTooLong) && error.kind() != ErrorKind::TooLarge {
        return true;
    }
    match (model.context_tokens, failed.context_tokens) {
        (Some(here), Some(there)) => here > there,
        // A context that nobody stated is not taken to be the larger one.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// A price that nobody knows is not taken to be the lower one.
fn costs_less(here: Option<Price>, there: Option<Price>) -> bool {
    match (here, there) {
        (Some(here), Some(there)) => {
            here.input <= there.input && here.output <= there.output && here != there
        }
        _ => false,
    }
}

fn most_telling(failures: Vec<(&ModelDescriptor, Error)>) -> Error {
    let told = failures.iter().position(|(_, error)| error.is_temporary()).unwrap_or(0);
    let code = |error: &Error| Reason::of(error).map_or(error.kind().code(), Reason::code);
    let others: Vec<_> = failures.iter().enumerate().filter(|(index, _)| *index != told).collect();
    let others: Vec<_> =
        others.iter().map(|(_, (model, error))| format!("{}: {}", model.name(), code(error))).collect();
    match failures.into_iter().nth(told) {
        Some((_, error)) if others.is_empty() => error,
        Some((_, error)) => error.with_context("others", others.join(", ")),
        None => Error::new(ErrorKind::Internal, "a chain of models asked none of them"),
    }
}

#[async_trait]
impl LanguageModel for Fallback {
    fn descriptor(&self) -> &ModelDescriptor {
        self.first.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        self.chain(request, |model| Box::pin(watch::begun(&**model, request))).await
    }

    /// Nothing is passed on before the end, so an answer that breaks off is asked for elsewhere too. The usage is
    /// priced by the model that answered.
    async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        self.chain(request, |model| model.complete(request)).await
    }
}
