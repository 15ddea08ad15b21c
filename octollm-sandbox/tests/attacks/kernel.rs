//! Doors of the kernel that no ordinary program needs.

use octollm_sandbox::{Layer, Level, Sandbox};

use super::{landlock, outside, python, stopped, stopped_inside, text};

/// Calls with nothing but zeroes for arguments. The filter looks at the number only, so that EPERM is its own answer:
/// outside the kernel finds fault with the arguments, or does what was asked.
#[rustfmt::skip]
const HARMLESS: &[(&str, libc::c_long)] = &[
    ("add_key", libc::SYS_add_key), ("bpf", libc::SYS_bpf), ("capset", libc::SYS_capset),
    ("fsopen", libc::SYS_fsopen), ("inotify_add_watch", libc::SYS_inotify_add_watch),
    ("io_setup", libc::SYS_io_setup), ("io_uring_setup", libc::SYS_io_uring_setup), ("kcmp", libc::SYS_kcmp),
    ("keyctl", libc::SYS_keyctl), ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
    ("memfd_create", libc::SYS_memfd_create), ("mount", libc::SYS_mount), ("mount_setattr", libc::SYS_mount_setattr),
    ("move_mount", libc::SYS_move_mount), ("move_pages", libc::SYS_move_pages), ("mq_open", libc::SYS_mq_open),
    ("msgget", libc::SYS_msgget), ("name_to_handle_at", libc::SYS_name_to_handle_at), ("open_tree", libc::SYS_open_tree),
    ("perf_event_open", libc::SYS_perf_event_open), ("personality", libc::SYS_personality),
    ("pidfd_getfd", libc::SYS_pidfd_getfd), ("pivot_root", libc::SYS_pivot_root),
    ("process_vm_readv", libc::SYS_process_vm_readv), ("process_vm_writev", libc::SYS_process_vm_writev),
    ("request_key", libc::SYS_request_key), ("sched_setscheduler", libc::SYS_sched_setscheduler),
    ("seccomp", libc::SYS_seccomp), ("semget", libc::SYS_semget), ("setns", libc::SYS_setns),
    ("shmget", libc::SYS_shmget), ("umount2", libc::SYS_umount2),
    ("unshare", libc::SYS_unshare), ("userfaultfd", libc::SYS_userfaultfd), ("vmsplice", libc::SYS_vmsplice),
];

/// Not to be tried outside: as root they do what was asked even with zeroes, or other tests would feel it.
#[rustfmt::skip]
const HARMFUL: &[(&str, libc::c_long)] = &[
    ("acct", libc::SYS_acct), ("chroot", libc::SYS_chroot), ("clock_adjtime", libc::SYS_clock_adjtime),
    ("clock_settime", libc::SYS_clock_settime), ("delete_module", libc::SYS_delete_module),
    ("fanotify_init", libc::SYS_fanotify_init), ("finit_module", libc::SYS_finit_module),
    ("init_module", libc::SYS_init_module), ("kexec_load", libc::SYS_kexec_load), ("ptrace", libc::SYS_ptrace),
    ("quotactl", libc::SYS_quotactl), ("reboot", libc::SYS_reboot), ("setdomainname", libc::SYS_setdomainname),
    ("setgid", libc::SYS_setgid), ("setgroups", libc::SYS_setgroups), ("sethostname", libc::SYS_sethostname),
    ("settimeofday", libc::SYS_settimeofday), ("setuid", libc::SYS_setuid),
    ("swapoff", libc::SYS_swapoff), ("swapon", libc::SYS_swapon), ("sync", libc::SYS_sync), ("syslog", libc::SYS_syslog),
    ("vhangup", libc::SYS_vhangup),
];

fn probing(calls: &[(&str, libc::c_long)]) -> String {
    let numbers: Vec<_> = calls.iter().map(|(_, number)| number.to_string()).collect();
    format!(
        "import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\nfor n in [{}]:\n    \
         r = libc.syscall(ctypes.c_long(n), *[ctypes.c_long(0)] * 6)\n    \
         print(errno.errorcode[ctypes.get_errno()] if r == -1 else 'REACHED')",
        numbers.join(",")
    )
}

