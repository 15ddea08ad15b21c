//! What a look at a text costs. `make bench-reflex` prints these figures; nothing here asserts a time.
//!
//! For each detector and for all of them over one canonical form: microseconds for texts of 64 B to 100 KB, of plain prose and
//! of prose dense with personal data and secrets, in ASCII and beyond.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

use std::hint::black_box;
use std::time::Instant;

use octollm_core::reflex::Canonical;
use octollm_core::reflex::injection::{InjectionDetector, Origin};
use octollm_core::reflex::pii::{PiiDetector, PiiOptions};
use octollm_core::reflex::secrets::SecretDetector;

const CLEAN: &str = "The tide at Brest rises by seven metres. Spring tides follow the full moon, and the harbour \
    master writes the level of the water into a book every hour, as his predecessors did for two centuries. ";
const DENSE: &str = "Write to jane.doe@example.com or call 415-555-2671; card 4111 1111 1111 1111, IBAN \
    GB82 WEST 1234 5698 7654 32, host 192.168.17.4, born 12 March 1985, ssn 123-45-6789, api_key = a8Kd0QzX3mP7vRt2LbY5. ";
const FOREIGN: &str =
    "Der Tidenhub beträgt sieben Meter, für Wörter außerhalb von ASCII. 潮は七メートル上がります。";

fn main() {
    let (pii, secrets) = (PiiDetector::new(PiiOptions::default()).unwrap(), SecretDetector::new().unwrap());
    let injections = InjectionDetector::new().unwrap();
    for (name, unit) in [("clean", CLEAN), ("dense", DENSE), ("not ASCII", FOREIGN)] {
        for size in [64, 1 << 10, 10 << 10, 100 << 10] {
            let text: String = unit.chars().cycle().take(size).collect();
            let canonical = Canonical::new(&text);
            measure(name, &text, "canonical form", || {
                black_box(Canonical::new(&text));
            });
            measure(name, &text, "personal data", || {
                black_box(pii.scan_canonical(&canonical));
            });
            measure(name, &text, "secrets", || {
                black_box(secrets.scan_canonical(&canonical));
            });
            measure(name, &text, "injection", || {
                black_box(injections.judge(&canonical, Origin::User));
            });
            measure(name, &text, "all of it", || {
                let canonical = Canonical::new(&text);
                black_box(secrets.scan_canonical(&canonical).merge(pii.scan_canonical(&canonical)));
                black_box(injections.judge(&canonical, Origin::User));
            });
        }
    }
}

fn measure(kind: &str, text: &str, name: &str, mut look: impl FnMut()) {
    let rounds = (20_000_000 / text.len().max(2_000)).clamp(200, 5_000);
    let mut samples: Vec<f64> = (0..rounds + rounds / 10)
        .map(|_| {
            let started = Instant::now();
            look();
            started.elapsed().as_secs_f64() * 1e6
        })
        .skip(rounds / 10)
        .collect();
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples[(samples.len() as f64 * share) as usize];
    println!(
        "{kind:<10} {:>7} B  {name:<15} {:>9.1} us (p50) {:>9.1} us (p99) {:>7.1} us/KB",
        text.len(),
        at(0.5),
        at(0.99),
        at(0.5) * 1024.0 / text.len() as f64
    );
}
