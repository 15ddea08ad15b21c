//! What must not get in from the caller.

use std::fs::File;
use std::os::fd::AsRawFd as _;

use octollm_sandbox::{Command, Control, Sandbox};

use super::{landlock, python, text};

#[test]
fn nothing_of_the_environment_is_passed_on() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "there is something to leak");
    let code = "import os; print(*sorted(os.environ))";
    for sandbox in [Sandbox::default(), landlock()] {
        let command = python(code).variable("GIVEN", "x");
        let said = text(&sandbox.run(&command, &Control::default()).unwrap());
        // Python itself adds LC_CTYPE in some versions.
        let names: Vec<_> = said.split(' ').filter(|name| *name != "LC_CTYPE").collect();
        assert_eq!(names, ["GIVEN", "HOME", "LANG", "PATH", "TMPDIR"]);
    }
}

#[test]
fn no_open_file_is_passed_on() {
    let secret = tempfile::tempfile().unwrap();
    // Descriptors that do not close by themselves, as a careless library might leave.
    // SAFETY: no memory is passed; the copies are closed below.
    let leaks: Vec<_> = (0..3).map(|_| unsafe { libc::dup(secret.as_raw_fd()) }).collect();
    let code = "import os\nopen_ = []\nfor n in range(1024):\n  try: os.fstat(n); open_.append(n)\n  except OSError: pass\nprint(open_)";
    for sandbox in [Sandbox::default(), landlock()] {
        assert_eq!(text(&sandbox.run(&python(code), &Control::default()).unwrap()), "[0, 1, 2]");
    }
    let outside = std::process::Command::new(super::PYTHON).args(["-c", code]).output().unwrap();
    assert!(outside.stdout.len() > 12, "outside they are there");
    for leak in leaks {
        // SAFETY: made above, and nobody else's.
        drop(unsafe { <File as std::os::fd::FromRawFd>::from_raw_fd(leak) });
    }
}

#[test]
fn standard_input_is_what_was_given_and_cannot_be_changed() {
    assert_eq!(text(&super::run(&Command::new("/bin/cat"))), "");
    let code = "import errno, os\nprint(os.read(0, 9))\ntry: os.pwrite(0, b'x', 0); print('written')\nexcept OSError as e: print(errno.errorcode[e.errno])";
    assert_eq!(text(&super::run(&python(code).stdin("given"))), "b'given'\nEPERM");
}

#[test]
fn the_machine_has_no_name_and_no_other_users() {
    let code = "import os, pwd\nprint(os.uname().nodename, os.getuid(), os.getgroups(), len(pwd.getpwall()), os.getpid())";
    let said = text(&super::run(&python(code)));
    let (start, pid) = said.rsplit_once(' ').unwrap();
    // An ordinary user's further groups stay, as numbers of nobody.
    let start = start.replace("[65534]", "[]").replace("[1000]", "[]");
    assert_eq!(start, "sandbox 1000 [] 1");
    assert!(pid.parse::<u32>().unwrap() < 10, "{pid}");
}

/// What the machine preloads for the caller is not preloaded in there; and what a program preloads is its own affair.
#[test]
fn preloading_reaches_only_the_command_itself() {
    let outcome = super::run(&python("print(42)").variable("LD_PRELOAD", "/work/evil.so"));
    assert_eq!(text(&outcome), "42");
    assert!(super::errors(&outcome).contains("evil.so"), "the loader has seen it, in there");
}

#[test]
fn descriptors_cannot_be_taken_from_the_first_process() {
    let attack = format!(
        "def attack():\n    fd = call({}, 1, 0)\n    call({}, fd, 3, 0)",
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd
    );
    super::stopped_inside(&Sandbox::default(), "pidfd", &attack, octollm_sandbox::Layer::Seccomp, "EPERM");
}
