//! Attacks on the real sandbox. Each names the layer that must stop it, by the error that only this layer answers; and
//! where that is harmless, the same attack is first shown to reach its goal outside.
//!
//! An attack is a Python script that defines `attack()`, which raises an `OSError` when it is stopped.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod again;
mod files;
mod harvest;
mod kernel;
mod leaks;
mod network;
mod passing;
mod processes;
mod resources;

use octollm_sandbox::{Command, Control, Layer, Level, Limits, Outcome, Sandbox};

const PYTHON: &str = "/usr/bin/python3";

/// `call(number, ...)` is a raw system call; the last lines say what came of the attack.
const PRELUDE: &str = "import ctypes, errno, mmap, os, signal, socket, sys, time\n\
    libc = ctypes.CDLL(None, use_errno=True)\n\
    def call(*words):\n    \
        result = libc.syscall(*[ctypes.c_long(w) if isinstance(w, int) else w for w in words])\n    \
        if result == -1: raise OSError(ctypes.get_errno(), 'syscall')\n    \
        return result\n";
const POSTLUDE: &str = "\ntry:\n    attack()\n    print('REACHED', flush=True)\n\
    except OSError as error:\n    print('STOPPED', errno.errorcode[error.errno], flush=True)\n";

fn script(attack: &str) -> String {
    format!("{PRELUDE}{attack}{POSTLUDE}")
}

fn python(code: &str) -> Command {
    Command::new(PYTHON).arguments(["-I", "-c", code])
}

fn shell(code: &str) -> Command {
    Command::new("/bin/sh").arguments(["-c", code])
}

fn run(command: &Command) -> Outcome {
    Sandbox::default().run(command, &Control::default()).unwrap()
}

fn text(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.stdout.bytes).trim().to_owned()
}

fn errors(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.stderr.bytes).into_owned()
}

/// What an attack says in the sandbox.
fn inside(sandbox: &Sandbox, attack: &str) -> String {
    let command = python(&script(attack)).limits(Limits::default());
    let outcome = sandbox.run(&command, &Control::default()).unwrap();
    let said = text(&outcome);
    assert!(!said.is_empty(), "{:?} {}", outcome.end, errors(&outcome));
    said
}

/// What it says outside, as the user that runs the tests.
fn outside(attack: &str) -> String {
    let output = std::process::Command::new(PYTHON).args(["-I", "-c", &script(attack)]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(!said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The attack reaches its goal outside, and inside the layer's own error stops it.
fn stopped(name: &str, attack: &str, layer: Layer, errno: &str) {
    assert_eq!(outside(attack), "REACHED", "{name}: outside, where it must work to show anything");
    stopped_inside(&Sandbox::default(), name, attack, layer, errno);
}

/// Only inside, where trying it outside would do harm or needs root.
fn stopped_inside(sandbox: &Sandbox, name: &str, attack: &str, layer: Layer, errno: &str) {
    let level = sandbox.level.name();
    assert_eq!(inside(sandbox, attack), format!("STOPPED {errno}"), "{name} ({level}): stopped by {layer}");
}

/// A sandbox without namespaces, where Landlock and the filter stand alone.
fn landlock() -> Sandbox {
    Sandbox::new(Level::Landlock)
}

fn is_root() -> bool {
    // SAFETY: no memory is passed; cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether a process of this machine has the word in its command line.
fn is_alive(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(word)
    })
}

/// A word that no other process of this machine has in its command line.
fn word(name: &str) -> String {
    format!("{name}{}", std::process::id())
}
