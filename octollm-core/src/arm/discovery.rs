//! Finds arms behind HTTP and keeps an eye on them.
//!
//! Addresses come from a list that is written down (`ARM_REGISTRY`) and from a registry that answers one
//! (`ARM_REGISTRY_URL`). One task in the background asks each address who is there, and again how it is: an arm that
//! comes late is added, one that answers differently after an update is replaced, one that does not answer is
//! unhealthy until it does. It is removed only when its address leaves the list, or another arm answers there: who
//! restarts should find its steps waiting, not failed.

mod registry;
mod scanner;
#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use self::scanner::Scanner;
use super::{Arm, HealthStatus, HttpArmOptions};
use crate::error::{Error, ErrorKind, Result};

/// Where arms are entered: the registry of an orchestrator.
pub trait ArmDirectory: Send + Sync {
    /// Enters an arm. One that was entered by discovery under the same id is replaced.
    ///
    /// # Errors
    /// Where the arm cannot be entered, as when its id belongs to an arm in process. It is offered again with every
    /// scan.
    fn add(&self, arm: Arc<dyn Arm>, url: Option<String>) -> Result<()>;

    /// Takes an arm out. Calls that run are not disturbed.
    fn remove(&self, arm_id: &str);

    /// Says how an arm is. Told with every poll, changed or not, so that a breaker can take it as a hint.
    fn set_health(&self, arm_id: &str, health: HealthStatus);
}

/// Where to look, and how often.
#[derive(Debug, Clone)]
pub struct DiscoveryOptions {
    /// Addresses of arms: `ARM_REGISTRY`.
    pub urls: Vec<String>,
    /// A page that answers addresses of arms: `ARM_REGISTRY_URL`. It answers a JSON array, or `{"arms": [...]}`, whose
    /// items are addresses or objects with a `url`.
    pub registry_url: Option<String>,
    /// Between two looks at the registry and at every arm's capabilities.
    pub interval: Duration,
    /// Between two looks at every arm's health, and at the addresses where nobody answered.
    pub health_interval: Duration,
    /// Addresses that are asked at once.
    pub concurrency: usize,
    /// How arms are spoken to.
    pub arm: HttpArmOptions,
}

impl Default for DiscoveryOptions {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            registry_url: None,
            interval: Duration::from_secs(60),
            health_interval: Duration::from_secs(10),
            concurrency: 16,
            arm: HttpArmOptions::default(),
        }
    }
}

/// Discovery at work. Dropping it ends it; the arms that it entered stay.
#[derive(Debug)]
pub struct Discovery {
    task: JoinHandle<()>,
    scanned: watch::Receiver<bool>,
}

impl Discovery {
    /// Starts to look, in the background of the current tokio runtime. What it finds is entered in `directory`.
    ///
    /// # Errors
    /// `invalid_input` for an address that is none, `not_configured` where HTTP cannot be set up. Arms that do not answer
    /// are no error.
    pub fn start(options: DiscoveryOptions, directory: Arc<dyn ArmDirectory>) -> Result<Self> {
        let pause = options.health_interval.max(Duration::from_millis(10));
        let interval = options.interval;
        let mut scanner = Scanner::new(options, directory)?;
        let (done, scanned) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let started = Instant::now();
                scanner.scan().await;
                done.send_replace(true);
                while started.elapsed() < interval {
                    sleep(jittered(pause)).await;
                    scanner.poll().await;
                }
            }
        });
        Ok(Self { task, scanned })
    }

    /// Waits until every address was asked once.
    ///
    /// # Errors
    /// `internal` if discovery has ended before that.
    pub async fn first_scan(&self) -> Result<()> {
        let ended = |_| Error::new(ErrorKind::Internal, "discovery has ended");
        self.scanned.clone().wait_for(|done| *done).await.map(drop).map_err(ended)
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A tenth more or less, so that many orchestrators do not ask in step.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let percent = u32::try_from(random % 21).unwrap_or(10) + 90;
    pause.saturating_mul(percent) / 100
}
