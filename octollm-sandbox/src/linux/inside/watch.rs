//! What the first process does while the program runs: it reaps what is left without a parent, reports how the program
//! ended, and ends everything when the caller is gone or says so.

use super::CHANNEL;
use super::abi;
use super::call::Sys;
use super::sys::{self, PollFd};
use super::wire::{Message, say};
use crate::Level;

/// Never returns. In a process namespace of its own, the kernel kills everything in it when this process ends.
pub(super) fn stay(level: Level, last_resort: u32, program: i32) -> ! {
    sys::alarm(last_resort);
    // Its own ends of the program's pipes: others must see when the program closes its own.
    for number in 0..CHANNEL {
        sys::close(number);
    }
    if let Some(status) = watch(program) {
        let _ = say(CHANNEL, Message::Ended(status, sys::children_time()));
    }
    if level != Level::Full {
        end_all();
    }
    sys::exit(0)
}

/// The program's status, or `None` when it must end before its time.
fn watch(program: i32) -> Option<i32> {
    let children = sys::child_signals().ok()?;
    let mut events = [CHANNEL, children].map(|fd| PollFd { fd, events: abi::POLLIN, revents: 0 });
    // Before the first wait too: a child may have ended before there was a descriptor to tell.
    loop {
        while let Ok((pid, status)) = sys::reap_any() {
            if pid == program {
                return Some(status);
            }
            if pid <= 0 {
                break;
            }
        }
        for event in &mut events {
            event.revents = 0;
        }
        sys::poll(&mut events, true).ok()?;
        // The caller says nothing any more: whatever comes is the end of the connection.
        if events[0].revents != 0 || rings(children) {
            return None;
        }
    }
}

/// Takes all signals off the descriptor: whether the alarm is among them. Time is long up then, and nobody has noticed.
fn rings(signals: i32) -> bool {
    // One `signalfd_siginfo`, which begins with the signal's number.
    let mut news = [0; 128];
    let mut rings = false;
    while sys::read(signals, &mut news).is_ok_and(|size| size > 0) {
        let [a, b, c, d, ..] = news;
        rings |= u32::from_ne_bytes([a, b, c, d]) == abi::SIGALRM;
    }
    rings
}

/// Kills all descendants, wave after wave: what loses its parent becomes this process's child. Gives up on a chain of
/// processes that is faster than that for seconds; only namespaces are a match for it.
fn end_all() {
    const WAVES: u32 = 20_000;
    for _ in 0..WAVES {
        if kill_children().is_err() {
            return;
        }
        loop {
            match sys::reap_any() {
                Ok((0, _)) => break,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        let _ = sys::poll(&mut [], false);
    }
}

fn kill_children() -> Sys<()> {
    let list = sys::open_at(abi::AT_FDCWD, c"/proc/thread-self/children", abi::O_RDONLY, 0)?;
    let mut buffer = [0; 4096];
    let size = sys::read(list, &mut buffer);
    sys::close(list);
    for word in buffer.get(..size?).unwrap_or_default().split(|byte| *byte == b' ') {
        let digits = word.iter().take_while(|byte| byte.is_ascii_digit());
        let pid = digits.fold(0_i32, |number, digit| {
            number.saturating_mul(10).saturating_add(i32::from(digit.wrapping_sub(b'0')))
        });
        if pid > 1 {
            sys::kill(pid, abi::SIGKILL);
        }
    }
    Ok(())
}
