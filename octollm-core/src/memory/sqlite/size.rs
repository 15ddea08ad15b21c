//! Guesses how large an append will be as JSON, so that writing out a large one does not hold up other tasks.

use serde_json::{Map, Value};

use crate::memory::journal::Append;
use crate::task::{EventKind, ExecutionPlan, TaskRequest};

/// Bytes of JSON from which on an append is written out on a thread of its own. A thread costs some ten microseconds,
/// as much as writing out this many bytes does.
const LARGE: usize = 64 * 1024;

/// Whether the append is large. Looks at no more than [`LARGE`] bytes, and at what can be large only.
pub(super) fn is_large(append: &Append) -> bool {
    let mut room = Room(LARGE);
    for event in &append.events {
        room.take_event(&event.kind);
    }
    room.0 == 0
}

/// Bytes that are left until an append counts as large.
struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }

    fn take_event(&mut self, kind: &EventKind) {
        match kind {
            EventKind::TaskAccepted { request, .. } => self.take_request(request),
            EventKind::IntentParsed { intent, .. } => self.take_object(&intent.context),
            EventKind::PlanCreated { plan, .. } | EventKind::PlanRevised { plan, .. } => {
                self.take_plan(Some(plan));
            }
            EventKind::ApprovalRequested { input, shown, .. } => {
                self.take_value_of(input.as_deref());
                self.take(shown.as_deref().map_or(0, str::len));
            }
            EventKind::StepCompleted { output, .. } => self.take_value(output),
            EventKind::TaskCompleted { result, .. } => self.take_value(result),
            _ => {}
        }
    }

    fn take_request(&mut self, request: &TaskRequest) {
        self.take_object(&request.context);
        self.take_plan(request.plan.as_deref());
        self.take_value_of(request.output_schema.as_ref());
    }

    fn take_plan(&mut self, plan: Option<&ExecutionPlan>) {
        for subtask in plan.into_iter().flat_map(|plan| &plan.subtasks) {
            self.take(subtask.action.len());
            self.take_value_of(subtask.input.as_ref());
        }
    }

    fn take_value_of(&mut self, value: Option<&Value>) {
        if let Some(value) = value {
            self.take_value(value);
        }
    }

    fn take_object(&mut self, object: &Map<String, Value>) {
        for (key, value) in object {
            if self.0 == 0 {
                return;
            }
            self.take(key.len());
            self.take_value(value);
        }
    }

    fn take_value(&mut self, value: &Value) {
        self.take(8);
        match value {
            Value::String(text) => self.take(text.len()),
            Value::Object(object) => self.take_object(object),
            Value::Array(items) => {
                for item in items {
                    if self.0 == 0 {
                        return;
                    }
                    self.take_value(item);
                }
            }
            _ => {}
        }
    }
}
