//! What another thread can do with a run: stop it, and watch its output.

use std::fmt;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Which of the two outputs a chunk comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

type Sink = Box<dyn FnMut(Stream, &[u8]) + Send>;
type Host = Box<dyn FnOnce(TcpListener) + Send>;

/// A handle on one run. Clones are the same handle.
#[derive(Clone, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    sink: Mutex<Option<Sink>>,
    host: Mutex<Option<Host>>,
}

impl Control {
    /// A handle that nobody has stopped, and that watches no output.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `sink` with every piece of output as it comes, on the thread of the run, and never with more in all than
    /// `Limits::output_bytes` of each stream. A piece is at most 64 KiB and may end within a character. The sink must
    /// not block: while it does, nothing but the last resort in the kernel watches the limits.
    #[must_use]
    pub fn with_output(self, sink: impl FnMut(Stream, &[u8]) + Send + 'static) -> Self {
        *self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(sink));
        self
    }

    /// Calls `host`, on the thread of the run, with the socket behind `Command::port`: it listens in the sandbox's network,
    /// and whoever holds it accepts outside. It outlives the run: what still holds it then hears no new connection.
    #[must_use]
    pub fn with_listener(self, host: impl FnOnce(TcpListener) + Send + 'static) -> Self {
        *self.shared.host.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(host));
        self
    }

    /// Ends the run: everything it started is killed within a tick (50 ms), and `run` answers `End::Stopped`. Also before
    /// the run has begun.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
    }

    /// Whether somebody has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    #[cfg_attr(
        not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
        expect(dead_code, reason = "nothing runs there")
    )]
    pub(crate) fn listening(&self, listener: TcpListener) {
        let host = self.shared.host.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(host) = host {
            host(listener);
        }
    }

    #[cfg_attr(
        not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
        expect(dead_code, reason = "nothing runs there")
    )]
    pub(crate) fn output(&self, stream: Stream, bytes: &[u8]) {
        if let Some(sink) = &mut *self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner) {
            sink(stream, bytes);
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}