#[test]
fn every_such_call_is_refused_by_the_filter() {
    for sandbox in [Sandbox::default(), landlock()] {
        for calls in [HARMLESS, HARMFUL] {
            let outcome =
                sandbox.run(&python(&probing(calls)), &octollm_sandbox::Control::default()).unwrap();
            let said = text(&outcome);
            assert_eq!(said.lines().count(), calls.len(), "{said} {}", super::errors(&outcome));
            for ((name, _), answer) in calls.iter().zip(said.lines()) {
                assert_eq!(answer, "EPERM", "{name}: stopped by {}", Layer::Seccomp);
            }
        }
    }
    if super::is_root() {
        let output =
            std::process::Command::new(super::PYTHON).args(["-c", &probing(HARMLESS)]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        for ((name, _), answer) in HARMLESS.iter().zip(said.lines()) {
            assert_ne!(answer, "EPERM", "{name}: outside, the kernel has another answer");
        }
    }
}

#[test]
fn new_namespaces_are_not_made() {
    // In a child, so that the test's own threads stay where they are.
    let attack = format!(
        "def attack():\n    pid = call({}, {} | signal.SIGCHLD, 0, 0, 0, 0)\n    \
         if pid == 0: os._exit(0)\n    os.waitpid(pid, 0)",
        libc::SYS_clone,
        libc::CLONE_NEWUSER
    );
    stopped("clone", &attack, Layer::Seccomp, "EPERM");
    // Its flags lie in memory, where no filter sees them: as if the kernel did not have it.
    let attack = format!("def attack(): call({}, 0, 0)", libc::SYS_clone3);
    assert_eq!(outside(&attack), "STOPPED EINVAL");
    stopped_inside(&Sandbox::default(), "clone3", &attack, Layer::Seccomp, "ENOSYS");
}

#[test]
fn another_process_is_not_traced() {
    // A child of its own, which outside anybody may trace.
    let traced = |request: i32| {
        format!(
            "def attack():\n    pid = os.fork()\n    if pid == 0: time.sleep(5); os._exit(0)\n    \
             try: call({}, {request}, pid, 0, 0)\n    finally: os.kill(pid, 9); os.waitpid(pid, 0x40000000)",
            libc::SYS_ptrace
        )
    };
    stopped("attach", &traced(libc::PTRACE_ATTACH as i32), Layer::Seccomp, "EPERM");
    stopped("seize", &traced(libc::PTRACE_SEIZE as i32), Layer::Seccomp, "EPERM");
}

#[test]
fn nothing_is_typed_into_a_terminal() {
    // The answer to a descriptor that is no terminal shows that the kernel would have looked.
    let attack = "import fcntl\ndef attack(): fcntl.ioctl(os.pipe()[0], 0x5412, b'x')";
    assert_eq!(outside(attack), "STOPPED ENOTTY");
    stopped_inside(&Sandbox::default(), "TIOCSTI", attack, Layer::Seccomp, "EPERM");
    let attack = "import fcntl\ndef attack(): fcntl.ioctl(os.pipe()[0], 0x1_0000_5412, b'x')";
    stopped_inside(&Sandbox::default(), "TIOCSTI with high bits", attack, Layer::Seccomp, "EPERM");
    let attack = "def attack(): os.open('/dev/tty', os.O_RDWR)";
    stopped_inside(&Sandbox::default(), "the terminal", attack, Layer::Mounts, "ENOENT");
}

/// There is only one user to be, and no way to another.
#[test]
fn nobody_else_can_be_become() {
    for sandbox in [Sandbox::default(), landlock()] {
        let who = if sandbox.level == Level::Full { "EINVAL" } else { "EPERM" };
        for call in [libc::SYS_setresuid, libc::SYS_setresgid] {
            let attack = format!("def attack(): call({call}, 0, 0, 0)");
            stopped_inside(&sandbox, "another user", &attack, Layer::Privileges, who);
        }
    }
    // What programs that start others ask for, to be sure that they are who they were.
    let code = "import os\npid = os.posix_spawn('/bin/true', ['true'], {}, resetids=True)\nprint(os.waitpid(pid, 0)[1])";
    assert_eq!(text(&super::run(&python(code))), "0");
}

#[test]
fn nobody_else_notices_an_open_file() {
    // A lease makes others wait who open the file; a notice tells what is done in a folder.
    let lease = "import fcntl\ndef attack():\n    with open('/tmp/mine', 'w'): pass\n    \
        fcntl.fcntl(os.open('/tmp/mine', os.O_RDONLY), 1024, fcntl.F_RDLCK)";
    stopped("a lease", lease, Layer::Seccomp, "EPERM");
    let notice = "import fcntl\ndef attack(): fcntl.fcntl(os.open('/usr/bin', os.O_RDONLY), 1026, 0x2)";
    stopped("a notice", notice, Layer::Seccomp, "EPERM");
    let lock = "import fcntl\ndef attack(): fcntl.flock(os.open('/usr/bin/env', os.O_RDONLY), fcntl.LOCK_SH)";
    stopped("a lock", lock, Layer::Seccomp, "ENOTSUP");
    // What programs need of the same calls.
    let code = "import fcntl, os\nf = open('/work/x', 'w+')\nfcntl.lockf(f, fcntl.LOCK_EX)\n\
        fcntl.fcntl(f, fcntl.F_SETFD, fcntl.FD_CLOEXEC)\nprint('ok')";
    assert_eq!(text(&super::run(&python(code))), "ok");
}

#[test]
fn privileges_are_gone_for_ever() {
    let code = "import ctypes\nlibc = ctypes.CDLL(None)\n\
        header = (ctypes.c_uint32 * 2)(0x20080522, 0); sets = (ctypes.c_uint32 * 6)()\n\
        assert libc.capget(header, sets) == 0\n\
        print(list(sets), [c for c in range(64) if libc.prctl(23, c, 0, 0, 0) == 1], libc.prctl(39, 0, 0, 0, 0))";
    assert_eq!(text(&super::run(&python(code))), "[0, 0, 0, 0, 0, 0] [] 1");
}

/// The filter is bound to the processor's usual way of calling: numbers of the x32 kind are others.
#[cfg(target_arch = "x86_64")]
#[test]
fn other_ways_of_calling_are_refused() {
    let attack = format!("def attack(): call(0x40000000 | {})", libc::SYS_getpid);
    stopped_inside(&Sandbox::default(), "x32", &attack, Layer::Seccomp, "EPERM");
    // int 0x80, the 32-bit way, from a page of machine code: mov eax, 20; int 0x80; ret.
    let code = "import ctypes, mmap\nprint('begin', flush=True)\n\
        m = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)\n\
        m.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))\n\
        f = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint(f())";
    let outcome = super::run(&python(code));
    assert_eq!(text(&outcome), "begin");
    assert_eq!(outcome.end, octollm_sandbox::End::Signal(libc::SIGSYS));
}
