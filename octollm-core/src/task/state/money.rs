//! What the task's budget still allows.

use super::TaskState;
use crate::error::ErrorKind;
use crate::task::{Budget, Grant, StepStatus, TaskError};

impl TaskState {
    fn budget(&self) -> Option<&Budget> {
        self.request.budget.as_ref()
    }

    /// Why the budget forbids to go on at all, if it does.
    pub(super) fn overspent(&self) -> Option<TaskError> {
        let budget = self.budget()?;
        let (used_tokens, used_cost) = (self.usage.tokens(), self.usage.cost_usd);
        if let Some(most) = budget.max_steps.filter(|most| self.steps.len() > *most as usize) {
            return Some(exceeded(
                format!("the plan has {} steps and the budget allows {most}", self.steps.len()),
                "max_steps",
            ));
        }
        if let Some(most) = budget.max_tokens.filter(|most| used_tokens > *most) {
            return Some(exceeded(format!("used {used_tokens} tokens of {most}"), "max_tokens"));
        }
        if let Some(most) = budget.max_cost_usd.filter(|most| used_cost > *most) {
            return Some(exceeded(format!("used {used_cost:.6} US dollars of {most}"), "max_cost_usd"));
        }
        None
    }

    /// What each of `starting` steps may spend. `Ok(None)`: nothing is left until a running step settles.
    pub(super) fn grant(&self, starting: usize) -> Result<Option<Grant>, TaskError> {
        let Some(budget) = self.budget() else { return Ok(Some(Grant::default())) };
        let running =
            self.steps.iter().filter(|step| step.status == StepStatus::Running && !step.interrupted);
        let (mut reserved_tokens, mut reserved_cost, mut any_running) = (0u64, 0.0, false);
        for step in running {
            any_running = true;
            reserved_tokens = reserved_tokens.saturating_add(step.grant.tokens.unwrap_or(0));
            reserved_cost += step.grant.cost_usd.unwrap_or(0.0);
        }
        let share = starting.max(1);
        let mut grant = Grant::default();
        if let Some(most) = budget.max_tokens {
            let used = self.usage.tokens();
            if used > 0 && used >= most {
                return wait_or_fail(any_running, format!("used all {most} tokens"), "max_tokens");
            }
            let left = most.saturating_sub(used).saturating_sub(reserved_tokens);
            if left == 0 && any_running {
                return Ok(None);
            }
            grant.tokens = Some(left / share as u64);
        }
        if let Some(most) = budget.max_cost_usd {
            let used = self.usage.cost_usd;
            if used > 0.0 && used >= most {
                return wait_or_fail(any_running, format!("used all {most} US dollars"), "max_cost_usd");
            }
            let left = (most - used - reserved_cost).max(0.0);
            if left <= 0.0 && any_running {
                return Ok(None);
            }
            grant.cost_usd = Some(left / share as f64);
        }
        Ok(Some(grant))
    }

    /// What is left while nothing runs.
    pub fn left_to_spend(&self) -> Grant {
        let Some(budget) = self.budget() else { return Grant::default() };
        Grant {
            tokens: budget.max_tokens.map(|most| most.saturating_sub(self.usage.tokens())),
            cost_usd: budget.max_cost_usd.map(|most| (most - self.usage.cost_usd).max(0.0)),
        }
    }

    /// Whether another retry is within the budget.
    pub(super) fn may_retry(&self) -> bool {
        self.budget().and_then(|budget| budget.max_retries).is_none_or(|most| self.retries < most)
    }
}

fn wait_or_fail(any_running: bool, what: String, setting: &str) -> Result<Option<Grant>, TaskError> {
    if any_running { Ok(None) } else { Err(exceeded(what, setting)) }
}

fn exceeded(what: String, setting: &str) -> TaskError {
    TaskError::new(ErrorKind::BudgetExceeded, what)
        .with_hint(format!("raise `budget.{setting}` or ask for less"))
}
