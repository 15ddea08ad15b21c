//! Runs a command in the sandbox and prints what came of it: to look around from inside.
//!
//! ```text
//! cargo run -p octollm-sandbox --example locked -- [--level full|landlock|none] [--readable PATH] /bin/ls -la /
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

use std::error::Error;

use octollm_sandbox::{Command, Control, Level, Sandbox};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1).peekable();
    let mut sandbox = Sandbox::default();
    while let Some(flag) = words.next_if(|word| word.starts_with("--")) {
        let value = words.next().ok_or("a value is missing")?;
        match flag.as_str() {
            "--level" => sandbox.level = Level::from_name(&value).ok_or("no such level")?,
            "--readable" => sandbox = sandbox.readable(value),
            _ => return Err(format!("no such flag: {flag}").into()),
        }
    }
    let command = Command::new(words.next().ok_or("which command?")?).arguments(words);
    let outcome = sandbox.run(&command, &Control::default()).map_err(|error| {
        for (layer, status) in sandbox.probe() {
            eprintln!("{layer}: {status:?}");
        }
        format!("{error}\nhint: {}", error.hint())
    })?;
    print!("{}", String::from_utf8_lossy(&outcome.stdout.bytes));
    eprint!("{}", String::from_utf8_lossy(&outcome.stderr.bytes));
    eprintln!("{:?} after {:?}, {:?} of processor time", outcome.end, outcome.duration, outcome.cpu);
    for file in &outcome.work.files {
        eprintln!("left {} ({} bytes)", file.path.display(), file.bytes.len());
    }
    Ok(())
}
