//! What a look at a text costs. `make bench-reflex` prints these figures; nothing here asserts a time.
//!
//! For each detector and for all of them over one canonical form: microseconds for texts of 64 B to 100 KB, of plain prose and
//! of prose dense with personal data and secrets, in ASCII and beyond. Then the whole chain over texts that are made to be
//! hard: what a byte of each costs beside a byte of prose and of this project's documents, in short texts and in very long ones.
//! `cargo bench ... --bench reflex -- hard` prints only those; `-- search` looks for harder ones (`hardest`).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and may fail loudly"
)]

mod hardest;

use std::hint::black_box;
use std::time::Instant;

use octollm_core::reflex::injection::InjectionDetector;
use octollm_core::reflex::pii::{PiiDetector, PiiOptions};
use octollm_core::reflex::secrets::SecretDetector;
use octollm_core::reflex::{Canonical, Origin, Policy, ReflexChain};
use octollm_core::testing::texts::{HARD, Kind, PROSE};

const CLEAN: &str = "The tide at Brest rises by seven metres. Spring tides follow the full moon, and the harbour \
    master writes the level of the water into a book every hour, as his predecessors did for two centuries. ";
const DENSE: &str = "Write to jane.doe@example.com or call 415-555-2671; card 4111 1111 1111 1111, IBAN \
    GB82 WEST 1234 5698 7654 32, host 192.168.17.4, born 12 March 1985, ssn 123-45-6789, api_key = a8Kd0QzX3mP7vRt2LbY5. ";
const FOREIGN: &str =
    "Der Tidenhub beträgt sieben Meter, für Wörter außerhalb von ASCII. 潮は七メートル上がります。";

/// What people write who have something to tell, with code, tables and addresses in it.
const DOCUMENTS: [&str; 4] = [
    include_str!("../../README.md"),
    include_str!("../../docs/how-it-works.md"),
    include_str!("../../docs/arms.md"),
    include_str!("../../docs/python.md"),
];

fn main() {
    let asked = |mode: &str| std::env::args().any(|argument| argument == mode);
    if asked("search") {
        return hardest::search();
    }
    if !asked("hard") {
        ordinary_texts();
    }
    hard_texts();
}

fn ordinary_texts() {
    let (pii, secrets) = (PiiDetector::new(PiiOptions::default()).unwrap(), SecretDetector::new().unwrap());
    let names = PiiDetector::new(PiiOptions { names: true, ..PiiOptions::default() }).unwrap();
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
            measure(name, &text, "that with names", || {
                black_box(names.scan_canonical(&canonical));
            });
            measure(name, &text, "secrets", || {
                black_box(secrets.scan_canonical(&canonical));
            });
            measure(name, &text, "injection", || {
                black_box(injections.judge(&canonical, Origin::User.into()));
            });
            measure(name, &text, "all of it", || {
                let canonical = Canonical::new(&text);
                black_box(secrets.scan_canonical(&canonical).merge(pii.scan_canonical(&canonical)));
                black_box(injections.judge(&canonical, Origin::User.into()));
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

/// Bytes of hard texts: a piece of a document, a long message, and what no request may hold.
const HARD_SIZES: [usize; 3] = [8 << 10, 128 << 10, 10 << 20];

fn hard_texts() {
    let chain = ReflexChain::new(Policy::default()).unwrap();
    for origin in [Origin::User, Origin::Document] {
        let costs = |kind: &Kind| HARD_SIZES.map(|size| cost(&chain, &kind.text(size), origin));
        let (prose, documents) = (costs(&PROSE)[1], cost_of_documents(&chain, origin));
        let dearest = |row: &([f64; 3], &str)| row.0.iter().copied().fold(0.0, f64::max);
        let mut rows: Vec<_> = HARD.iter().map(|kind| (costs(kind), kind.name)).collect();
        rows.sort_by(|a, b| dearest(b).total_cmp(&dearest(a)));
        println!();
        println!(
            "hard texts of origin {}, the chain, us/KB; prose takes {prose:.1}, this project's documents {documents:.1}",
            origin.name()
        );
        println!("{:<40} {:>9} {:>9} {:>9} times prose, documents", "", "8 KB", "128 KB", "10 MB");
        for row in rows {
            let ([short, once, long], name) = row;
            let times = [prose, documents].map(|ordinary| dearest(&row) / ordinary);
            println!("{name:<40} {short:>9.1} {once:>9.1} {long:>9.1} {:>11.1} {:>10.1}", times[0], times[1]);
        }
    }
}

/// Microseconds for 1024 bytes of a text, of the quickest of a few rounds.
fn cost(chain: &ReflexChain, text: &str, origin: Origin) -> f64 {
    let rounds = (0..if text.len() > 1 << 20 { 1 } else { 5 }).map(|_| {
        let started = Instant::now();
        black_box(chain.screen(text, origin));
        started.elapsed().as_secs_f64()
    });
    rounds.fold(f64::MAX, f64::min) * 1e6 * 1024.0 / text.len() as f64
}

/// The same for a document of this project, on average.
fn cost_of_documents(chain: &ReflexChain, origin: Origin) -> f64 {
    DOCUMENTS.map(|text| cost(chain, text, origin)).iter().sum::<f64>() / DOCUMENTS.len() as f64
}
