//! What a detector finds of labelled texts.

use std::collections::BTreeSet;

use octollm_core::reflex::Canonical;
use octollm_core::reflex::injection::{InjectionDetector, Origin};

use crate::data::Labelled;
use crate::disguise::DISGUISES;

/// Prints what is flagged, by source and label.
pub(crate) fn by_source(detector: &InjectionDetector, rows: &[Labelled]) {
    let sources: BTreeSet<&str> = rows.iter().map(|row| row.source.as_str()).collect();
    for source in sources {
        for label in [false, true] {
            let of: Vec<_> =
                rows.iter().filter(|row| row.source == source && row.is_injection == label).collect();
            if of.is_empty() {
                continue;
            }
            let flagged = of.iter().filter(|row| is_flagged(detector, &row.text)).count();
            let kind = if label { "injections" } else { "harmless  " };
            let share = flagged as f64 / of.len() as f64 * 100.0;
            println!("  {source:<17} {kind} {flagged:>5} of {:>5}  {share:>5.1}%", of.len());
            if std::env::var_os("SHOW").is_some_and(|show| show == source) {
                of.iter()
                    .filter(|row| is_flagged(detector, &row.text) != label)
                    .for_each(|row| show(detector, row));
            }
        }
    }
}

fn show(detector: &InjectionDetector, row: &Labelled) {
    let text: String = row.text.chars().take(200).collect();
    let margin = detector.judge(&Canonical::new(&row.text), Origin::User).margin;
    println!("      {margin:>6.2} {text:?}");
}

/// Prints what is left of recall, and what is flagged of the harmless, under each disguise.
pub(crate) fn disguised(detector: &InjectionDetector, held: &[Labelled], dev: &[Labelled]) {
    let short = |row: &&Labelled| row.text.len() < 300;
    let injections: Vec<_> = held.iter().chain(dev).filter(|row| row.is_injection).filter(short).collect();
    let harmless: Vec<_> = dev.iter().filter(|row| !row.is_injection).filter(short).collect();
    println!("  of {} injections and {} harmless texts", injections.len(), harmless.len());
    let share = |rows: &[&Labelled], disguise: fn(&str) -> String| {
        rows.iter().filter(|row| is_flagged(detector, &disguise(&row.text))).count() as f64
            / rows.len() as f64
            * 100.0
    };
    for (name, disguise) in DISGUISES {
        if std::env::var_os("SHOW").is_some_and(|show| show == *name) {
            let lost = injections.iter().filter(|row| is_flagged(detector, &row.text));
            lost.filter(|row| !is_flagged(detector, &disguise(&row.text)))
                .for_each(|row| show(detector, row));
        }
        println!(
            "  {name:<16} {:>5.1}% {:>6.2}%",
            share(&injections, *disguise),
            share(&harmless, *disguise)
        );
    }
}

fn is_flagged(detector: &InjectionDetector, text: &str) -> bool {
    detector.judge(&Canonical::new(text), Origin::User).is_injection()
}
