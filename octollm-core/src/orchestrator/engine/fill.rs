//! What a driver does about a step whose input lacks something: a model is asked for it, once.
//!
//! What it says is journaled (`step.filled`), so that another attempt, a person who is to approve the input, and the
//! process after a crash all see the same. Other steps go on meanwhile; what they answer is taken when the model has.

use std::sync::Arc;

use super::attempt::Effort;
use super::driver::Driver;
use crate::arm::RegisteredArm;
use crate::error::{Error, Result};
use crate::orchestrator::input_filler::Gap;
use crate::task::{EventKind, Grant, SubTask};

impl Driver {
    /// Asks for what is missing, where somebody can be asked; else the step fails with `error`.
    pub(super) async fn not_bound(
        &mut self,
        index: usize,
        subtask: &SubTask,
        arm: &Arc<RegisteredArm>,
        grant: Grant,
        error: Error,
    ) -> Result<()> {
        let missing = self.with_binding(subtask, arm, |binding| binding.missing());
        let asked = self.state.step(subtask.step).is_some_and(|step| step.filled().is_some());
        let engine = self.engine.clone();
        let filler = engine.brain.input_filler.as_ref().filter(|_| !asked && !missing.is_empty());
        let Some(filler) = filler else { return self.failed(index, Some(arm), &error, Effort::default()) };
        let request = self.state.request().clone();
        let output = |step: &u32| Some((*step, self.state.step(*step)?.output()?.clone()));
        let gap = Gap {
            request: &request,
            subtask,
            arm: (&arm.id, arm.descriptor.description.as_deref()),
            schema: &arm.descriptor.input_schema,
            missing: &missing,
            outputs: subtask.depends_on.iter().filter_map(output).collect(),
        };
        let thought = self.thought_within(grant, false);
        let Some((filled, usage)) = self.think(&thought, filler.fill(&gap, &thought)).await? else {
            return Ok(());
        };
        let step = subtask.step;
        let filled = match filled {
            Ok(values) => self.screened(values)?,
            Err(why) => Err(why),
        };
        match filled {
            Ok(values) => self.append(EventKind::StepFilled { step, values: Arc::new(values), usage }),
            Err(why) => {
                tracing::warn!(task = %self.state.task_id(), step, error = %why, "no model filled the step's input");
                self.append(EventKind::StepFilled { step, values: Arc::default(), usage })?;
                self.failed(
                    index,
                    Some(arm),
                    &error.with_context("model", why.kind().code()),
                    Effort::default(),
                )
            }
        }
    }
}
