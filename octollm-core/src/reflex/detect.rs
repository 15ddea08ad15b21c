//! The detectors as reflexes: each looks, adds what it found, and stops the chain where the policy refuses it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::injection::InjectionDetector;
use super::pii::PiiType;
use super::{
    Action, Canonical, Detectors, Finding, FindingKind, Findings, Origin, Policy, Reaction, Reflex, Stimulus,
    edit, long, redact, secrets,
};

/// Bytes of the longest text that is read together with its label. A label says what a value is; prose says it itself.
const LABELLED: usize = 512;

/// Bytes of the shortest text that can be an order to a model: a key, a number, a word is none.
const SHORTEST_ORDER: usize = 12;

/// Passages of one short text that are marked one by one, and bytes of all that is judged again for them. It bounds what a text
/// made of injections costs.
const MOST_PASSAGES: usize = 4;
const JUDGED_AGAIN: usize = 2048;

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
    /// What is an injection, without what was marked as data before. A judgement names the worst passage only; where the passages
    /// are to be marked, all of them have to be found.
    fn search(&self, stimulus: &Stimulus<'_>) -> Findings {
        let (text, origin) = (stimulus.text(), stimulus.origin);
        let unmarked = without(edit::without_marked(text), text, &stimulus.given_out);
        let canonical = match &unmarked {
            None => stimulus.canonical(),
            Some(rest) => Canonical::new(rest),
        };
        if text.len() > long::PIECE && origin.is_external() {
            return self.in_pieces(text, &canonical, origin);
        }
        let plain = self.detectors.injections.judge_plain(&canonical, origin.into());
        let is_marked = |finding: &&Finding| self.policy.action(finding, origin) == Action::Redact;
        if let Some(worst) = plain.finding().filter(is_marked) {
            return self.passages(text, &canonical, origin, worst.clone());
        }
        if plain.is_critical() {
            return plain.into_findings();
        }
        plain.or_worse(self.detectors.injections.judge_disguised(&canonical, origin.into())).into_findings()
    }

    /// All passages of a text, which is judged again without each of them. One that has too many, or more in disguise, is one as a
    /// whole. Disguises are read once, for they cost more than all the rest.
    fn passages(&self, text: &str, canonical: &Canonical<'_>, origin: Origin, worst: Finding) -> Findings {
        let most = (JUDGED_AGAIN / text.len().max(1)).clamp(1, MOST_PASSAGES);
        let mut rest = Rest::of(canonical, 0..canonical.original().len());
        let (mut all, mut next) = (Vec::new(), Some(worst));
        while let Some(mut finding) = next {
            let is_last = all.len() == most;
            (finding.start, finding.end) =
                if is_last { (0, text.len()) } else { edit::sentences(text, finding.range()) };
            rest.blank(finding.range());
            all.push(finding);
            if is_last {
                return Findings::resolve(all);
            }
            next = rest.next(&self.detectors.injections, origin);
        }
        let disguised = rest.disguised(&self.detectors.injections, origin);
        let disguised = disguised.map(|finding| Finding { start: 0, end: text.len(), ..finding });
        Findings::resolve(all.into_iter().chain(disguised).collect())
    }

    /// The same for a long text from outside, piece by piece. One that holds a second passage, plainly or in disguise, is one as a
    /// whole. So a text made of injections costs about twice what any other one does.
    fn in_pieces(&self, text: &str, canonical: &Canonical<'_>, origin: Origin) -> Findings {
        let injections = &self.detectors.injections;
        let mut all = Vec::new();
        for piece in long::pieces(canonical.original()) {
            let mut rest = Rest::of(canonical, piece.clone());
            let Some(mut finding) = rest.plain(injections, origin) else {
                let disguised = rest.disguised(injections, origin);
                all.extend(disguised.map(|finding| Finding {
                    start: piece.start,
                    end: piece.end,
                    ..finding
                }));
                continue;
            };
            let (mut start, mut end) = edit::sentences(text, finding.range());
            rest.blank(start.max(piece.start)..end.min(piece.end));
            if let Some(second) = rest.next(injections, origin).or_else(|| rest.disguised(injections, origin))
            {
                (start, end) = (start.min(piece.start), end.max(piece.end));
                finding.severity = finding.severity.max(second.severity);
            }
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

/// What is left of a piece of a text without the passages that were found in it: it need not be brought into canonical form again.
struct Rest<'c> {
    canonical: &'c Canonical<'c>,
    /// Where the piece begins in the canonical text.
    from: usize,
    text: Cow<'c, str>,
}

impl<'c> Rest<'c> {
    /// A piece of the original.
    fn of(canonical: &'c Canonical<'_>, piece: Range<usize>) -> Self {
        let place = canonical.place_of(piece);
        let text = canonical.text().get(place.clone()).unwrap_or_default();
        Self { canonical, from: place.start, text: Cow::Borrowed(text) }
    }

    /// The worst passage, with its place in the original.
    fn plain(&self, injections: &InjectionDetector, origin: Origin) -> Option<Finding> {
        let found = injections.judge_plain(&Canonical::again(&self.text, None), origin.into());
        found.into_finding().map(|found| self.in_original(found))
    }

    /// A further passage.
    fn next(&self, injections: &InjectionDetector, origin: Origin) -> Option<Finding> {
        let found = injections.judge_rest(&self.text, origin.into());
        found.into_finding().map(|found| self.in_original(found))
    }

    fn disguised(&self, injections: &InjectionDetector, origin: Origin) -> Option<Finding> {
        let found = injections.judge_disguised(&Canonical::again(&self.text, None), origin.into());
        found.into_finding().map(|found| self.in_original(found))
    }

    fn in_original(&self, mut finding: Finding) -> Finding {
        let origin = self.canonical.origin(self.from + finding.start..self.from + finding.end);
        (finding.start, finding.end) = (origin.start, origin.end);
        finding
    }

    /// Leaves out a passage of the original.
    fn blank(&mut self, passage: Range<usize>) {
        let place = self.canonical.place_of(passage);
        let place =
            place.start.saturating_sub(self.from)..place.end.saturating_sub(self.from).min(self.text.len());
        if self.text.get(place.clone()).is_some() {
            self.text.to_mut().replace_range(place.clone(), &" ".repeat(place.len()));
        }
    }
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
