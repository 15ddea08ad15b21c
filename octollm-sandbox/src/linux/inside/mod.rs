//! The sandbox's first process, from its beginning to its end.
//!
//! ```text
//! the caller   clone into new namespaces, sharing memory ── execve ─► first process: plan, layers, then reaps (init)
//!                                                                         | fork
//!                                                                     program's process: Landlock, filter, execve
//! ```
//!
//! It is a program of its own: a few KiB without any library, which `build.rs` builds from this folder and the caller holds
//! in memory. A copy of the caller would cost what its page tables cost, and hold its secrets. The plan comes as one file in
//! memory. So everything here is core only, makes system calls itself, and neither allocates nor panics; where that
//! program cannot be had or executed, the caller forks and calls the same code.
//!
//! Every step either succeeds or ends the process with the layer's name.

pub(crate) mod abi;
pub(crate) mod call;
mod mounts;
pub(crate) mod plan;
mod privileges;
pub(crate) mod sys;
mod watch;
pub(crate) mod wire;

use call::Sys;
use plan::{Plan, Reader, Rules};
use wire::{Failure, In as _, Message, NOWHERE, say, say_with};

use crate::{Layer, Level};

/// The user inside the namespaces, and the one it is outside when the caller is root.
pub(crate) const INSIDE: u32 = 1000;
pub(crate) const NOBODY: u32 = 65534;

/// The process's end of the socket pair.
pub(crate) const CHANNEL: i32 = 3;
/// Open in the program's process until it has become the program, and nowhere else by then: the caller sees it close.
const STARTED: i32 = 4;
/// The plan, until it is read.
const PLAN: i32 = 5;

/// What it has of the caller's descriptors.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    /// Standard input, output and error; then the three above.
    pub(crate) all: [i32; 6],
    /// Whether it is in namespaces of its own.
    pub(crate) apart: bool,
    /// The program to become, if it is to become one.
    pub(crate) image: Option<i32>,
}

/// Becomes the first process: puts the few descriptors that it needs in order, and lets go of all others. Only answers when
/// that failed. For a process that may share its memory with the caller, which waits.
pub(crate) fn become_first(ends: Ends) -> i32 {
    match prepare(ends) {
        Ok(Some(image)) => {
            let name = [c"octollm-init".as_ptr(), core::ptr::null()];
            // SAFETY: lists of terminated strings with a null pointer at the end; the second is empty.
            unsafe { sys::execute_open(image, name.as_ptr(), name[1..].as_ptr()) }
        }
        Ok(None) => first(),
        Err(errno) => errno,
    }
}

fn prepare(ends: Ends) -> Sys<Option<i32>> {
    /// Above all that is about to be replaced.
    const HIGH: i32 = 16;
    let mut high = ends.all;
    for (to, from) in high.iter_mut().zip(ends.all) {
        *to = sys::duplicate_above(from, HIGH)?;
    }
    let image = ends.image.map(|image| sys::duplicate_above(image, HIGH)).transpose()?;
    for (number, from) in (0..).zip(high) {
        sys::duplicate_to(from, number)?;
    }
    sys::close_from(PLAN + 1, image.is_some())?;
    if image.is_some() && ends.apart {
        // Those in the new namespaces. Without any, it has what the caller has, and keeps it anyway.
        sys::keep_capabilities()?;
    }
    Ok(image)
}

/// The first process. Never returns.
pub(crate) fn first() -> ! {
    sys::set_name(c"octollm-init");
    let (plan, program) = match set_up().and_then(|(plan, rules)| Ok((start(&plan, rules)?, plan))) {
        Ok((program, plan)) => (plan, program),
        Err(failure) => {
            let _ = say(CHANNEL, Message::Failed(failure));
            sys::exit(1)
        }
    };
    watch::stay(plan.level, plan.last_resort, program)
}

/// The layers that the program's own process inherits. Answers the Landlock rules, which bind only that one.
fn set_up() -> Result<(Plan, Option<i32>), Failure> {
    let (memory, length) = sys::map(PLAN).layer(Layer::Supervision)?;
    sys::close(PLAN);
    // SAFETY: the mapping is this process's own, begins at a page, and stays.
    let plan = Plan::read(&mut unsafe { Reader::new(memory, length) })?;
    sys::default_signals();
    sys::file_mode_mask(0o022);
    sys::new_session().layer(Layer::Supervision)?;
    match plan.level {
        Level::Full => own_root(&plan)?,
        Level::Landlock | Level::None => same_root(&plan)?,
    }
    sys::change_folder(plan.folder).layer(Layer::Mounts)?;
    for limit in plan.limits.clone() {
        sys::set_limit(limit.resource, limit.soft, limit.hard).layer(Layer::Limits)?;
    }
    if plan.level == Level::None {
        return Ok((plan, None));
    }
    privileges::drop_all()?;
    let rules = create(&plan.rules, plan.port)?;
    Ok((plan, Some(rules)))
}

