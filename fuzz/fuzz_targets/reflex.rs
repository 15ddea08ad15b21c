//! Any text, and any JSON, through everything that the reflexes do: nothing panics, every place is whole characters of the
//! text, no finding lies over another, and what is redacted is gone.
#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use octollm_core::reflex::pii::PiiOptions;
use octollm_core::reflex::{
    Canonical, Detectors, Findings, Origin, Place, Policy, Preset, RedactStyle, Redactor, ReflexChain,
};
use serde_json::Value;

static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| {
    Detectors::with(PiiOptions { names: true, ..PiiOptions::default() }).expect("detectors")
});
static CHAINS: LazyLock<Vec<ReflexChain>> = LazyLock::new(|| {
    Preset::ALL.map(|preset| ReflexChain::new(Policy::of(preset)).expect("a chain")).into()
});
const STYLES: [RedactStyle; 5] = [
    RedactStyle::Mask,
    RedactStyle::Partial,
    RedactStyle::Hash,
    RedactStyle::Remove,
    RedactStyle::Placeholder,
];

fn check(text: &str, findings: &Findings) {
    let mut done = 0;
    for finding in findings {
        assert!(done <= finding.start && finding.start < finding.end, "findings overlap");
        assert!(text.get(finding.range()).is_some(), "no characters");
        assert!((0.0..=1.0).contains(&finding.confidence));
        done = finding.end;
    }
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let canonical = Canonical::new(&text);
    for (at, c) in canonical.text().char_indices() {
        assert!(text.get(canonical.origin(at..at + c.len_utf8())).is_some());
    }
    let (data, orders) = (DETECTORS.private(&text), DETECTORS.orders(&text, Origin::Document));
    check(&text, &data);
    check(&text, &orders);
    for style in STYLES {
        Redactor::new(style, [7; 32]).redact(&text, &data);
    }
    let placeholders = Mutex::new(Redactor::new(RedactStyle::Remove, [7; 32]));
    Policy::default().apply(&text, &data, &orders, Origin::Document, &placeholders);
    for chain in &*CHAINS {
        for origin in [Origin::User, Origin::Tool] {
            let (_, report) = chain.screen(&text, origin);
            assert!(report.sightings.iter().all(|seen| text.get(seen.finding.range()).is_some()));
        }
        if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
            let mut screening = chain.screening();
            screening.value(&mut value, Origin::Arm, &Place::default());
        }
    }
});
