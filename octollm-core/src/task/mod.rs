//! What a task is: pure data and pure functions, no I/O, no runtime.
//!
//! A task is the fold over its journal. [`Event`] is the journal's alphabet, [`TaskState`] the fold, and
//! [`TaskState::next`] says what to do now. Everything else here is what those speak of: the request, the plan, the
//! budget, the result.

mod binding;
mod budget;
mod event;
mod id;
mod intent;
mod plan;
mod request;
mod result;
mod state;
mod verdict;

pub use binding::{Binding, bind_input, step_references};
pub use budget::{Budget, Grant, Usage};
pub use event::{ApprovalReason, ArmScore, Event, EventKind, Routing, SideEffects, Then};
pub use id::{PlanId, RequestId, TaskId};
pub use intent::{Complexity, IntentSource, ParsedIntent};
pub use plan::{ExecutionPlan, PlanSource, SubTask};
pub use request::{Approval, Priority, TaskRequest};
pub use result::{StepResult, StepStatus, TaskError, TaskResponse, TaskResult, TaskStatus, TaskSummary};
pub use state::{Action, Admission, Failure, StepState, TaskState};
pub(crate) use verdict::rejection;

/// A moment in UTC; RFC 3339 in JSON.
pub type Timestamp = jiff::Timestamp;

/// Now, to the microsecond: the resolution that every store keeps.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