/// Ends with the thread that made this process, and with it all in its namespace. (Without a namespace it must live on, to
/// end the others: it learns of the caller's end by its channel.)
fn die_with_maker() -> Result<(), Failure> {
    sys::prctl(abi::PR_SET_PDEATHSIG, abi::SIGKILL as usize, 0).layer(Layer::Supervision)
}

/// Namespaces are there already, from the `clone`.
fn own_root(plan: &Plan) -> Result<(), Failure> {
    // So that the caller may write to this process's files in /proc.
    sys::prctl(abi::PR_SET_DUMPABLE, 1, 0).layer(Layer::User)?;
    die_with_maker()?;
    await_identity()?;
    let mut mounts = [-1; mounts::MOST];
    mounts::take(plan, &mut mounts)?;
    if plan.as_root {
        sys::no_groups().layer(Layer::User)?;
    }
    // Capabilities in the new namespaces survive this, since neither user is root there.
    sys::become_user(INSIDE).layer(Layer::User)?;
    sys::prctl(abi::PR_SET_DUMPABLE, 0, 0).layer(Layer::Privileges)?;
    // Changing the user has undone it.
    die_with_maker()?;
    let work = mounts::build(plan, &mounts)?;
    mounts::give(work, plan.given.clone())?;
    say_with(CHANNEL, Message::Work, work).layer(Layer::Supervision)?;
    sys::set_host_name(c"sandbox").layer(Layer::Namespaces)?;
    if plan.port != 0 {
        let listener = sys::listen_on_loopback(plan.port).layer(Layer::Network)?;
        say_with(CHANNEL, Message::Listening, listener).layer(Layer::Network)?;
        sys::close(listener);
    }
    privileges::close_doors()
}

fn await_identity() -> Result<(), Failure> {
    say(CHANNEL, Message::Ready).layer(Layer::Supervision)?;
    let mut packet = [0; wire::SIZE];
    match sys::read(CHANNEL, &mut packet) {
        Ok(wire::SIZE) if Message::decode(&packet) == Some(Message::Go) => Ok(()),
        // The caller is gone, or has no use for this process.
        _ => sys::exit(1),
    }
}

/// Without namespaces: descendants whose parent ends become this process's children, so that none gets lost.
fn same_root(plan: &Plan) -> Result<(), Failure> {
    sys::prctl(abi::PR_SET_CHILD_SUBREAPER, 1, 0).layer(Layer::Supervision)?;
    if plan.as_root && plan.level == Level::Landlock {
        privileges::close_doors()?;
        sys::no_groups().layer(Layer::User)?;
        sys::become_user(NOBODY).layer(Layer::User)?;
    }
    if plan.level == Level::Landlock {
        sys::prctl(abi::PR_SET_DUMPABLE, 0, 0).layer(Layer::Privileges)?;
    }
    say(CHANNEL, Message::Work).layer(Layer::Supervision)
}

/// Makes Landlock's rules known to the kernel, with paths as they are here and now. Binds nobody yet.
fn create(rules: &Rules, port: u16) -> Result<i32, Failure> {
    if rules.missing != 0 {
        return Err(rules.missing).layer(Layer::Landlock);
    }
    let ruleset = sys::create_ruleset(&rules.attributes, rules.size).layer(Layer::Landlock)?;
    for rule in rules.paths.clone() {
        sys::allow_path(ruleset, rule.allowed, rule.path).place(Layer::Landlock, rule.place)?;
    }
    if rules.port != 0 {
        sys::allow_port(ruleset, rules.port, port).layer(Layer::Landlock)?;
    }
    Ok(ruleset)
}

/// The program's process. Its own part is what this one must stay free of: Landlock, so that it may not reach this one,
/// and the filter.
fn start(plan: &Plan, rules: Option<i32>) -> Result<i32, Failure> {
    let Some(child) = sys::fork().layer(Layer::Start)? else {
        let failure = become_program(plan, rules);
        let _ = say(CHANNEL, Message::Failed(failure));
        sys::exit(1)
    };
    sys::close(STARTED);
    Ok(child)
}

fn become_program(plan: &Plan, rules: Option<i32>) -> Failure {
    let prepared = sys::new_session()
        .layer(Layer::Supervision)
        .and_then(|()| die_with_maker())
        .and_then(|()| sys::close_from(CHANNEL, true).layer(Layer::Supervision))
        .and_then(|()| rules.map_or(Ok(()), sys::restrict_to).layer(Layer::Landlock))
        .map(|()| sys::unblock_signals())
        .and_then(|()| plan.filters.clone().try_for_each(sys::filter).layer(Layer::Seccomp));
    if let Err(failure) = prepared {
        return failure;
    }
    // SAFETY: `Reader::strings` makes lists of terminated strings that end with a null pointer.
    let errno = unsafe { sys::execute(plan.program, plan.arguments, plan.environment) };
    Failure { layer: Layer::Start, errno, place: NOWHERE }
}
