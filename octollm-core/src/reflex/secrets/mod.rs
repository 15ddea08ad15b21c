//! Credentials: tokens whose format is known, keys and passwords beside a word that announces them.
//!
//! One pass of a multi-pattern automaton finds where a credential can begin (`ghp_`, `-----BEGIN`, `password`, `://`); a
//! validator for the format reads on from there.

mod assigned;
mod formats;
mod issuers;
mod options;
#[cfg(test)]
mod tests;
mod urls;

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};

use super::allow::AllowList;
use super::{Canonical, Finding, FindingKind, Findings, Severity, capitals, escapes};
use crate::error::{Error, ErrorKind, Result};
use issuers::FORMATS;

/// Finds credentials. Built once, then shared: scanning needs no lock.
#[derive(Debug)]
pub struct SecretDetector {
    automaton: AhoCorasick,
    /// What each of its patterns announces.
    anchors: Vec<Anchor>,
    allow: AllowList,
}

/// A place in the canonical text, and what stands there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Secret {
    type_name: &'static str,
    start: usize,
    end: usize,
    confidence: f32,
    severity: Severity,
    explanation: &'static str,
}

/// What an anchor announces.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    /// A format of the table.
    Format(usize),
    /// A word such as `password`.
    Word(usize),
    /// An option of a command: ` -p`.
    Option(usize),
    /// `://`
    Url,
    /// `oracle:thin:`
    Oracle,
}

impl Anchor {
    /// All of them, each with the text that announces it.
    fn all() -> Vec<(Cow<'static, str>, Self)> {
        let given = |(at, text): (usize, &'static str), anchor: fn(usize) -> Self| (text.into(), anchor(at));
        let mut all: Vec<_> = FORMATS
            .iter()
            .map(|format| format.prefix)
            .enumerate()
            .map(|format| given(format, Self::Format))
            .collect();
        let words = || assigned::WORDS.iter().map(|word| word.text).enumerate();
        all.extend(words().map(|word| given(word, Self::Word)));
        let capitals =
            |(at, word)| capitals::of(word).into_iter().map(move |form| (form.into(), Self::Word(at)));
        all.extend(words().flat_map(capitals));
        let options = options::OPTIONS.iter().map(|option| option.text).enumerate();
        all.extend(options.map(|option| given(option, Self::Option)));
        all.push(("://".into(), Self::Url));
        all.push((urls::ORACLE.into(), Self::Oracle));
        all
    }
}

/// The names of all types, some of them more than once.
pub(super) fn type_names() -> impl Iterator<Item = &'static str> {
    let formats = FORMATS.iter().map(|format| format.type_name);
    formats.chain([assigned::PASSWORD, assigned::API_KEY, urls::TYPE])
}

impl SecretDetector {
    /// A detector for all formats that are known.
    ///
    /// # Errors
    /// Only a defect of this library.
    pub fn new() -> Result<Self> {
        let all = Anchor::all();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(all.iter().map(|(text, _)| text.as_ref()))
            .map_err(|cause| {
                Error::new(ErrorKind::Internal, "the secrets' anchors do not compile").with_source(cause)
            })?;
        let anchors = all.into_iter().map(|(_, anchor)| anchor).collect();
        Ok(Self { automaton, anchors, allow: AllowList::default() })
    }

    /// The same detector, for which these values are no secrets: keys of a documentation.
    #[must_use]
    pub fn allowing(self, values: &[String]) -> Self {
        Self { allow: AllowList::new(values), ..self }
    }

    /// Finds credentials in a text.
    pub fn scan(&self, text: &str) -> Findings {
        self.scan_canonical(&Canonical::new(text))
    }

    /// The same for a text that other detectors see too.
    pub fn scan_canonical(&self, text: &Canonical<'_>) -> Findings {
        let read = escapes::blanked(text.text());
        let (bytes, mut found, mut done, mut spent) =
            (read.as_bytes(), Vec::new(), 0, assigned::Spent::default());
        let mut named = false;
        for anchor in self.automaton.find_overlapping_iter(bytes) {
            // What lies in a secret that was read already announces no other one.
            if anchor.start() < done {
                continue;
            }
            let Some(announced) = self.anchors.get(anchor.pattern().as_usize()) else { continue };
            let secret = match *announced {
                Anchor::Format(at) => FORMATS.get(at).and_then(|format| format.read(bytes, anchor.start())),
                Anchor::Word(at) => {
                    named = true;
                    assigned::read(bytes, anchor.start(), anchor.end(), at, &mut spent)
                }
                Anchor::Option(at) => options::read(bytes, anchor.start(), anchor.end(), at),
                Anchor::Url => urls::read(bytes, anchor.start(), anchor.end()),
                Anchor::Oracle => urls::read_oracle(bytes, anchor.start(), anchor.end()),
            };
            if let Some(secret) = secret {
                done = if secret.confidence > 0.9 { secret.end } else { done };
                found.push(secret);
            }
        }
        if named && text.may_begin_table {
            found.extend(assigned::columns(&read));
        }
        found.retain(|secret| {
            !self.allow.allows_secret(text.text().get(secret.start..secret.end).unwrap_or_default())
        });
        Findings::resolve(found.into_iter().map(|secret| finding(secret, text)).collect())
    }
}

fn finding(secret: Secret, text: &Canonical<'_>) -> Finding {
    let origin = text.origin(secret.start..secret.end);
    Finding {
        kind: FindingKind::Secret,
        type_name: secret.type_name.into(),
        start: origin.start,
        end: origin.end,
        confidence: secret.confidence,
        severity: secret.severity,
        explanation: secret.explanation.into(),
    }
}

/// Shannon entropy of the bytes, in bits per byte.
fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f32;
    let bits = |count: &u32| *count as f32 / total * (*count as f32 / total).log2();
    -counts.iter().filter(|count| **count > 0).map(bits).sum::<f32>()
}
