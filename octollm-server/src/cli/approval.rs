//! What a person is asked: the exact command or input, as it stands in the journal.

use std::collections::BTreeMap;

use octollm_core::task::{ApprovalReason, Event, EventKind};

use super::output::plain;

/// The questions that are open.
#[derive(Debug, Default)]
pub(super) struct Questions(BTreeMap<Option<u32>, String>);

impl Questions {
    /// Takes an event in.
    pub(super) fn observe(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ApprovalRequested { step, reason, arm_id, input, shown } => {
                let exactly = match (shown, input) {
                    (Some(shown), _) => plain(shown),
                    (None, Some(input)) => plain(&serde_json::to_string_pretty(input).unwrap_or_default()),
                    (None, None) => String::new(),
                };
                let question = question(*step, *reason, arm_id.as_deref());
                self.0.insert(*step, indented(&question, &exactly));
            }
            EventKind::ApprovalDecided { step, .. } => drop(self.0.remove(step)),
            _ => {}
        }
    }

    /// All of them, for a person.
    pub(super) fn text(&self) -> String {
        self.0.values().cloned().collect::<Vec<_>>().join("\n")
    }
}

fn question(step: Option<u32>, reason: ApprovalReason, arm: Option<&str>) -> String {
    let arm = plain(arm.unwrap_or("an arm"));
    match (step, reason) {
        (None, _) => "The plan waits for approval.".to_owned(),
        (Some(step), ApprovalReason::InDoubt) => format!(
            "Step {step}: nobody knows whether `{arm}` has done this already. Approving does it again:"
        ),
        (Some(step), _) => format!("Step {step}: `{arm}` is to do this:"),
    }
}

fn indented(question: &str, exactly: &str) -> String {
    let lines = exactly.lines().map(|line| format!("\n    {line}"));
    format!("{question}{}", lines.collect::<String>())
}
