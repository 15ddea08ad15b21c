//! The threads that all orchestrators of this process share.

use std::sync::OnceLock;

use octollm_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Runtime};

/// The runtime, from the first use to the end of the process.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<(u32, Runtime)>> = OnceLock::new();
    let started = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().thread_name("octollm").enable_all().build().ok()?;
        Some((std::process::id(), runtime))
    });
    match started {
        Some((process, runtime)) if *process == std::process::id() => Ok(runtime),
        Some(_) => Err(Error::new(ErrorKind::Conflict, "OctoLLM cannot be used after a fork").with_hint(
            "use multiprocessing's start method \"spawn\", or fork before the first orchestrator is made",
        )),
        None => Err(Error::new(ErrorKind::Unavailable, "no threads can be started")),
    }
}
