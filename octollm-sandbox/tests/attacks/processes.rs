//! What must not be started, kept, or outlive the call.

use std::process::Stdio;
use std::time::{Duration, Instant};

use octollm_sandbox::{Control, End, Layer, Level, Limits, Sandbox};

use super::{errors, is_alive, landlock, python, run, shell, stopped_inside, text, word};

/// Waits for what other processes do, and gives up when it takes absurdly long.
fn eventually(condition: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn a_fork_bomb_runs_into_its_limit_and_leaves_nothing() {
    let word = word("bomb");
    let code = format!(
        "import os, time\nn = 0\ntry:\n  while n < 10000:\n    if os.fork() == 0: time.sleep(60); os._exit(0)\n    n += 1\n\
         except OSError as e: print(n, e.errno)  # {word}"
    );
    let limits = Limits { processes: 20, ..Limits::default() };
    for sandbox in [Sandbox::default(), landlock()] {
        let outcome = sandbox.run(&python(&code).limits(limits.clone()), &Control::default()).unwrap();
        let said = text(&outcome);
        let (count, errno) = said.split_once(' ').unwrap();
        assert_eq!(errno, libc::EAGAIN.to_string(), "stopped by {}", Layer::Limits);
        assert!(count.parse::<u64>().unwrap() < 20 + 10, "{count}");
        assert!(!is_alive(&word), "none is left");
    }
}

#[test]
fn the_shell_bomb_ends_with_its_time() {
    let limits = Limits { wall: Duration::from_secs(1), processes: 30, ..Limits::default() };
    let outcome = run(&shell("bomb() { bomb | bomb & }; bomb; sleep 60").limits(limits));
    assert!(matches!(outcome.end, End::WallTime | End::Exit(_) | End::CpuTime), "{:?}", outcome.end);
}

#[test]
fn who_ignores_signals_is_killed_with_its_time() {
    let code = "import signal, time\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\n\
                print('deaf', flush=True)\nwhile True: time.sleep(9)";
    for level in [Level::Full, Level::Landlock, Level::None] {
        let limits = Limits { wall: Duration::from_secs(1), ..Limits::default() };
        let outcome = Sandbox::new(level).run(&python(code).limits(limits), &Control::default()).unwrap();
        assert_eq!((outcome.end, text(&outcome).as_str()), (End::WallTime, "deaf"), "{level:?}");
    }
}

#[test]
fn a_daemon_does_not_outlive_the_call() {
    for level in [Level::Full, Level::Landlock, Level::None] {
        let word = word(level.name());
        // Double fork, a session of its own, no pipe held, deaf; the program itself ends at once.
        let code = format!(
            "import os, signal, sys, time  # {word}\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    \
             signal.signal(signal.SIGHUP, signal.SIG_IGN)\n    for f in range(3): os.close(f)\n    time.sleep(120)\n  os._exit(0)\n\
             os.wait()\nprint('left', flush=True)"
        );
        let outcome = Sandbox::new(level).run(&python(&code), &Control::default()).unwrap();
        assert_eq!((outcome.end, text(&outcome).as_str()), (End::Exit(0), "left"), "{}", errors(&outcome));
        assert!(!is_alive(&word), "{level:?}: ended by {}", Layer::Supervision);
    }
}

#[test]
fn processes_outside_cannot_be_signalled() {
    let me = std::process::id();
    let attack = format!("def attack(): os.kill({me}, 0)");
    assert_eq!(super::outside(&attack), "REACHED");
    // No such process in there; and where there is one, it may not be reached.
    stopped_inside(&Sandbox::default(), "kill", &attack, Layer::Namespaces, "ESRCH");
    stopped_inside(&landlock(), "kill", &attack, Layer::Landlock, "EPERM");
}

#[test]
fn the_first_process_is_out_of_reach() {
    // The signals of one to the namespace's first process are not heard; and the run ends as ever.
    let code = "import os\nfor s in (9, 15, 19): os.kill(1, s)\nprint('still here')";
    let outcome = run(&python(code));
    assert_eq!(outcome.end, End::Exit(1), "Landlock keeps signals within the program's own processes");
    let limits = format!("def attack(): call({}, 1, 7, 0, 0)", libc::SYS_prlimit64);
    stopped_inside(&Sandbox::default(), "its limits", &limits, Layer::Seccomp, "EPERM");
    let killed = "def attack(): os.kill(1, 9)";
    stopped_inside(&Sandbox::default(), "killing it", killed, Layer::Landlock, "EPERM");
    // All that may be reached: the attacker itself is spared by the call.
    let all = "def attack(): os.kill(-1, 9)";
    let said = super::inside(&Sandbox::default(), all);
    assert!(said.starts_with("STOPPED") || said == "REACHED", "{said}");
}

/// Not a test: a caller to be killed, in a process of its own.
#[test]
#[ignore = "run by another test"]
fn caller() {
    let (Ok(level), Ok(word)) = (std::env::var("ATTACK_LEVEL"), std::env::var("ATTACK_WORD")) else { return };
    let code =
        format!("import os, time  # {word}\nif os.fork() == 0: os.setsid()\nos.fork()\ntime.sleep(300)");
    let sandbox = Sandbox::new(Level::from_name(&level).unwrap());
    let _ = sandbox.run(
        &python(&code).limits(Limits { wall: Duration::from_secs(300), ..Limits::default() }),
        &Control::default(),
    );
}

#[test]
fn with_the_caller_killed_the_whole_tree_dies() {
    for level in [Level::Full, Level::Landlock, Level::None] {
        let word = word(&format!("orphan-{}-", level.name()));
        let mut caller = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::caller", "--ignored", "--nocapture"])
            .envs([("ATTACK_LEVEL", level.name()), ("ATTACK_WORD", &word)])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(eventually(|| is_alive(&word)), "{level:?}: it runs");
        std::thread::sleep(Duration::from_millis(300));
        caller.kill().unwrap();
        caller.wait().unwrap();
        assert!(eventually(|| !is_alive(&word)), "{level:?}: and dies");
    }
}

#[test]
fn a_dropped_thread_of_runs_leaves_nothing() {
    // A sink that panics unwinds through `run`.
    let word = word("unwound");
    let code = format!("print('x', flush=True)\nimport time; time.sleep(100)  # {word}");
    let thread = std::thread::spawn(move || {
        let control = Control::new().with_output(|_, _| std::panic::panic_any("on purpose"));
        Sandbox::default().run(&python(&code), &control)
    });
    assert!(thread.join().is_err());
    assert!(!is_alive(&word));
}

/// Other ways than `kill` to have a signal sent: by a descriptor of the process, with a value, and by the kernel itself
/// when a file has news for whoever is said to own it.
#[test]
fn the_first_process_is_signalled_in_no_other_way() {
    let by_descriptor = format!(
        "def attack():\n    fd = call({}, 1, 0)\n    call({}, fd, 9, 0, 0)",
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal
    );
    let with_value = format!(
        "def attack():\n    info = (ctypes.c_int * 32)(9, 0, -1)\n    call({}, 1, 9, info)",
        libc::SYS_rt_sigqueueinfo
    );
    for (name, attack) in [("descriptor", by_descriptor), ("value", with_value)] {
        stopped_inside(&Sandbox::default(), name, &attack, Layer::Landlock, "EPERM");
    }
    // F_SETOWN, F_SETSIG and O_ASYNC: accepted, and then nothing is sent.
    let by_file = "import fcntl, os, socket, time\na, b = socket.socketpair()\n\
        for command, value in ((8, 1), (10, 9), (fcntl.F_SETFL, os.O_ASYNC)):\n  \
        try: fcntl.fcntl(a, command, value)\n  except OSError as error: print(error.errno)\n\
        b.send(b'x'); time.sleep(0.2); print('still here')";
    let outcome = run(&python(by_file));
    assert_eq!(outcome.end, End::Exit(0), "{}", errors(&outcome));
    assert!(text(&outcome).ends_with("still here"));
}
