//! One review: what every check found, put together.

use octollm_core::Result;
use octollm_core::reflex::{
    Action, FindingKind, Part, Place, Policy, Preset, ReflexChain, Rules, Severity, Sighting,
};
use serde_json::{Map, Value};

use super::content::Content;
use super::policy::GuardPolicy;
use super::request::{Check, GuardIssue, GuardLocation, GuardRequest, GuardResponse, RiskLevel, Unchecked};

/// Issues that an answer lists.
const MOST_ISSUES: usize = 200;

/// Where the text and the fields stand in the request.
pub(super) const TEXT: &str = "/text";
pub(super) const FIELDS: &str = "/fields";

/// What a review is made with.
pub(super) struct Review<'a> {
    pub(super) chain: &'a ReflexChain,
    pub(super) content: &'a Content,
    pub(super) policy: Option<&'a GuardPolicy>,
}

impl Review<'_> {
    /// Makes it.
    pub(super) fn of(&self, request: &GuardRequest) -> Result<GuardResponse> {
        let (checked, unchecked) = self.possible(request);
        let mut issues = Vec::new();
        let mut sanitized = self.detect(request, &checked, &mut issues)?;
        if checked.contains(&Check::Content) {
            issues.extend(self.content.issues(request));
        }
        if let (Some(policy), true) = (self.policy, checked.contains(&Check::Policy)) {
            issues.extend(policy.issues(request));
            if let Some((text, fields)) = &mut sanitized {
                policy.replace_denied(text, fields);
            }
        }
        issues.sort_by_key(|issue| issue.check);
        let worst = issues.iter().map(|issue| issue.severity).max();
        let omitted = issues.len().saturating_sub(MOST_ISSUES);
        issues.truncate(MOST_ISSUES);
        // Only now: finding a line means reading up to it.
        issues.iter_mut().for_each(|issue| find_line(request, &mut issue.location));
        let (sanitized_text, sanitized_fields) = sanitized.unzip();
        Ok(GuardResponse {
            safe: issues.is_empty() && unchecked.is_empty(),
            risk_level: worst.map_or(RiskLevel::None, RiskLevel::from),
            blocked: worst.is_some_and(|worst| worst >= request.block_on),
            issues,
            omitted,
            sanitized_text,
            sanitized_fields: sanitized_fields.filter(|fields| !fields.is_empty()),
            checked,
            unchecked,
        })
    }

    /// What can be looked for, and what was asked for by name and cannot.
    fn possible(&self, request: &GuardRequest) -> (Vec<Check>, Vec<Unchecked>) {
        let (mut checked, mut unchecked) = (request.wanted(), Vec::new());
        if self.policy.is_none() {
            checked.retain(|check| *check != Check::Policy);
            if request.checks.contains(&Check::Policy) {
                let reason = "no policy file is configured (GUARDIAN_POLICY)".to_owned();
                unchecked.push(Unchecked { check: Check::Policy, reason });
            }
        }
        (checked, unchecked)
    }

    /// Personal data, secrets and injections; answers text and fields as they may go on, where that was asked for.
    fn detect(
        &self,
        request: &GuardRequest,
        checked: &[Check],
        issues: &mut Vec<GuardIssue>,
    ) -> Result<Option<(String, Map<String, Value>)>> {
        let chain = self.chain.under(self.rules(request, checked))?;
        let mut screening = chain.screening().listing(usize::MAX);
        let place = |pointer: &str| Place { pointer: pointer.to_owned(), ..Place::of(Part::Text) };
        let text = screening.text(&request.text, request.origin, place(TEXT)).into_owned();
        let mut fields = Value::Object(request.fields.clone());
        screening.value(&mut fields, request.origin, &place(FIELDS));
        issues.extend(screening.finish().sightings.iter().map(issue));
        let Value::Object(fields) = fields else { return Ok(None) };
        Ok(request.redact.then_some((text, fields)))
    }

    fn rules(&self, request: &GuardRequest, checked: &[Check]) -> Policy {
        let found = if request.redact { Action::Redact } else { Action::Flag };
        let rules = |check: Check| Rules::all(if checked.contains(&check) { found } else { Action::Off });
        let own = self.chain.policy();
        Policy {
            secrets: rules(Check::Secrets),
            pii: rules(Check::Pii),
            injection: rules(Check::Injection),
            style: own.style,
            detect: own.detect.clone(),
            ..Policy::of(Preset::Off)
        }
    }
}

fn issue(sighting: &Sighting) -> GuardIssue {
    let finding = &sighting.finding;
    GuardIssue {
        check: match finding.kind {
            FindingKind::Secret => Check::Secrets,
            FindingKind::Injection => Check::Injection,
            _ => Check::Pii,
        },
        type_name: finding.type_name.clone().into_owned(),
        severity: finding.severity,
        message: finding.explanation.clone().into_owned(),
        confidence: finding.confidence,
        location: locate(&sighting.place.pointer, finding.start, finding.end),
    }
}

/// The place of these bytes of the text at this pointer.
pub(super) fn locate(pointer: &str, start: usize, end: usize) -> GuardLocation {
    GuardLocation { start: Some(start), end: Some(end), ..whole(pointer) }
}

/// The whole of the text at this pointer.
pub(super) fn whole(pointer: &str) -> GuardLocation {
    GuardLocation { pointer: pointer.to_owned(), ..GuardLocation::default() }
}

/// Adds line and column, where the text can be had.
fn find_line(request: &GuardRequest, location: &mut GuardLocation) {
    let text = match location.pointer.strip_prefix(FIELDS) {
        Some(below) => pointed(&request.fields, below),
        None => Some(request.text.as_str()),
    };
    let Some(before) = location.start.and_then(|start| text?.get(..start)) else { return };
    location.line = Some(before.matches('\n').count() + 1);
    location.column = Some(before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
}

/// The text at this pointer below the fields.
fn pointed<'a>(fields: &'a Map<String, Value>, below: &str) -> Option<&'a str> {
    let (first, rest) = match below.strip_prefix('/')?.split_once('/') {
        Some((first, _)) => (first, below.get(first.len() + 1..)?),
        None => (below.strip_prefix('/')?, ""),
    };
    fields.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)?.as_str()
}

/// An issue of a check that reads places by itself.
pub(super) struct Hit<'a> {
    pub(super) check: Check,
    pub(super) type_name: &'a str,
    pub(super) severity: Severity,
    pub(super) message: &'a str,
    pub(super) confidence: f32,
}

impl Hit<'_> {
    /// The issue, at this place.
    pub(super) fn at(&self, location: GuardLocation) -> GuardIssue {
        GuardIssue {
            check: self.check,
            type_name: self.type_name.to_owned(),
            severity: self.severity,
            message: self.message.to_owned(),
            confidence: self.confidence,
            location,
        }
    }
}
