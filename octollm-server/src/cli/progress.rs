//! How far a task is, live on stderr: one line a step.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use octollm_core::task::{Event, EventKind, Then};

use super::output::{Output, one_line};

const TICK: Duration = Duration::from_millis(120);
/// Characters of a step's action that are shown.
const WIDTH: usize = 72;

/// Shows what happens to one task.
pub(super) struct Progress {
    /// `None` where nobody looks.
    lines: Option<MultiProgress>,
    actions: BTreeMap<u32, String>,
    bars: BTreeMap<u32, ProgressBar>,
}

impl Progress {
    /// Progress on stderr, if a person reads it.
    pub(super) fn new(output: Output) -> Self {
        let lines = output.shows_progress().then(MultiProgress::new);
        Self { lines, actions: BTreeMap::new(), bars: BTreeMap::new() }
    }

    /// Takes an event in.
    pub(super) fn observe(&mut self, event: &Event) {
        match &event.kind {
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
    pub(super) fn finish(&self, output: Output) {
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
        let bar = self.bars.entry(step).or_insert_with(|| {
            let bar = lines.add(ProgressBar::new_spinner());
            bar.set_style(style());
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_prefix(format!("step {step} [{}]", one_line(arm, WIDTH)));
        bar.set_message(if attempt > 1 { format!("attempt {attempt}: {action}") } else { action });
    }

    fn action(&self, step: u32) -> &str {
        self.actions.get(&step).map_or("", String::as_str)
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

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_strings(&["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", " "])
}
