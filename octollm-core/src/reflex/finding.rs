//! What a detector says: what kind of thing stands where, how sure it is, and how bad it would be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// Which family of detectors found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Personal data.
    Pii,
    /// A credential.
    Secret,
    /// Text that tries to give orders to the model that reads it.
    Injection,
}

impl FindingKind {
    /// The name, as it stands in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secret => "secret",
            Self::Injection => "injection",
        }
    }
}

/// How much harm is done if nobody acts on a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a note.
    Low,
    /// Personal, but public for many people: an e-mail address, a telephone number.
    Medium,
    /// Identifies a person or opens an account.
    High,
    /// Gives access or money to whoever reads it.
    Critical,
}

/// One thing that was found. It names a place and never holds the text found there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Which family of detectors found it.
    pub kind: FindingKind,
    /// What it is, such as `email` or `aws_access_key`.
    #[serde(rename = "type")]
    pub type_name: Cow<'static, str>,
    /// First byte in the original text (UTF-8 offset, on a character boundary).
    pub start: usize,
    /// One past the last byte in the original text (UTF-8 offset, on a character boundary).
    pub end: usize,
    /// How sure the detector is, 0 to 1.
    #[serde(serialize_with = "confidence")]
    pub confidence: f32,
    /// How much harm it does.
    pub severity: Severity,
    /// Why it was found, in words, without the text found.
    pub explanation: Cow<'static, str>,
}

/// Writes a confidence with four decimals at most: a number that was kept in 32 bits is 0.9700000286 in 64.
///
/// # Errors
/// As the serializer.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
pub fn confidence<S: Serializer>(confidence: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*confidence) * 1e4).round() / 1e4)
}

impl Finding {
    /// The place in the original text.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// Findings in the order of the text, none of which overlap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Orders findings and resolves overlaps: the longest wins, then the most confident, then the first.
    ///
    /// What loses is not forgotten where it reaches further than the winner: the rest of it stays a finding, so that a
    /// redaction leaves no half of anything. Empty ranges are dropped.
    pub fn resolve(mut candidates: Vec<Finding>) -> Self {
        candidates.retain(|finding| finding.start < finding.end);
        // They come in the order of the text, or in two such lists one after the other, and rarely overlap.
        candidates.sort_by_key(|finding| finding.start);
        if candidates.windows(2).all(|pair| !matches!(pair, [one, next] if one.end > next.start)) {
            return Self(candidates);
        }
        // Only what hangs together is weighed against each other: a text has many findings, and few of them meet.
        let (mut kept, mut group, mut reach) = (Vec::with_capacity(candidates.len()), Vec::new(), 0);
        for finding in candidates {
            if finding.start >= reach {
                settle(&mut group, &mut kept);
            }
            reach = reach.max(finding.end);
            group.push(finding);
        }
        settle(&mut group, &mut kept);
        Self(kept)
    }

    /// Both lists as one, overlaps resolved.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        if other.0.is_empty() {
            return self;
        }
        self.0.extend(other.0);
        Self::resolve(self.0)
    }

    /// Only what is at least this sure.
    #[must_use]
    pub fn at_least(mut self, confidence: f32) -> Self {
        self.0.retain(|finding| finding.confidence >= confidence);
        self
    }

    /// How bad the worst of them is.
    pub fn severity(&self) -> Option<Severity> {
        self.0.iter().map(|finding| finding.severity).max()
    }
}

/// Moves what is left of a group, which hangs together, to what is kept.
fn settle(group: &mut Vec<Finding>, kept: &mut Vec<Finding>) {
    if group.len() > 1 {
        group.sort_by(|a, b| {
            (b.len().cmp(&a.len())).then(b.confidence.total_cmp(&a.confidence)).then(a.start.cmp(&b.start))
        });
        *group = without_overlaps(std::mem::take(group));
        group.sort_by_key(|finding| finding.start);
    }
    kept.append(group);
}

fn without_overlaps(candidates: Vec<Finding>) -> Vec<Finding> {
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut kept = Vec::with_capacity(candidates.len());
    for mut finding in candidates {
        let Some(free) = free_part(&taken, finding.range()) else { continue };
        (finding.start, finding.end) = (free.start, free.end);
        taken.insert(free.start, free.end);
        kept.push(finding);
    }
    kept
}

/// The first part of `range` that nothing has taken.
fn free_part(taken: &BTreeMap<usize, usize>, range: Range<usize>) -> Option<Range<usize>> {
    let Range { mut start, mut end } = range;
    while start < end
        && let Some((_, &before)) = taken.range(..=start).next_back()
        && before > start
    {
        start = before;
    }
    if let Some((&after, _)) = taken.range(start..).next() {
        end = end.min(after);
    }
    (start < end).then_some(start..end)
}

impl std::ops::Deref for Findings {
    type Target = [Finding];

    fn deref(&self) -> &[Finding] {
        &self.0
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn finding(start: usize, end: usize, confidence: f32) -> Finding {
        Finding {
            kind: FindingKind::Pii,
            type_name: "email".into(),
            start,
            end,
            confidence,
            severity: Severity::Medium,
            explanation: "an e-mail address".into(),
        }
    }

    fn ranges(findings: &Findings) -> Vec<Range<usize>> {
        findings.iter().map(Finding::range).collect()
    }

    #[test]
    fn the_longest_wins_then_the_most_confident() {
        let found = Findings::resolve(vec![finding(3, 5, 0.9), finding(0, 8, 0.5), finding(0, 8, 0.7)]);
        assert_eq!((found[0].range(), found.len()), (0..8, 1));
        assert_eq!(found[0].confidence, 0.7);
    }

    #[test]
    fn the_rest_of_a_loser_stays_a_finding() {
        let found = Findings::resolve(vec![finding(0, 10, 0.5), finding(8, 15, 0.9), finding(5, 5, 1.0)]);
        assert_eq!(ranges(&found), [0..10, 10..15]);
    }

    #[test]
    fn json_has_the_names_of_the_contract() {
        let json = serde_json::to_value(Findings::resolve(vec![finding(0, 2, 0.5)])).unwrap();
        assert_eq!(
            json,
            json!([{"kind": "pii", "type": "email", "start": 0, "end": 2, "confidence": 0.5,
                    "severity": "medium", "explanation": "an e-mail address"}])
        );
    }

    proptest! {
        #[test]
        fn what_any_candidate_covers_stays_covered_once(
            candidates in proptest::collection::vec((0usize..60, 0usize..12, 0u8..4), 0..12)
        ) {
            let candidates: Vec<_> = candidates.into_iter()
                .map(|(start, len, sure)| finding(start, start + len, f32::from(sure) / 4.0)).collect();
            let found = Findings::resolve(candidates.clone());
            for (one, next) in found.iter().zip(found.iter().skip(1)) {
                prop_assert!(one.end <= next.start);
            }
            let longest = candidates.iter().map(Finding::len).max().unwrap_or(0);
            prop_assert_eq!(found.iter().map(Finding::len).max().unwrap_or(0), longest);
        }
    }
}
