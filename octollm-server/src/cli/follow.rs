//! Sees a task through: until it ends, waits for a person, or somebody presses Ctrl-C.

use std::sync::Arc;

use futures_util::StreamExt;
use octollm_core::orchestrator::{EventStream, Orchestrator};
use octollm_core::task::{Event, EventKind, TaskStatus};
use octollm_core::{TaskId, TaskResult};
use tokio_util::sync::CancellationToken;

use super::approval::Questions;
use super::exit::{Exit, Outcome, Stop};
use super::output::Output;
use super::progress::Progress;
use super::render;

/// What is printed about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// The answer.
    Answer,
    /// The `TaskResult` as JSON.
    Json,
    /// Every event as JSON.
    Events,
}

/// Follows one task.
pub(super) struct Follow<'a> {
    pub(super) orchestrator: &'a Arc<dyn Orchestrator>,
    pub(super) interrupt: &'a CancellationToken,
    pub(super) output: Output,
    pub(super) show: Show,
}

impl Follow<'_> {
    /// Shows what happens until nothing more does, then what came of it.
    pub(super) async fn task(&self, id: TaskId, events: EventStream) -> Outcome {
        let mut progress = Progress::new(self.output);
        let mut questions = Questions::default();
        let outcome = self.watch(id, events, &mut progress, &mut questions).await;
        progress.finish(self.output);
        let (result, interrupted) = outcome?;
        let exit = self.stands(&result, &questions)?;
        Ok(if interrupted { Exit::Interrupted } else { exit })
    }

    /// Says how the task stands, and what it waits for.
    pub(super) fn stands(&self, result: &TaskResult, questions: &Questions) -> Outcome {
        if result.status == TaskStatus::AwaitingApproval {
            self.output.note(questions.text());
        }
        self.print(result)?;
        Ok(Exit::of_task(result))
    }

    /// Reads events; answers how the task stands then, and whether it was interrupted.
    async fn watch(
        &self,
        id: TaskId,
        mut events: EventStream,
        progress: &mut Progress,
        questions: &mut Questions,
    ) -> Result<(TaskResult, bool), Stop> {
        let mut interrupted = false;
        let mut asked = false;
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = self.interrupt.cancelled(), if !interrupted => {
                    interrupted = true;
                    self.output.remark("cancelling; press Ctrl-C again to leave at once");
                    self.orchestrator.cancel(id, "interrupted on the command line").await?;
                    continue;
                }
            };
            let Some(event) = event.transpose()? else {
                return Ok((self.orchestrator.task(id).await?, interrupted));
            };
            self.observe(&event, progress)?;
            questions.observe(&event);
            asked |= matches!(event.kind, EventKind::ApprovalRequested { .. });
            if asked && !event.kind.is_terminal() {
                let result = self.orchestrator.task(id).await?;
                // Steps beside the one that waits may still be running.
                if result.status == TaskStatus::AwaitingApproval {
                    return Ok((result, interrupted));
                }
            }
        }
    }

    fn observe(&self, event: &Event, progress: &mut Progress) -> Result<(), Stop> {
        progress.observe(event);
        if self.show == Show::Answer && event.kind.is_earlier_answer() {
            self.output
                .note("this was asked before, and is answered as then; --no-cache does the work again");
        }
        if self.show == Show::Events {
            self.output.json_line(event)?;
        }
        Ok(())
    }

    fn print(&self, result: &TaskResult) -> Result<(), Stop> {
        match self.show {
            Show::Json => self.output.json(result)?,
            Show::Events => {}
            Show::Answer => {
                if let Some(answer) = &result.result {
                    self.output.line(render::answer(self.output, answer))?;
                }
            }
        }
        self.explain(result);
        Ok(())
    }

    /// Says on stderr what a person must know about a task that did not complete.
    fn explain(&self, result: &TaskResult) {
        let id = result.task_id;
        match (result.status, &result.error) {
            (TaskStatus::AwaitingApproval, _) => self.output.note(format!(
                "{id} waits for your approval.\nhint: look with `octollm-server tasks show {id}`, then answer with \
                 `octollm-server tasks approve {id}` or `... approve {id} --deny`"
            )),
            (TaskStatus::Completed, _) => {
                let took = result.duration_ms.map(|ms| format!(" in {ms} ms")).unwrap_or_default();
                let sure = result.confidence.map(|sure| format!(", confidence {sure:.2}")).unwrap_or_default();
                self.output.remark(format!("{id} completed{took}{sure}"));
            }
            (_, Some(error)) => self.output.error(&error.clone().into()),
            (status, None) => self.output.note(format!("{id} is {}", status.as_str())),
        }
    }
}
