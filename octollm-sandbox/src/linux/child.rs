//! The child's side: from the `clone` to the program. Every step either succeeds or ends the child with the layer's name.
//! Nothing here allocates, locks or panics: the child is a copy of one thread of a process with many.

use libc::{c_int, c_void};

use super::init;
use super::message::{self, Failure, Heard, In as _, Message};
use super::plan::{INSIDE, NOBODY, Plan};
use super::sys;
use super::{landlock, limits, mounts, privileges, seccomp};
use crate::{Layer, Level};

/// The child's end of the socket pair, once the descriptors are in order.
pub(super) const CHANNEL: c_int = 3;
/// Open in the program's process until it has become the program, and nowhere else by then: the caller sees it close.
const STARTED: c_int = 4;

/// What the child has of the caller's descriptors: all that it keeps.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) stdin: c_int,
    pub(super) stdout: c_int,
    pub(super) stderr: c_int,
    pub(super) channel: c_int,
    pub(super) started: c_int,
}

/// Memory that the child needs, made before it.
pub(super) struct Room {
    /// One for each mount.
    mounts: Vec<c_int>,
    /// For the program's process until it is the program.
    stack: Vec<u8>,
}

impl Room {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        const STACK: usize = 128 << 10;
        Self { mounts: vec![-1; plan.layout.binds.len()], stack: vec![0; STACK] }
    }
}

/// The sandbox's first process. Never returns.
pub(super) fn first(plan: &Plan<'_>, ends: Ends, room: &mut Room) -> ! {
    // Nobody hears more than that the channel is closed if this does not work.
    if tidy(ends).is_err() {
        sys::exit(1);
    }
    let program = set_up(plan, &mut room.mounts).and_then(|rules| start(plan, rules, &mut room.stack));
    match program {
        Ok(program) => init::stay(plan.level, plan.last_resort, program),
        Err(failure) => {
            let _ = message::say(CHANNEL, Message::Failed(failure));
            sys::exit(1)
        }
    }
}

/// Puts the few descriptors that are needed in order, and closes all others.
fn tidy(ends: Ends) -> sys::Sys<()> {
    /// Above all that is about to be replaced.
    const HIGH: c_int = 16;
    let wanted = [ends.stdin, ends.stdout, ends.stderr, ends.channel, ends.started];
    let mut high = wanted;
    for (to, from) in high.iter_mut().zip(wanted) {
        *to = sys::duplicate_above(from, HIGH)?;
    }
    for (number, from) in (0..).zip(high) {
        sys::duplicate_to(from, number)?;
    }
    sys::close_from(STARTED + 1, false)
}

/// The layers that the program's own process inherits. Answers the Landlock rules, which bind only that one.
fn set_up(plan: &Plan<'_>, slots: &mut [c_int]) -> Result<Option<c_int>, Failure> {
    sys::default_signals();
    sys::file_mode_mask(0o022);
    sys::new_session().layer(Layer::Supervision)?;
    match plan.level {
        Level::Full => own_root(plan, slots)?,
        Level::Landlock | Level::None => same_root(plan)?,
    }
    sys::change_folder(&plan.folder).layer(Layer::Mounts)?;
    limits::set(&plan.limits)?;
    if plan.level == Level::None {
        return Ok(None);
    }
    privileges::drop_all()?;
    plan.rules.create().map(Some)
}

/// Ends with the thread that made this process, and with it all in its namespace. (Without a namespace it must live on, to
/// end the others: it learns of the caller's end by its channel.)
fn die_with_maker() -> Result<(), Failure> {
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as _, 0).map(drop).layer(Layer::Supervision)
}

