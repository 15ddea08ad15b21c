//! Keeps what is personal away from the model: placeholders go out, and what they stand for comes back.
//!
//! What is personal, what stands for it and where the two are kept is the business of a [`Redactor`]. This layer sees
//! to it that nothing passes by it: every text of a request, tool arguments and results included, and every text of an
//! answer. An answer is restored while it streams, and a placeholder may be cut anywhere: so the end of a piece that
//! may be the beginning of a placeholder is held back until it is known, [`Shape::longest`] bytes at most.
//!
//! In JSON (an answer that was asked for as JSON, the arguments of a tool) a restored value is escaped, so that it cannot
//! end its string. The arguments of a tool are passed on when the call is complete: nobody can use half of them.
//!
//! Pictures pass as they are.

mod request;
mod restore;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;

use self::request::redacted;
use self::restore::{Form, Restorer};
use crate::error::Result;
use crate::model::{
    CallContext, Delta, LanguageModel, ModelDescriptor, ModelReply, ModelRequest, ModelStream,
};
use crate::model::{OutputFormat, ToolCall};

/// What placeholders look like: they begin with `open`, end with the next `close` and have no other `open` between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How every placeholder begins; not empty. ASCII that JSON does not escape.
    pub open: &'static str,
    /// How it ends; not empty, and different from `open`.
    pub close: &'static str,
    /// Bytes that a placeholder has at most, both ends included.
    pub longest: usize,
}

/// Knows what is personal in one task's texts.
pub trait Redactor: Send + Sync {
    /// What its placeholders look like.
    fn shape(&self) -> Shape;

    /// `text` with a placeholder for everything personal. The same value has the same placeholder throughout a task.
    fn redact(&self, text: &str) -> String;

    /// What this placeholder stands for; none if it is not one of this task's.
    fn restore(&self, placeholder: &str) -> Option<String>;
}

/// Has a [`Redactor`] for every task.
#[async_trait]
pub trait Redactors: Send + Sync {
    /// The one for the task that this call belongs to.
    ///
    /// # Errors
    /// Where it cannot be had: then the model is not asked.
    async fn of(&self, context: &CallContext) -> Result<Arc<dyn Redactor>>;
}

/// One for all, where there is one task only.
#[async_trait]
impl Redactors for Arc<dyn Redactor> {
    async fn of(&self, _: &CallContext) -> Result<Arc<dyn Redactor>> {
        Ok(self.clone())
    }
}

/// The redactor of the task that a call belongs to, as the call itself carries it.
#[derive(Clone)]
pub struct CallRedactor(pub Arc<dyn Redactor>);

impl fmt::Debug for CallRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallRedactor(..)")
    }
}

/// Shows the model placeholders only.
pub struct Redact {
    model: Arc<dyn LanguageModel>,
    redactors: Option<Arc<dyn Redactors>>,
}

impl Redact {
    /// `model`, behind these.
    pub fn new(model: Arc<dyn LanguageModel>, redactors: Arc<dyn Redactors>) -> Self {
        Self { model, redactors: Some(redactors) }
    }

    /// `model`, behind the one that each call carries in its context; a call that carries none goes out as it is.
    pub fn of_each_call(model: Arc<dyn LanguageModel>) -> Self {
        Self { model, redactors: None }
    }

    async fn redactor(&self, context: &CallContext) -> Result<Option<Arc<dyn Redactor>>> {
        match &self.redactors {
            Some(redactors) => redactors.of(context).await.map(Some),
            None => Ok(context.redactor.as_ref().map(|redactor| redactor.0.clone())),
        }
    }
}

#[async_trait]
impl LanguageModel for Redact {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let Some(redactor) = self.redactor(&request.context).await? else {
            return self.model.stream(request).await;
        };
        let stream = self.model.stream(&redacted(request, &*redactor)).await?;
        Ok(Box::pin(restored(stream, Restorer::new(redactor, form(request)))))
    }

    async fn complete(&self, request: &ModelRequest) -> Result<ModelReply> {
        let Some(redactor) = self.redactor(&request.context).await? else {
            return self.model.complete(request).await;
        };
        let mut reply = self.model.complete(&redacted(request, &*redactor)).await?;
        reply.text = restore::text(&*redactor, form(request), &reply.text);
        reply.reasoning = restore::text(&*redactor, Form::Plain, &reply.reasoning);
        for ToolCall { arguments, .. } in &mut reply.tool_calls {
            restore_value(arguments, &*redactor);
        }
        Ok(reply)
    }
}

fn form(request: &ModelRequest) -> Form {
    match request.output {
        OutputFormat::Text => Form::Plain,
        OutputFormat::Json | OutputFormat::Schema { .. } => Form::Json,
    }
}

fn restore_value(value: &mut Value, redactor: &dyn Redactor) {
    request::each_text(value, &mut |text| restore::text(redactor, Form::Plain, text));
}

fn restored(stream: ModelStream, restorer: Restorer) -> impl Stream<Item = Result<Delta>> + Send {
    stream::unfold(Some((stream, restorer)), |state| async move {
        let (mut stream, mut restorer) = state?;
        let (said, error, state) = match stream.next().await {
            Some(Ok(delta)) => (restorer.push(delta), None, Some((stream, restorer))),
            // What was held back belongs to the answer, even if the answer is broken.
            Some(Err(error)) => (restorer.flush(), Some(error), None),
            None => (restorer.flush(), None, None),
        };
        Some((stream::iter(said.into_iter().map(Ok).chain(error.map(Err))), state))
    })
    .flatten()
}
