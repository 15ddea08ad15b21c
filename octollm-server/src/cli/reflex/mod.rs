//! `reflex` and `reflex-eval`: the detectors on a file, and how good they are.

pub(super) mod eval;
mod input;
mod policy;
mod report;
mod stream;

use std::io::{self, Write};
use std::sync::Mutex;

use octollm_core::reflex::{Detectors, Origin, Policy, Redactor};
use octollm_core::{Error, ErrorKind, Result};

use super::App;
use super::args::ReflexArgs;
use super::exit::Outcome;
use report::Report;
use stream::{Found, Part, Stream};

/// `reflex`
pub(super) fn run(app: &App, args: &ReflexArgs) -> Outcome {
    let policy = policy::of(args, &app.settings.config)?;
    let origin = Origin::from(args.origin);
    let detectors = Detectors::with(policy.detect.clone())?;
    let mut report = Report::new(app.output, args.json, &policy, origin);
    let redactor = Mutex::new(Redactor::new(policy.style, fresh_key()?));
    let scan = |text: &str, table: bool| Found {
        data: policy.relevant(detectors.private_part(text, table), origin),
        orders: policy.relevant(detectors.orders(text, origin), origin),
    };
    let mut stream = Stream::new(input::open(&args.file)?, scan);
    while let Some(part) = stream.next_part().map_err(input::in_file(&args.file))? {
        if args.redact.is_none() {
            report.part(&part)?;
            continue;
        }
        if let Some(at) = report.first_refused(&part) {
            write_out(&part.before(at), &policy, origin, &redactor)?;
            break;
        }
        write_out(&part, &policy, origin, &redactor)?;
    }
    report.end(args.redact.is_none())
}

fn write_out(part: &Part<'_>, policy: &Policy, origin: Origin, redactor: &Mutex<Redactor>) -> io::Result<()> {
    let edited = policy.apply(part.text, &part.found.data, &part.found.orders, origin, redactor);
    io::stdout().lock().write_all(edited.as_deref().unwrap_or(part.text).as_bytes())
}

/// A key that nobody else has.
fn fresh_key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "the platform gives no randomness").with_source(cause)
    })?;
    Ok(key)
}
