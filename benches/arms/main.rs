//! What the arms that ask nobody cost: one module per arm, each with a `run` that prints its lines. `make bench-arms` prints
//! the figures; nothing here asserts a time. `cargo bench --bench arms -- judge` runs one arm's lines.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

mod guardian;
mod judge;
mod texts;

use std::time::{Duration, Instant};

/// One arm's lines.
type Lines = fn();

/// The arms that are measured.
const ARMS: [(&str, Lines); 2] = [("judge", judge::run), ("guardian", guardian::run)];

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, load {}", load.trim());
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, lines) in ARMS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            lines();
        }
    }
}

/// How long one of these took, in order, over half a second of them.
pub(crate) fn times(mut work: impl FnMut()) -> Vec<Duration> {
    work();
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_millis(500) {
        let one = Instant::now();
        work();
        times.push(one.elapsed());
    }
    times.sort_unstable();
    times
}

/// The time that this part of them, 0..=1, does not exceed.
pub(crate) fn quantile(times: &[Duration], part: f64) -> Duration {
    times.get(((times.len() - 1) as f64 * part) as usize).copied().unwrap_or_default()
}

/// Prints a line of microseconds per call and per KB for work on `bytes`.
pub(crate) fn report(name: &str, bytes: usize, work: impl FnMut()) {
    let times = times(work);
    let micros = |part| quantile(&times, part).as_secs_f64() * 1e6;
    let per_kb = micros(0.5) / (bytes as f64 / 1024.0);
    println!("{name:<34} {bytes:>8} {:>10.1} {:>10.1} {per_kb:>10.1}", micros(0.5), micros(0.99));
}

/// Prints what the columns of [`report`] are.
pub(crate) fn heading(arm: &str) {
    println!("\n{arm:<34} {:>8} {:>10} {:>10} {:>10}", "bytes", "p50 us", "p99 us", "us per KB");
}
