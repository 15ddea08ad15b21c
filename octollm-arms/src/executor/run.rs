//! A run in the sandbox, from async code.
//!
//! The sandbox blocks its thread until everything that it started is gone, so each run has a thread of its own, and there
//! are as many as the policy allows at once. A caller who goes away stops the run; its place is free when it has ended.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use octollm_core::arm::Progress;
use octollm_core::task::TaskError;
use octollm_core::{Error, ErrorKind, Fault, Result};
use octollm_sandbox::{Command, Control, End, Layer, Outcome, Sandbox, SandboxError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::output;
use super::proxy::Proxy;

/// Between two lines that are reported as progress.
const PAUSE: Duration = Duration::from_millis(100);
/// Characters of a line that are reported.
const LINE: usize = 200;

/// Runs commands in one sandbox.
#[derive(Debug)]
pub(super) struct Runner {
    sandbox: Sandbox,
    places: Arc<Semaphore>,
}

impl Runner {
    pub(super) fn new(sandbox: Sandbox, at_once: u32) -> Self {
        Self { sandbox, places: Arc::new(Semaphore::new(at_once as usize)) }
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Runs a command to its end, or stops it when this future is dropped. What it writes is reported line by line.
    /// What it may reach of the network it reaches through the proxy, which ends with it.
    pub(super) async fn run(
        &self,
        command: Command,
        proxy: Option<Proxy>,
        progress: &Progress,
    ) -> Result<Outcome> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| Error::new(ErrorKind::Internal, "the executor has no places"))?;
        let (sender, listener) = oneshot::channel();
        let control = Control::new().with_output(reporter(progress.clone())).with_listener(move |listener| {
            // Where nobody serves, the socket closes, and a program finds nobody there.
            let _ = sender.send(listener);
        });
        let _stop = StopOnDrop(control.clone());
        let outcome = start(self.sandbox.clone(), command, control, place)?;
        let serving = async {
            match (proxy, listener.await) {
                (Some(proxy), Ok(listener)) => proxy.serve(listener).await,
                _ => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            outcome = outcome => outcome,
            () = serving => return Err(Error::new(ErrorKind::Internal, "the run's proxy ended before it")),
        };
        let outcome = outcome.map_err(|_| Error::new(ErrorKind::Internal, "the run broke off"))?;
        outcome.map_err(|error| refused(&error, self.sandbox.level.name()))
    }
}

struct StopOnDrop(Control);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn start(
    sandbox: Sandbox,
    command: Command,
    control: Control,
    place: OwnedSemaphorePermit,
) -> Result<oneshot::Receiver<Result<Outcome, SandboxError>>> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        let outcome = sandbox.run(&command, &control);
        drop(place);
        // Nobody listens any more where the caller went away.
        let _ = sender.send(outcome);
    };
    std::thread::Builder::new().name("octollm-sandbox".into()).spawn(work).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "no thread can be started for the run").with_source(cause)
    })?;
    Ok(receiver)
}

/// Reports the last whole line of what is written, ten times a second at most.
fn reporter(progress: Progress) -> impl FnMut(octollm_sandbox::Stream, &[u8]) + Send + 'static {
    let mut last: Option<Instant> = None;
    move |_, bytes| {
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        if let Some(line) = lines.next_back() {
            let line: String = output::text(line).chars().take(LINE).collect();
            progress.report(&line, None);
            last = Some(Instant::now());
        }
    }
}

/// Nothing was run: a layer of the sandbox is missing.
pub(super) fn refused(error: &SandboxError, level: &str) -> Error {
    if let Some(fault) = of_the_request(error) {
        return Error::invalid("the executor's request is invalid", vec![fault]);
    }
    let hint = match error.layer() {
        Layer::Request | Layer::Start | Layer::Limits => error.hint().to_owned(),
        _ => format!(
            "{}. `octollm-server doctor` shows every layer; a policy may ask for less by name (sandbox = \"landlock\" or \
             \"none\")",
            error.hint()
        ),
    };
    Error::new(ErrorKind::NotConfigured, error.to_string())
        .with_context("layer", error.layer().name())
        .with_context("sandbox", level.to_owned())
        .with_hint(hint)
}

/// What no sandbox could have done: a file that cannot be made, or more arguments than the system takes. Of all paths, those
/// of the request's files alone are relative.
fn of_the_request(error: &SandboxError) -> Option<Fault> {
    let cause = error.errno().map(std::io::Error::from_raw_os_error)?;
    let is_given = error.path().is_some_and(Path::is_relative);
    match error.layer() {
        Layer::Mounts if is_given => {
            let detail = format!(
                "has a file that cannot be made ({cause}): the policy's `work_mib` and `work_files` bound them all"
            );
            Some(Fault::new("/files", detail))
        }
        Layer::Start if cause.kind() == std::io::ErrorKind::ArgumentListTooLong => {
            Some(Fault::new("/args", "are longer, with the variables, than this system takes"))
        }
        _ => None,
    }
}

/// Why a run did not end by itself.
pub(super) fn cut_off(end: End, wall: Duration) -> Option<TaskError> {
    let (kind, message, hint) = match end {
        End::Exit(_) => return None,
        End::Signal(signal) => {
            (ErrorKind::ArmFailed, format!("signal {signal} ended it"), "9 may be the kernel, out of memory")
        }
        End::WallTime => (
            ErrorKind::Timeout,
            format!("it did not end within {} s", wall.as_secs_f32()),
            "raise `timeout_seconds`, within the policy's `wall_seconds` and the step's own time",
        ),
        End::CpuTime => (
            ErrorKind::Timeout,
            "it took more processor time than the policy allows".to_owned(),
            "the policy's `cpu_seconds` says how much",
        ),
        End::Memory => (
            ErrorKind::TooLarge,
            "it took more memory than the policy allows".to_owned(),
            "the policy's `memory_mib` says how much",
        ),
        End::Storage => (
            ErrorKind::TooLarge,
            "it wrote more files or bytes than the policy allows".to_owned(),
            "the policy's `work_mib` and `work_files` say how many",
        ),
        End::Stopped => (ErrorKind::Cancelled, "it was stopped".to_owned(), "somebody cancelled the task"),
        _ => (ErrorKind::ArmFailed, "it did not end by itself".to_owned(), "its output may say more"),
    };
    Some(TaskError { hint: Some(hint.to_owned()), ..TaskError::new(kind, message) })
}
