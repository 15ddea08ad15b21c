//! What a trace says, and what it never says.

use std::fmt;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

/// Writes down every field of every span and event.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Visit for Recorder {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{}={value:?}\n", field.name()));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("octollm_core::model")
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_trace_names_everything_but_what_was_said() {
    let recorder = Recorder::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tracing::subscriber::with_default(recorder.clone(), || {
        runtime.block_on(async {
            let model =
                named("m", [ScriptedReply::text("an-answer").using(11, 7), refuse(Reason::Overloaded)]);
            let trace = Trace::new(shared(&model));
            let request = ModelRequest { temperature: Some(0.5), ..ask("a-question") };
            trace.complete(&request).await.unwrap();
            trace.complete(&request).await.unwrap_err();
        });
    });
    let written = recorder.0.lock().unwrap().clone();
    for field in [
        "gen_ai.operation.name=\"chat\"",
        "gen_ai.provider.name=scripted",
        "gen_ai.request.model=m",
        "gen_ai.request.temperature=0.5",
        "gen_ai.response.model=\"m\"",
        "gen_ai.usage.input_tokens=11",
        "gen_ai.usage.output_tokens=7",
        "gen_ai.response.finish_reasons=\"stop\"",
        "error.type=\"overloaded\"",
    ] {
        assert!(written.contains(field), "{field} is missing in\n{written}");
    }
    assert!(!written.contains("a-question") && !written.contains("an-answer"), "{written}");
}
