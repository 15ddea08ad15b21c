//! The detectors as reflexes: each looks, adds what it found, and stops the chain where the policy refuses it.

use std::ops::Range;
use std::sync::Arc;

use super::pii::PiiType;
use super::{
    Action, Canonical, Detectors, Finding, FindingKind, Findings, Origin, Policy, Reaction, Reflex, Stimulus,
    edit, long, redact, secrets,
};

/// Bytes of the longest text that is read together with its label. A label says what a value is; prose says it itself.
const LABELLED: usize = 512;

/// Bytes of the shortest text that can be an order to a model: a key, a number, a word is none.
const SHORTEST_ORDER: usize = 12;

/// Passages of one text that are marked one by one. It bounds what a text made of injections costs.
const MOST_PASSAGES: usize = 4;

/// The detectors, in the order in which they look: what is cheap and refused first saves the rest.
pub(super) fn reflexes(detectors: &Arc<Detectors>, policy: &Arc<Policy>) -> [Arc<dyn Reflex>; 3] {
    let (detectors, policy) = (|| detectors.clone(), || policy.clone());
    [
        Arc::new(Secrets { detectors: detectors(), policy: policy() }),
        Arc::new(Pii { detectors: detectors(), policy: policy() }),
        Arc::new(Injections { detectors: detectors(), policy: policy() }),
    ]
}

struct Secrets {
    detectors: Arc<Detectors>,
    policy: Arc<Policy>,
}

impl Reflex for Secrets {
    fn name(&self) -> &'static str {
        "secrets"
    }

    fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction {
        if !self.policy.looks_for(FindingKind::Secret, stimulus.origin) {
            return Reaction::Pass;
        }
        let found = scan(stimulus, str::to_owned, |text| self.detectors.secrets.scan_canonical(text));
        decide(&self.policy, stimulus, found, "secret")
    }
}

struct Pii {
    detectors: Arc<Detectors>,
    policy: Arc<Policy>,
}

impl Reflex for Pii {
    fn name(&self) -> &'static str {
        "pii"
    }

    fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction {
        if !self.policy.looks_for(FindingKind::Pii, stimulus.origin) {
            return Reaction::Pass;
        }
        let found = scan(stimulus, spoken, |text| self.detectors.pii.scan_canonical(text));
        decide(&self.policy, stimulus, found, "pii")
    }
}

struct Injections {
    detectors: Arc<Detectors>,
    policy: Arc<Policy>,
}

impl Reflex for Injections {
    fn name(&self) -> &'static str {
        "injection"
    }

    fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction {
        if !self.policy.looks_for(FindingKind::Injection, stimulus.origin) {
            return Reaction::Pass;
        }
        if stimulus.text().len() < SHORTEST_ORDER || is_name_of_type(stimulus.text()) {
            return Reaction::Pass;
        }
        let found = self.search(stimulus);
        decide(&self.policy, stimulus, found, "injection")
    }
}

impl Injections {
    /// What is an injection, without what was marked as data before. A judgement names the worst passage only; where
    /// the passages are to be marked, all of them have to be found, so the rest is judged again, and a text that has
    /// too many is one as a whole.
    fn search(&self, stimulus: &Stimulus<'_>) -> Findings {
        let (text, origin) = (stimulus.text(), stimulus.origin);
        let unmarked = without(edit::without_marked(text), text, &stimulus.given_out);
        if text.len() > long::PIECE && origin.is_external() {
            return self.in_pieces(text, unmarked.as_deref().unwrap_or(text), origin);
        }
        let first = match &unmarked {
            None => self.detectors.injections.judge(&stimulus.canonical(), origin.into()),
            Some(rest) => self.detectors.injections.judge(&Canonical::new(rest), origin.into()),
        };
        let mut found = first.into_findings();
        let is_marked = |finding: &Finding| self.policy.action(finding, origin) == Action::Redact;
        if !found.iter().any(is_marked) {
            return found;
        }
        let mut rest = unmarked.unwrap_or_else(|| text.to_owned());
        let mut all = Vec::new();
        while let Some(mut finding) = found.into_iter().next() {
            (finding.start, finding.end) = match all.len() {
                MOST_PASSAGES => (0, text.len()),
                _ => edit::sentences(text, finding.range()),
            };
            let range = finding.range();
            all.push(finding);
            if all.len() > MOST_PASSAGES {
                break;
            }
            rest.replace_range(range.clone(), &" ".repeat(range.len()));
            found = self.detectors.injections.judge(&Canonical::new(&rest), origin.into()).into_findings();
        }
        Findings::resolve(all)
    }