/// Namespaces are there already, from the `clone`.
fn own_root(plan: &Plan<'_>, slots: &mut [c_int]) -> Result<(), Failure> {
    // So that the caller may write to this process's files in /proc.
    sys::prctl(libc::PR_SET_DUMPABLE, 1, 0).map(drop).layer(Layer::User)?;
    die_with_maker()?;
    await_identity()?;
    mounts::take(&plan.layout, slots)?;
    if plan.as_root {
        sys::no_groups().layer(Layer::User)?;
    }
    // Capabilities in the new namespaces survive this, since neither user is root there.
    sys::become_user(INSIDE).layer(Layer::User)?;
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).map(drop).layer(Layer::Privileges)?;
    // Changing the user has undone it.
    die_with_maker()?;
    let work = mounts::build(&plan.layout, slots)?;
    mounts::give(work, &plan.files)?;
    message::say_with(CHANNEL, Message::Work, work).layer(Layer::Supervision)?;
    sys::set_host_name(c"sandbox").layer(Layer::Namespaces)?;
    privileges::close_doors()
}

fn await_identity() -> Result<(), Failure> {
    message::say(CHANNEL, Message::Ready).layer(Layer::Supervision)?;
    // SAFETY: the descriptor stays open as long as this process lives.
    let channel = unsafe { std::os::fd::BorrowedFd::borrow_raw(CHANNEL) };
    match message::hear(&channel, 0) {
        Ok(Heard::Message(Message::Go, _)) => Ok(()),
        // The caller is gone, or has no use for this child.
        _ => sys::exit(1),
    }
}

/// Without namespaces: descendants whose parent ends become this process's children, so that none gets lost.
fn same_root(plan: &Plan<'_>) -> Result<(), Failure> {
    sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0).map(drop).layer(Layer::Supervision)?;
    if plan.as_root && plan.level == Level::Landlock {
        privileges::close_doors()?;
        sys::no_groups().layer(Layer::User)?;
        sys::become_user(NOBODY).layer(Layer::User)?;
    }
    if plan.level == Level::Landlock {
        sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).map(drop).layer(Layer::Privileges)?;
    }
    message::say(CHANNEL, Message::Work).layer(Layer::Supervision)
}

/// The program's process. Its own part is what this one must stay free of: Landlock, so that it may not reach this one,
/// and the filter.
///
/// The first process is a copy of the caller, which may be large: this one is no copy of that again.
fn start(plan: &Plan<'_>, rules: Option<c_int>, stack: &mut [u8]) -> Result<libc::pid_t, Failure> {
    let mut next = Next { plan, rules };
    // SAFETY: `execute` makes system calls only and does not return; `next` is there until this process goes on.
    let child = unsafe { sys::clone_to_execute(stack, execute, (&raw mut next).cast()) };
    sys::close(STARTED);
    child.layer(Layer::Start)
}

/// What the program's process is told.
struct Next<'a> {
    plan: &'a Plan<'a>,
    rules: Option<c_int>,
}

extern "C" fn execute(next: *mut c_void) -> c_int {
    // SAFETY: `start` passes a `Next`, and waits.
    let next = unsafe { &*next.cast::<Next<'_>>() };
    let failure = become_program(next.plan, next.rules);
    let _ = message::say(CHANNEL, Message::Failed(failure));
    sys::exit(1)
}

fn become_program(plan: &Plan<'_>, rules: Option<c_int>) -> Failure {
    let prepared = sys::new_session()
        .layer(Layer::Supervision)
        .and_then(|()| die_with_maker())
        .and_then(|()| sys::close_from(CHANNEL, true).layer(Layer::Supervision))
        .and_then(|()| rules.map_or(Ok(()), landlock::restrict))
        .map(|()| sys::unblock_signals())
        .and_then(|()| seccomp::set(&plan.filters));
    if let Err(failure) = prepared {
        return failure;
    }
    // SAFETY: `Strings` are lists of terminated strings that end with a null pointer.
    let errno = unsafe { sys::execute(&plan.program, plan.arguments.as_ptr(), plan.environment.as_ptr()) };
    Failure { layer: Layer::Start, errno, place: super::message::NOWHERE }
}
