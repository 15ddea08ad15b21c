//! What the sandbox costs to start: `true` in it, beside a bare process and `bwrap` (where that is installed) with like
//! namespaces. `make bench-sandbox` prints the figures; nothing here asserts a time.
//!
//! The last lines are for callers that hold much memory, of which a start must not depend.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use octollm_sandbox::{Command, Control, End, Level, Sandbox};

const ROUNDS: usize = 300;

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{ROUNDS} starts of /bin/true; {cores} cores, load {}", load.trim());
    println!("{:<34} {:>9} {:>9} {:>9}", "", "p50", "p99", "least");
    report("bare process", || spawn(&["/bin/true"]));
    for level in [Level::None, Level::Landlock, Level::Full] {
        report(&format!("sandbox, {}", level.name()), || sandboxed(level));
    }
    const BWRAP: [&str; 9] = [
        "bwrap",
        "--unshare-all",
        "--ro-bind",
        "/",
        "/",
        "--tmpfs",
        "/tmp",
        "--die-with-parent",
        "/bin/true",
    ];
    match std::process::Command::new("bwrap").arg("--version").output() {
        Ok(_) => report("bwrap --unshare-all", || spawn(&BWRAP)),
        Err(_) => println!("bwrap is not installed"),
    }
    at_once();
    for mebibytes in [100, 1000] {
        let ballast = vec![1_u8; mebibytes << 20];
        report(&format!("bare process, caller of {mebibytes} MiB"), || spawn(&["/bin/true"]));
        report(&format!("sandbox, full, caller of {mebibytes} MiB"), || sandboxed(Level::Full));
        drop(std::hint::black_box(ballast));
    }
}

/// Eight threads that start as fast as they can: what one start takes of the machine.
fn at_once() {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..ROUNDS / 8).for_each(|_| sandboxed(Level::Full)));
        }
    });
    let each = begun.elapsed() / (ROUNDS as u32 / 8 * 8);
    println!("{:<34} {:>9}", "sandbox, full, 8 threads: each", in_ms(each));
}

fn sandboxed(level: Level) {
    let outcome = Sandbox::new(level).run(&Command::new("/bin/true"), &Control::default()).unwrap();
    assert_eq!(outcome.end, End::Exit(0));
}

fn spawn(words: &[&str]) {
    let (program, arguments) = words.split_first().unwrap();
    let mut command = std::process::Command::new(program);
    // With pipes, as the sandbox has them.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn report(name: &str, run: impl Fn()) {
    (0..10).for_each(|_| run());
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: usize| in_ms(times[(times.len() - 1) * share / 100]);
    println!("{name:<34} {:>9} {:>9} {:>9}", at(50), at(99), at(0));
}

fn in_ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
