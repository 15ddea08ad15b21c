//! All detectors, over one canonical form of a text.

use super::injection::{InjectionDetector, Origin, Verdict};
use super::pii::{PiiDetector, PiiOptions};
use super::secrets::SecretDetector;
use super::{Canonical, Findings};
use crate::error::Result;

/// Personal data, secrets and injections. Built once, then shared: scanning needs no lock.
///
/// ```
/// use octollm_core::reflex::{Detectors, RedactStyle, Redactor};
///
/// let detectors = Detectors::new()?;
/// let text = "Write to ada@example.org, please.";
/// let findings = detectors.private(text);
/// assert_eq!(findings[0].type_name, "email");
/// assert_eq!(&text[findings[0].range()], "ada@example.org");
/// let mut redactor = Redactor::new(RedactStyle::Placeholder, [7; 32]);
/// assert_eq!(redactor.redact(text, &findings), "Write to <EMAIL_1>, please.");
/// # Ok::<(), octollm_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Detectors {
    pub(super) pii: PiiDetector,
    pub(super) secrets: SecretDetector,
    pub(super) injections: InjectionDetector,
}

impl Detectors {
    /// All of them, with their defaults.
    ///
    /// # Errors
    /// Only a defect of this library.
    pub fn new() -> Result<Self> {
        Self::with(PiiOptions::default())
    }

    /// All of them, with these options for personal data. What they allow is no secret, either.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with every option that cannot be used.
    pub fn with(options: PiiOptions) -> Result<Self> {
        let secrets = SecretDetector::new()?.allowing(&options.allow);
        Ok(Self { pii: PiiDetector::new(options)?, secrets, injections: InjectionDetector::new()? })
    }

    /// What must not get out: personal data and secrets.
    pub fn private(&self, text: &str) -> Findings {
        self.private_in(&Canonical::new(text))
    }

    /// The same for a later part of a text that is scanned in parts. In `table` what the part begins with is a row of a table of the
    /// text ([`OpenTable`](super::OpenTable)), whose names of columns stand before it; else a list of names in it is none.
    pub fn private_part(&self, text: &str, table: bool) -> Findings {
        let mut canonical = Canonical::new(text);
        canonical.may_begin_table = table;
        self.private_in(&canonical)
    }

    /// Whether the text is an injection, and how far it is over the threshold.
    pub fn judge(&self, text: &str, origin: Origin) -> Verdict {
        self.injections.judge(&Canonical::new(text), origin)
    }

    /// Everything that is found, overlaps resolved.
    pub fn scan(&self, text: &str, origin: Origin) -> Findings {
        let canonical = Canonical::new(text);
        self.private_in(&canonical).merge(self.injections.judge(&canonical, origin).into_findings())
    }

    fn private_in(&self, canonical: &Canonical<'_>) -> Findings {
        self.secrets.scan_canonical(canonical).merge(self.pii.scan_canonical(canonical))
    }
}