    /// The same for a long text from outside, piece by piece. A piece is judged twice at most: one that holds a second
    /// passage is one as a whole. So a text made of injections costs about twice what any other one does.
    fn in_pieces(&self, text: &str, judged: &str, origin: Origin) -> Findings {
        let judge = |part: &str| self.detectors.injections.judge(&Canonical::new(part), origin.into());
        let mut all = Vec::new();
        for piece in long::pieces(judged) {
            let part = judged.get(piece.clone()).unwrap_or_default();
            let Some(mut finding) = judge(part).into_findings().into_iter().next() else { continue };
            let (start, end) = edit::sentences(text, piece.start + finding.start..piece.start + finding.end);
            let within = start.max(piece.start) - piece.start..end.min(piece.end) - piece.start;
            let mut rest = part.to_owned();
            if rest.get(within.clone()).is_some() {
                rest.replace_range(within.clone(), &" ".repeat(within.len()));
            }
            let (start, end) = match judge(&rest).is_injection() {
                true => (start.min(piece.start), end.max(piece.end)),
                false => (start, end),
            };
            (finding.start, finding.end) = (redact::floor(text, start), redact::ceil(text, end));
            all.push(finding);
        }
        Findings::resolve(all)
    }
}

/// Types of injections, as the detector gives them.
const ORDERS: &[&str] = &[
    "prompt_injection",
    "instruction_override",
    "prompt_extraction",
    "role_change",
    "delimiter_forgery",
    "covert_action",
];

/// Whether a text is nothing but what a detector calls what it finds, `aws_access_key`: the answer of an arm that looked
/// at a text. It orders nothing, whatever its words are.
fn is_name_of_type(text: &str) -> bool {
    let is_name = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name
        && (ORDERS.contains(&text)
            || PiiType::from_name(text).is_some()
            || secrets::type_names().any(|name| name == text))
}

/// The text with blanks, byte by byte, where these ranges are; `None` where it is still the whole text.
fn without(rest: Option<String>, text: &str, ranges: &[Range<usize>]) -> Option<String> {
    if ranges.is_empty() {
        return rest;
    }
    let mut rest = rest.unwrap_or_else(|| text.to_owned());
    for range in ranges.iter().filter(|range| text.get((*range).clone()).is_some()) {
        rest.replace_range(range.clone(), &" ".repeat(range.len()));
    }
    Some(rest)
}

/// Adds what the policy does not ignore. Refused is the whole text, at the first finding that the policy refuses.
fn decide(policy: &Policy, stimulus: &mut Stimulus<'_>, found: Findings, code: &'static str) -> Reaction {
    if found.is_empty() {
        return Reaction::Pass;
    }
    let origin = stimulus.origin;
    let kept = found.into_iter().filter(|finding| policy.action(finding, origin) != Action::Off);
    let kept = Findings::resolve(kept.collect());
    if kept.iter().any(|finding| policy.action(finding, origin) == Action::Refuse) {
        return Reaction::Refuse { code: code.into(), findings: kept };
    }
    stimulus.found(kept);
    Reaction::Pass
}

/// Scans a text, a short one together with its label.
fn scan(
    stimulus: &Stimulus<'_>,
    say: impl Fn(&str) -> String,
    scan: impl Fn(&Canonical<'_>) -> Findings,
) -> Findings {
    let text = stimulus.text();
    let Some(label) = stimulus.label.filter(|_| text.len() <= LABELLED) else {
        return scan(&stimulus.canonical());
    };
    let mut labelled = say(label);
    labelled.push_str(": ");
    let lead = labelled.len();
    labelled.push_str(text);
    let found = scan(&Canonical::new(&labelled)).into_iter().filter(|finding| finding.end > lead);
    let found = found.map(|mut finding| {
        finding.start = finding.start.saturating_sub(lead);
        finding.end -= lead;
        finding
    });
    Findings::resolve(found.collect())
}

/// A key as words: `dateOfBirth` and `date_of_birth` as `date of birth`.
fn spoken(label: &str) -> String {
    let mut words = String::with_capacity(label.len() + 8);
    let mut was_lower = false;
    for c in label.chars().take(64) {
        if was_lower && c.is_uppercase() {
            words.push(' ');
        }
        was_lower = c.is_lowercase();
        words.extend(if c == '_' || c == '-' { ' ' } else { c }.to_lowercase());
    }
    words
}
