//! What a driver does about its task's question: hears whether it was answered, and tells its own answer to those who wait.

use std::sync::atomic::Ordering;

use super::Engine;
use super::driver::Driver;
use super::peers::Line;
use crate::error::Result;
use crate::orchestrator::answers::{Answer, Asked, Heard, Question};
use crate::orchestrator::veil::Veil;
use crate::task::{EventKind, IntentSource, PlanSource, TaskRequest, TaskResult, TaskStatus, Usage};

impl Engine {
    /// What this request asks, where another task may answer it.
    pub(super) async fn question(
        &self,
        request: &TaskRequest,
        veil: &Veil,
        tenant: Option<String>,
    ) -> Option<Question> {
        let answers = self.answers.as_ref()?;
        // Answers that rest on documents cannot be told from others; where nobody counts their changes none is given again.
        let documents = self.memory.documents.version().await;
        let documents = documents.inspect_err(|error| tracing::warn!(%error, "no answer is given again"));
        let asked = Asked {
            tenant,
            arms: self.registry.version(),
            documents: documents.ok()??,
            values: veil.values(),
        };
        answers.question(request, asked)
    }
}

impl Driver {
    /// Waits until the question is answered or it is this task's turn to answer it; obeys commands meanwhile. Nothing else
    /// waits for it: it has not taken a place among the tasks that run.
    pub(super) async fn hear(&mut self) -> Result<()> {
        let Some(mut question) = self.question.take() else { return Ok(()) };
        let deadline = self.instant(self.state.deadline_at());
        let engine = self.engine.clone();
        while !self.is_over() {
            tokio::select! {
                biased;
                heard = question.hear() => {
                    match heard {
                        Heard::Answer(answer) => return self.answered(answer).await,
                        Heard::Turn => self.question = Some(question),
                        Heard::Alone => {}
                    }
                    return Ok(());
                }
                command = self.commands.recv() => self.obey(command).await?,
                () = engine.stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(deadline) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Ends the task with what another one answered.
    async fn answered(&mut self, Answer { result, confidence }: Answer) -> Result<()> {
        let usage = Usage { cache_hits: 1, ..Usage::default() };
        let (step, verdict) = (None, "answer".to_owned());
        self.append(EventKind::ReflexReacted { step, verdict, found: Default::default(), usage })?;
        self.append(EventKind::TaskCompleted { result, confidence, usage: Usage::default() })?;
        self.flush().await
    }

    /// What the task does changes the world or is true for a moment only, so that whoever asks the same must do it himself.
    pub(super) async fn answers_nobody_else(&mut self) {
        if let Some(question) = self.question.take() {
            question.give_up().await;
        }
    }

    /// Tells those who wait how the task ended. A task that was cancelled says nothing about its question: the next one
    /// takes it up. One that failed says no more than that each has to try for himself.
    pub(super) async fn tell_the_answer(&mut self) {
        let Some(question) = self.question.take() else { return };
        if self.state.status() == TaskStatus::Cancelled {
            return;
        }
        match self.worth_keeping(&question) {
            Some(kept) => question.give(kept).await,
            None => question.give_up().await,
        }
    }

    fn worth_keeping(&self, question: &Question) -> Option<bytes::Bytes> {
        let TaskResult { result: Some(result), confidence, .. } = self.state.result() else { return None };
        // A placeholder that the request did not bring along can be turned back in this task only; an arm that saw a value
        // may have said part of it.
        let fit = self.state.status() == TaskStatus::Completed
            && self.veil.is_tight(question.values())
            && !self.varied.load(Ordering::Acquire)
            && !self.rules_stood_in();
        let answer = Answer { result, confidence };
        let answers = self.engine.answers.as_ref().filter(|_| fit)?;
        answers.worth_keeping(question, self.state.request(), self.engine.registry.version(), &answer)
    }

    /// Whether a model was to think that could not be had: the next task may be luckier.
    fn rules_stood_in(&self) -> bool {
        let intent = self.state.intent().is_some_and(|intent| intent.source == IntentSource::Rules);
        let plan = self.state.plan().is_some_and(|plan| plan.source == PlanSource::Rules);
        self.engine.brain.input_filler.is_some() && (intent || plan)
    }

    /// The way from this task's arms to others.
    pub(super) fn line(&self) -> Line {
        Line { engine: self.engine.clone(), veil: self.veil.clone(), varied: self.varied.clone() }
    }
}
