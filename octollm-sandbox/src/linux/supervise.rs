//! The caller's side of a run: takes the output, watches time, memory and processor, and ends the tree for the first
//! reason there is.

use std::io::{self, PipeReader, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use super::inside::wire::Message;
use super::message::{Heard, hear};
use super::plan::Plan;
use super::scratch::Scratch;
use super::spawn::{Child, Outputs};
use super::{sys, tree};
use crate::{Command, Control, End, Layer, Limits, Output, SandboxError, Stream};

/// How often the tree is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long a tree without namespaces has to end before it is killed from here.
const GRACE: Duration = Duration::from_secs(5);
/// At most this much is read of an output before the next look at everything else.
const TURN: usize = 16;
/// More than the longest pipe. Not without end: without namespaces, a process that got away may write still.
const LAST_TURN: usize = 64;
const CHUNK: usize = 64 << 10;

/// How a run ended, and what is left of it.
pub(super) struct Finished {
    pub(super) end: End,
    pub(super) cpu: Duration,
    pub(super) work: Option<OwnedFd>,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

pub(super) struct Watch<'a> {
    plan: &'a Plan<'a>,
    limits: &'a Limits,
    control: &'a Control,
    scratch: Option<&'a Scratch>,
    started: Instant,
    child: Child,
    stdout: Drain,
    stderr: Drain,
    /// Until the program has started: what there is before may be a copy of this process, and is no use of the program's.
    starting: Option<PipeReader>,
    is_set_up: bool,
    work: Option<OwnedFd>,
    failure: Option<SandboxError>,
    ended: Option<(i32, Duration)>,
    /// Why it is being ended from here, and since when.
    reason: Option<(End, Instant)>,
    next_look: Instant,
    looks: u32,
    cpu: Duration,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        plan: &'a Plan<'a>,
        command: &'a Command,
        control: &'a Control,
        scratch: Option<&'a Scratch>,
        started: Instant,
        (child, outputs): (Child, Outputs),
    ) -> Self {
        let limit = command.limits.output_bytes;
        Self {
            plan,
            limits: &command.limits,
            control,
            scratch,
            started,
            child,
            stdout: Drain::new(Stream::Stdout, outputs.stdout, limit),
            stderr: Drain::new(Stream::Stderr, outputs.stderr, limit),
            starting: Some(outputs.started),
            is_set_up: false,
            work: None,
            failure: None,
            ended: None,
            reason: None,
            next_look: started + TICK,
            looks: 0,
            cpu: Duration::ZERO,
        }
    }

    /// Stays until the first process is gone, and so all of them.
    pub(super) fn until_end(mut self) -> Result<Finished, SandboxError> {
        while !self.wait()? {
            if self.starting.is_some() && self.has_started() {
                self.starting = None;
            }
            self.stdout.take(self.control, TURN);
            self.stderr.take(self.control, TURN);
            self.listen()?;
            self.judge();
        }
        self.listen()?;
        self.child.reap();
        // Whatever is in the pipes now is all that there will be.
        self.stdout.take(self.control, LAST_TURN);
        self.stderr.take(self.control, LAST_TURN);
        self.finish()
    }

    /// Waits until there is something to do: whether the first process has ended.
    fn wait(&self) -> Result<bool, SandboxError> {
        let now = Instant::now();
        let until = self.next_look.min(self.started + self.limits.wall.saturating_add(TICK)).max(now);
        let time = if self.reason.is_some() { TICK } else { until - now };
        let mut events = [
            self.child.pidfd.as_raw_fd(),
            if self.ended.is_none() { self.child.channel.as_raw_fd() } else { -1 },
            self.stdout.number(),
            self.stderr.number(),
        ]
        .map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
        // Rounded up, so as not to come back just before the time.
        let time = i32::try_from(time.as_millis() + 1).unwrap_or(i32::MAX);
        sys::poll(&mut events, time).map_err(|errno| SandboxError::errno_of(Layer::Supervision, errno))?;
        Ok(events[0].revents != 0)
    }

    fn has_started(&self) -> bool {
        let Some(starting) = &self.starting else { return true };
        let mut event = [libc::pollfd { fd: starting.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        sys::poll(&mut event, 0).is_ok() && event[0].revents != 0
    }

    /// Hears what the first process has to say.
    fn listen(&mut self) -> Result<(), SandboxError> {
        loop {
            let heard = hear(&self.child.channel, libc::MSG_DONTWAIT)
                .map_err(|errno| SandboxError::errno_of(Layer::Supervision, errno))?;
            let (message, given) = match heard {
                Heard::Message(message, given) => (message, given),
                Heard::Later | Heard::Nothing => return Ok(()),
            };
            match message {
                Message::Ready => self.child.identify(self.plan.as_root)?,
                Message::Work => {
                    self.is_set_up = true;
                    self.work = given;
                    if !tree::is_visible(self.child.pid) {
                        return Err(SandboxError::errno_of(Layer::Supervision, libc::ENOENT).at("/proc"));
                    }
                }
                Message::Failed(failure) => {
                    let error = SandboxError::errno_of(failure.layer, failure.errno);
                    let place = self.plan.place(failure.place);
                    self.failure.get_or_insert(place.into_iter().fold(error, SandboxError::at));
                }
                Message::Ended(status, cpu) => self.ended = Some((status, Duration::from_micros(cpu))),
                Message::Listening => {
                    if let Some(listener) = given {
                        self.control.listening(listener.into());
                    }
                }
                Message::Go => {}
            }
        }
    }

    /// Ends the tree for the first reason there is.
    fn judge(&mut self) {
        let now = Instant::now();
        match self.reason {
            Some((_, since)) if now > since + GRACE => self.child.end_by_force(),
            Some(_) => {}
            None if self.ended.is_some() || self.failure.is_some() => {
                // It ends by itself; and if it does not, then it is made to.
                if self.ended.is_some() && now > self.started + self.limits.wall + GRACE {
                    self.child.end_by_force();
                }
            }
            None => {
                let reason = self.reason_now(now).unwrap_or_else(|error| {
                    // A tree that cannot be measured is not left running.
                    let errno = error.raw_os_error().unwrap_or(libc::EIO);
                    self.failure.get_or_insert(SandboxError::errno_of(Layer::Supervision, errno).at("/proc"));
                    Some(End::Stopped)
                });
                if let Some(end) = reason {
                    self.reason = Some((end, now));
                    self.child.end();
                }
            }
        }
    }

    fn reason_now(&mut self, now: Instant) -> io::Result<Option<End>> {
        if self.control.is_stopped() {
            return Ok(Some(End::Stopped));
        }
        if now >= self.started + self.limits.wall {
            return Ok(Some(End::WallTime));
        }
        if now < self.next_look {
            return Ok(None);
        }
        if self.starting.is_some() {
            self.next_look = now + TICK;
            return Ok(None);
        }
        self.next_look = now + TICK;
        self.looks = self.looks.wrapping_add(1);
        let usage = tree::usage(self.child.pid)?;
        self.cpu = self.cpu.max(usage.cpu);
        if usage.memory > self.limits.memory {
            return Ok(Some(End::Memory));
        }
        if usage.cpu > self.limits.cpu {
            return Ok(Some(End::CpuTime));
        }
        // A walk over a folder costs more than a look at a few processes.
        let is_full = |scratch: &Scratch| {
            scratch.exceeds(self.limits.work_bytes, self.limits.work_files, self.child.pid)
        };
        Ok((self.looks.is_multiple_of(4) && self.scratch.is_some_and(is_full)).then_some(End::Storage))
    }

    fn finish(mut self) -> Result<Finished, SandboxError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let cpu = self.ended.map_or(self.cpu, |(_, cpu)| cpu.max(self.cpu));
        let end = match (self.ended, self.reason) {
            (Some((status, _)), _) => self.end_of(status, cpu),
            (None, Some((end, _))) => end,
            // The first process was killed by somebody else.
            (None, None) if self.is_set_up => End::Signal(libc::SIGKILL),
            (None, None) => return Err(SandboxError::new(Layer::Supervision)),
        };
        let Self { work, stdout, stderr, .. } = self;
        Ok(Finished { end, cpu, work, stdout: stdout.output, stderr: stderr.output })
    }

    fn end_of(&self, status: i32, cpu: Duration) -> End {
        if libc::WIFEXITED(status) {
            return End::Exit(libc::WEXITSTATUS(status));
        }
        match libc::WTERMSIG(status) {
            libc::SIGXCPU => End::CpuTime,
            libc::SIGKILL if cpu >= self.limits.cpu => End::CpuTime,
            libc::SIGXFSZ => End::Storage,
            signal => End::Signal(signal),
        }
    }
}

/// One output: read as long as there is something, kept up to a limit.
struct Drain {
    stream: Stream,
    pipe: Option<PipeReader>,
    output: Output,
    limit: usize,
}

impl Drain {
    fn new(stream: Stream, pipe: PipeReader, limit: usize) -> Self {
        Self { stream, pipe: Some(pipe), output: Output::default(), limit }
    }

    fn number(&self) -> i32 {
        self.pipe.as_ref().map_or(-1, |pipe| pipe.as_raw_fd())
    }

    /// Reads until there is nothing more now, or its turn is over.
    fn take(&mut self, control: &Control, turns: usize) {
        let mut chunk = [0; CHUNK];
        for _ in 0..turns {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(size) => {
                    let bytes = chunk.get(..size).unwrap_or_default();
                    let room = self.limit.saturating_sub(self.output.bytes.len()).min(size);
                    let (kept, rest) = bytes.split_at(room);
                    self.output.bytes.extend_from_slice(kept);
                    self.output.truncated |= !rest.is_empty();
                    if !kept.is_empty() {
                        control.output(self.stream, kept);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }
}
