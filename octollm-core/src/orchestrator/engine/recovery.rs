//! Start and stop: goes on with what an earlier process left, and leaves what runs so that a later one can.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{COMMAND_CAPACITY, Engine, driver};
use crate::arm::HealthStatus;
use crate::error::Result;

/// How often arms are asked how they are, and their statistics written.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// How long an arm may take to say how it is.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

impl Engine {
    /// Takes over unfinished tasks that nobody works on, and begins to keep statistics.
    pub(crate) async fn start(self: &Arc<Self>) -> Result<()> {
        self.registry.remember(self.memory.stats.load_stats().await?);
        if self.config.take_over {
            self.take_over().await?;
        }
        let engine = self.clone();
        self.tracker.spawn(async move { engine.watch_arms().await });
        Ok(())
    }

    /// Gives a driver to every unfinished task that no living engine works on; answers how many.
    pub(crate) async fn take_over(self: &Arc<Self>) -> Result<usize> {
        let mut claimed = self.memory.journal.claim().await?;
        // Each waits as an id for its turn, so any number of them is cheap.
        claimed.sort_by_key(|claimed| (std::cmp::Reverse(claimed.priority), claimed.task_id));
        let count = claimed.len();
        for task in claimed {
            let (sender, commands) = mpsc::channel(COMMAND_CAPACITY);
            self.drivers().insert(task.task_id, sender);
            self.spawn(driver::Start::Left(task), commands);
        }
        if count > 0 {
            tracing::info!(count, "going on with unfinished tasks");
        }
        Ok(count)
    }

    /// Stops: nothing new begins, what runs may end within `grace`, the rest is left to the next start.
    pub(crate) async fn shutdown(&self, grace: Duration) {
        self.stopping.cancel();
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
            self.leaving.cancel();
            self.tracker.wait().await;
        }
        self.save_stats().await;
    }

    async fn watch_arms(&self) {
        let mut tick = tokio::time::interval(WATCH_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tick.tick().await;
        let mut saved = self.registry.all_stats();
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            self.check_health().await;
            let stats = self.registry.all_stats();
            if stats != saved {
                self.save_stats().await;
                saved = stats;
            }
        }
    }

    /// Asks the arms of this process how they are; discovery asks those that are elsewhere.
    async fn check_health(&self) {
        let here = self.registry.snapshot();
        let here = here.values().filter(|arm| arm.url.is_none());
        futures_util::future::join_all(here.map(|arm| async move {
            let health = tokio::time::timeout(HEALTH_TIMEOUT, arm.bare().health()).await;
            let status = health.map_or(HealthStatus::Unhealthy, |health| health.status);
            self.registry.set_health(&arm.id, status);
        }))
        .await;
    }

    async fn save_stats(&self) {
        if let Err(error) = self.memory.stats.save_stats(self.registry.all_stats()).await {
            tracing::warn!(%error, "arms' statistics were not written");
        }
    }
}
