//! Personal data that has a structure: addresses, account and identity numbers, telephones, dates of birth.
//!
//! Names of persons and street addresses have none. They are looked for on request only ([`PiiOptions::names`]), by a small model
//! ([`names`]); organisations are not.
//!
//! A candidate has to pass its validator (check digits, ranges, parsing) and then has a confidence, which the words around
//! it raise or lower: a format that is telling by itself (an IBAN with the right check digits) is believed alone,
//! nine bare digits only after "routing number".

mod checks;
mod columns;
mod context;
mod custom;
mod dates;
mod documents;
mod identifiers;
mod kinds;
pub mod names;
mod network;
mod numbers;
mod phone;
mod reserved;
mod scan;
#[cfg(test)]
mod tests;
mod vat;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use custom::CustomPattern;
pub use kinds::{Locale, PiiType};

use super::allow::AllowList;
use super::{Canonical, Finding, FindingKind, Findings, escapes};
use crate::error::{Error, Fault, Result};
use columns::Columns;
use context::Contexts;
use custom::CustomPatterns;
use kinds::TypeSet;
use names::NameTagger;
use scan::Scan;

/// What is looked for, and how sure a finding has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PiiOptions {
    /// Packs of types; all of them by default.
    pub locales: Vec<Locale>,
    /// Whether names of persons (`person`) and street addresses (`address`) are looked for, too: by a model that errs, so not
    /// unless it is asked for.
    pub names: bool,
    /// Names of types that are not looked for.
    pub without: Vec<String>,
    /// Findings that are less sure are dropped, 0 to 1.
    pub min_confidence: f32,
    /// Values that are never findings, whatever their case and, of long ones, their spaces, dashes and dots: `support@example.com`;
    /// `@example.com` for all addresses there. [`Detectors`](super::Detectors) allow them as secrets, too.
    pub allow: Vec<String>,
    /// Patterns of your own; 64 at most.
    pub custom: Vec<CustomPattern>,
}

impl Default for PiiOptions {
    fn default() -> Self {
        use Locale::{De, Es, Fr, International, It, Nl, Pl, Uk, Us};
        Self {
            locales: vec![International, Us, Uk, Es, It, De, Fr, Pl, Nl],
            names: false,
            without: Vec::new(),
            min_confidence: 0.5,
            allow: Vec::new(),
            custom: Vec::new(),
        }
    }
}

/// Finds personal data. Built once, then shared: scanning needs no lock.
#[derive(Debug)]
pub struct PiiDetector {
    types: TypeSet,
    min_confidence: f32,
    contexts: Contexts,
    names: Option<NameTagger>,
    allow: AllowList,
    custom: CustomPatterns,
}

impl PiiDetector {
    /// A detector with these options.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with every option that cannot be used.
    pub fn new(options: PiiOptions) -> Result<Self> {
        let mut faults = Vec::new();
        if !(0.0..=1.0).contains(&options.min_confidence) {
            faults.push(Fault::new("/min_confidence", "must be from 0 to 1"));
        }
        for (at, name) in options.without.iter().enumerate() {
            if PiiType::from_name(name).is_none() {
                let known: Vec<_> = PiiType::ALL.iter().map(|kind| kind.name()).collect();
                faults.push(Fault::new(
                    format!("/without/{at}"),
                    format!("must be one of {}", known.join(", ")),
                ));
            }
        }
        for (at, value) in options.allow.iter().enumerate() {
            faults.extend(AllowList::fault(value).map(|detail| Fault::new(format!("/allow/{at}"), detail)));
        }
        let custom = CustomPatterns::compile(&options.custom, &mut faults);
        if !faults.is_empty() {
            return Err(Error::invalid("the options of the detector of personal data are invalid", faults));
        }
        let wanted = |kind: &PiiType| {
            (options.locales.contains(&kind.locale()) || kind.is_named())
                && !options.without.iter().any(|name| name == kind.name())
        };
        Ok(Self {
            types: TypeSet::of(PiiType::ALL.iter().copied().filter(wanted)),
            min_confidence: options.min_confidence,
            contexts: Contexts::new()?,
            names: options.names.then(NameTagger::new).transpose()?,
            allow: AllowList::new(&options.allow),
            custom,
        })
    }

    /// Finds personal data in a text.
    pub fn scan(&self, text: &str) -> Findings {
        self.scan_canonical(&Canonical::new(text))
    }

    /// The same for a text that other detectors see too.
    pub fn scan_canonical(&self, text: &Canonical<'_>) -> Findings {
        let read = escapes::blanked(text.text());
        let table = text.may_begin_table.then(|| Columns::new(&self.contexts, &read));
        let mut found = Scan::new(&read, self.types, &self.contexts, self.min_confidence, table).run();
        if let Some(names) = &self.names {
            let named = names.scan(&read, &found, self.min_confidence, |kind| self.types.has(kind));
            found.extend(named);
        }
        let mut findings: Vec<Finding> = found
            .into_iter()
            .filter(|found| !self.allow.allows(text.text().get(found.start..found.end).unwrap_or_default()))
            .map(|found| finding(found, text))
            .collect();
        self.custom.scan(text, text.text(), &self.allow, self.min_confidence, &mut findings);
        if let Cow::Owned(read) = &read {
            self.custom.scan(text, read, &self.allow, self.min_confidence, &mut findings);
        }
        Findings::resolve(findings)
    }
}

fn finding(found: scan::Candidate, text: &Canonical<'_>) -> Finding {
    let origin = text.origin(found.start..found.end);
    Finding {
        kind: FindingKind::Pii,
        type_name: found.kind.name().into(),
        start: origin.start,
        end: origin.end,
        confidence: found.confidence,
        severity: found.kind.severity(),
        explanation: found.kind.describe().into(),
    }
}
