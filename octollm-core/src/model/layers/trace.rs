//! Tells who was asked, how long it took and what it used, in the words of OpenTelemetry's semantic conventions for
//! generative AI (`gen_ai.*`, version 1.37). Never what was asked or answered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::Stream;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::watch::{Ending, Watcher, watched};
use crate::error::{Error, Result};
use crate::model::{
    Delta, FinishReason, LanguageModel, ModelDescriptor, ModelRequest, ModelStream, OutputFormat, Reason,
};

/// A span around every call of a provider, until the end of its stream.
pub struct Trace {
    model: Arc<dyn LanguageModel>,
}

impl Trace {
    /// `model`, watched.
    pub fn new(model: Arc<dyn LanguageModel>) -> Self {
        Self { model }
    }
}

#[async_trait]
impl LanguageModel for Trace {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let span = span(self.descriptor(), request);
        let note = Note { span: span.clone(), began: Instant::now(), spoke: false };
        match self.model.stream(request).instrument(span.clone()).await {
            Ok(stream) => Ok(watched(Box::pin(Traced { stream, span }), note)),
            Err(error) => {
                note.end(Ending::Failed(&error));
                Err(error)
            }
        }
    }
}

fn span(model: &ModelDescriptor, request: &ModelRequest) -> Span {
    let span = tracing::info_span!(
        "gen_ai.chat",
        "otel.name" = format_args!("chat {}", model.model),
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "gen_ai.operation.name" = "chat",
        "gen_ai.provider.name" = %model.vendor,
        "gen_ai.request.model" = %model.model,
        "gen_ai.request.max_tokens" = request.max_output_tokens,
        "gen_ai.request.temperature" = request.temperature,
        "gen_ai.request.top_p" = request.top_p,
        "gen_ai.request.seed" = request.seed,
        "gen_ai.output.type" = if request.output == OutputFormat::Text { "text" } else { "json" },
        "gen_ai.response.model" = Empty,
        "gen_ai.response.id" = Empty,
        "gen_ai.response.finish_reasons" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "error.type" = Empty,
        "octollm.purpose" = request.purpose.as_str(),
        "octollm.task" = Empty,
        "octollm.step" = request.context.step,
        "octollm.first_delta_ms" = Empty,
        "octollm.duration_ms" = Empty,
    );
    if let Some(task) = &request.context.task_id {
        span.record("octollm.task", tracing::field::display(task));
    }
    span
}

/// A stream that is polled within its span.
struct Traced {
    stream: ModelStream,
    span: Span,
}

impl Stream for Traced {
    type Item = Result<Delta>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        this.stream.as_mut().poll_next(cx)
    }
}

/// Writes down what passes by.
struct Note {
    span: Span,
    began: Instant,
    spoke: bool,
}

impl Note {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Watcher for Note {
    fn delta(&mut self, delta: &Delta) {
        match delta {
            Delta::Started { model, id } => {
                self.span.record("gen_ai.response.model", model.as_str());
                if let Some(id) = id {
                    self.span.record("gen_ai.response.id", id.as_str());
                }
            }
            Delta::Usage(tokens) => {
                self.span.record("gen_ai.usage.input_tokens", tokens.input_tokens);
                self.span.record("gen_ai.usage.output_tokens", tokens.output_tokens);
            }
            Delta::Finished(reason) => {
                self.span.record("gen_ai.response.finish_reasons", word(reason));
            }
            Delta::Text(_) | Delta::Reasoning(_) | Delta::ToolCall { .. } if !self.spoke => {
                self.spoke = true;
                self.span.record("octollm.first_delta_ms", self.elapsed_ms());
            }
            Delta::Text(_) | Delta::Reasoning(_) | Delta::Thoughts(_) | Delta::ToolCall { .. } => {}
        }
    }

    fn end(self, ending: Ending<'_>) {
        self.span.record("octollm.duration_ms", self.elapsed_ms());
        let _entered = self.span.enter();
        match ending {
            Ending::Complete => tracing::debug!("the model answered"),
            Ending::Abandoned => tracing::debug!("nobody waits for the model's answer any more"),
            Ending::Failed(error) => {
                self.span.record("error.type", error_type(error));
                self.span.record("otel.status_code", "ERROR");
                tracing::debug!(error = %error.summary(), "the model failed");
            }
        }
    }
}

fn error_type(error: &Error) -> &'static str {
    Reason::of(error).map_or(error.kind().code(), Reason::code)
}

fn word(reason: &FinishReason) -> &str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(word) => word,
    }
}
