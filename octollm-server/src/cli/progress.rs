//! How far a task is, live on stderr: one line a step, and one for the brain while it thinks. The end of what a model
//! says moves through the line while it says it.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use octollm_core::task::{Event, EventKind, Then};

use super::output::{Output, last_line, one_line};

const TICK: Duration = Duration::from_millis(120);
/// Characters of a step's action, or of a model's words, that are shown.
const WIDTH: usize = 72;
/// Bytes of a model's words that are remembered: more than are shown, because white space is not.
const REMEMBERED: usize = 512;

/// Shows what happens to one task.
pub(super) struct Progress {
    /// `None` where nobody looks.
    lines: Option<MultiProgress>,
    actions: BTreeMap<u32, String>,
    bars: BTreeMap<u32, ProgressBar>,
    /// While the brain thinks.
    thinking: Option<ProgressBar>,
    /// What was said last for each step, or by the brain.
    said: BTreeMap<Option<u32>, Said>,
}

/// The end of an answer that is being given.
#[derive(Default)]
struct Said {
    call: u32,
    end: String,
}

impl Progress {
    /// Progress on stderr, if a person reads it.
    pub(super) fn new(output: Output) -> Self {
        let lines = output.shows_progress().then(MultiProgress::new);
        Self { lines, actions: BTreeMap::new(), bars: BTreeMap::new(), thinking: None, said: BTreeMap::new() }
    }

    /// Takes an event in.
    pub(super) fn observe(&mut self, event: &Event) {
        if !event.kind.is_live_only() {
            self.stop_thinking();
        }
        match &event.kind {
            EventKind::ModelDelta { step, call, text, .. } => self.hear(*step, *call, text),
            EventKind::PlanCreated { plan, .. } | EventKind::PlanRevised { plan, .. } => {
                let actions = plan.subtasks.iter().map(|step| (step.step, one_line(&step.action, WIDTH)));
                self.actions = actions.collect();
            }
            EventKind::StepStarted { step, arm_id, attempt, .. } => self.start(*step, arm_id, *attempt),
            EventKind::StepProgress { step, message, fraction } => {
                let part = fraction.map(|fraction| format!("{:.0} % ", fraction * 100.0)).unwrap_or_default();
                self.say(*step, &format!("{part}{}", one_line(message, WIDTH)));
            }
            EventKind::StepFailed { step, then: Then::GiveUp, error, .. } => {
                self.end(*step, "✗", &one_line(&error.message, WIDTH));
            }
            EventKind::StepFailed { step, error, .. } => {
                self.say(*step, &format!("again after: {}", one_line(&error.message, WIDTH)));
            }
            EventKind::StepCompleted { step, duration_ms, .. } => {
                self.end(*step, "✓", &format!("{duration_ms} ms"));
            }
            _ => {}
        }
    }

    /// Stops moving and begins a new line, so that the answer can be printed. What is shown stays.
    pub(super) fn finish(&mut self, output: Output) {
        self.stop_thinking();
        for bar in self.bars.values().filter(|bar| !bar.is_finished()) {
            bar.abandon();
        }
        if !self.bars.is_empty() {
            output.note("");
        }
    }

    fn start(&mut self, step: u32, arm: &str, attempt: u32) {
        let Some(lines) = &self.lines else { return };
        let action = self.action(step).to_owned();
        let bar = self.bars.entry(step).or_insert_with(|| spinner(lines));
        bar.set_prefix(format!("step {step} [{}]", one_line(arm, WIDTH)));
        bar.set_message(if attempt > 1 { format!("attempt {attempt}: {action}") } else { action });
    }

    fn action(&self, step: u32) -> &str {
        self.actions.get(&step).map_or("", String::as_str)
    }

    fn hear(&mut self, step: Option<u32>, call: u32, text: &str) {
        let Some(lines) = &self.lines else { return };
        let said = self.said.entry(step).or_default();
        said.hear(call, text);
        let line = last_line(&said.end, WIDTH);
        match step {
            Some(step) => self.say(step, &line),
            None => {
                let bar = self.thinking.get_or_insert_with(|| spinner(lines));
                bar.set_prefix("thinking");
                bar.set_message(line);
            }
        }
    }

    /// The brain's line goes again: what it thought stands in what it did.
    fn stop_thinking(&mut self) {
        if let Some(bar) = self.thinking.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&self, step: u32, message: &str) {
        if let Some(bar) = self.bars.get(&step) {
            bar.set_message(message.to_owned());
        }
    }

    fn end(&self, step: u32, mark: &str, message: &str) {
        if let Some(bar) = self.bars.get(&step) {
            bar.set_prefix(format!("{mark} {}", bar.prefix()));
            bar.finish_with_message(format!("{message}  {}", self.action(step)));
        }
    }
}

impl Said {
    fn hear(&mut self, call: u32, text: &str) {
        if self.call != call {
            self.call = call;
            self.end.clear();
        }
        self.end.push_str(text);
        let surplus = self.end.len().saturating_sub(REMEMBERED);
        self.end.drain(..self.end.ceil_char_boundary(surplus));
    }
}

fn spinner(lines: &MultiProgress) -> ProgressBar {
    let bar = lines.add(ProgressBar::new_spinner());
    bar.set_style(style());
    bar.enable_steady_tick(TICK);
    bar
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_strings(&["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", " "])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_last_answer_is_remembered() {
        let mut said = Said::default();
        said.hear(1, "an answer that breaks off");
        said.hear(2, "another ");
        said.hear(2, "one");
        assert_eq!(said.end, "another one");
        said.hear(2, &"ü".repeat(REMEMBERED));
        assert_eq!(said.end, "ü".repeat(REMEMBERED / 2));
    }
}
