//! A screening in progress: texts go in one by one, and one report comes out.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::walk::{self, Spot};
use super::{Link, ReflexChain};
use crate::reflex::edit;
use crate::reflex::report::{MAX_SIGHTINGS, Report, Sighting};
use crate::reflex::{
    Action, FindingKind, Findings, Origin, Part, Place, Placeholders, Reaction, Redactor, Stimulus, Verdict,
};
use crate::task::{SubTask, TaskRequest};

impl ReflexChain {
    /// Begins to screen the texts of one task or one call.
    pub fn screening(&self) -> Screening<'_> {
        let timings = self.links.iter().map(|link| (link.name.clone(), Duration::ZERO)).collect();
        Screening {
            chain: self,
            tenant: None,
            placeholders: None,
            own: Mutex::new(Redactor::new(self.policy.style, self.hash_key)),
            most: MAX_SIGHTINGS,
            report: Report { timings, ..Report::default() },
        }
    }

    /// Screens one text alone. Where it is refused it comes back as it was.
    pub fn screen<'t>(&self, text: &'t str, origin: Origin) -> (Cow<'t, str>, Report) {
        let mut screening = self.screening();
        let text = screening.text(text, origin, Place::default());
        (text, screening.finish())
    }
}

/// A screening in progress.
pub struct Screening<'c> {
    chain: &'c ReflexChain,
    tenant: Option<&'c str>,
    placeholders: Option<&'c dyn Placeholders>,
    own: Mutex<Redactor>,
    most: usize,
    report: Report,
}

impl<'c> Screening<'c> {
    /// Whose texts these are, for reflexes that ask.
    #[must_use]
    pub fn with_tenant(mut self, tenant: Option<&'c str>) -> Self {
        self.tenant = tenant;
        self
    }

    /// What gives placeholders that can be turned back. Without it what is found is replaced for good, in the
    /// policy's style.
    #[must_use]
    pub fn with_placeholders(mut self, placeholders: &'c dyn Placeholders) -> Self {
        self.placeholders = Some(placeholders);
        self
    }

    /// How many findings the report lists, instead of 200.
    #[must_use]
    pub fn listing(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Screens a text. It is borrowed where it goes on as it is; a refused text comes back as it was.
    pub fn text<'t>(&mut self, text: &'t str, origin: Origin, place: Place) -> Cow<'t, str> {
        let started = Instant::now();
        let screened = self.one(text, &Spot { origin, place: &place, label: None }, || place.clone());
        self.report.elapsed += started.elapsed();
        screened.map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Screens every text of a JSON document in place, keys included: an arm's output, a document with its metadata, a
    /// result. Pointers are below that of `place`. A number is looked at where it has nine digits or more, and becomes
    /// text where it is replaced. What is refused stays as it was.
    pub fn value(&mut self, value: &mut Value, origin: Origin, place: &Place) {
        let started = Instant::now();
        walk::value(self, value, origin, place);
        self.report.elapsed += started.elapsed();
    }

    /// Screens every text of a request in place: goal, constraints, context, acceptance criteria, metadata, and the
    /// actions, inputs and criteria of a plan that came with it. All of it is the user's own words.
    pub fn request(&mut self, request: &mut TaskRequest) {
        let started = Instant::now();
        self.field(&mut request.goal, Part::Goal, || "/goal".to_owned());
        for (at, text) in request.constraints.iter_mut().enumerate() {
            self.field(text, Part::Constraint, || format!("/constraints/{at}"));
        }
        if !request.context.is_empty() {
            let mut context = Value::Object(std::mem::take(&mut request.context));
            let place = Place { pointer: "/context".to_owned(), ..Place::of(Part::Context) };
            walk::value(self, &mut context, Origin::User, &place);
            if let Value::Object(fields) = context {
                request.context = fields;
            }
        }
        for (at, text) in request.acceptance_criteria.iter_mut().enumerate() {
            self.field(text, Part::Criterion, || format!("/acceptance_criteria/{at}"));
        }
        for (key, text) in &mut request.metadata {
            // A key may itself be personal; then it is not named.
            let key = if walk::is_plain(key) { key.as_str() } else { "*" };
            self.field(text, Part::Metadata, || format!("/metadata/{key}"));
        }
        self.plan(request);
        self.report.elapsed += started.elapsed();
    }

    fn plan(&mut self, request: &mut TaskRequest) {
        let Some(plan) = &mut request.plan else { return };
        // A plan that many tasks share is copied only where there is something to look at.
        if plan.subtasks.iter().all(|step| self.is_plain(step)) {
            return;
        }
        for (at, step) in Arc::make_mut(plan).subtasks.iter_mut().enumerate() {
            let below = |field: &str| format!("/plan/subtasks/{at}/{field}");
            self.field(&mut step.action, Part::Plan, || below("action"));
            if let Some(input) = &mut step.input {
                let place = Place { pointer: below("input"), step: Some(step.step), ..Place::of(Part::Plan) };
                walk::value(self, input, Origin::User, &place);
            }
            for (at, text) in step.acceptance_criteria.iter_mut().enumerate() {
                self.field(text, Part::Plan, || below(&format!("acceptance_criteria/{at}")));
            }
        }
    }

    /// Whether nothing of a step would be looked at.
    fn is_plain(&self, step: &SubTask) -> bool {
        let mut texts = step.acceptance_criteria.iter().chain([&step.action]);
        !self.chain.has_own()
            && texts.all(|text| walk::is_plain(text))
            && step.input.as_ref().is_none_or(|input| self.chain.size_of(input) == 0)
    }

    /// A text of the user's that stands in a field of the request.
    fn field(&mut self, text: &mut String, part: Part, pointer: impl Fn() -> String) {
        if !self.chain.has_own() && walk::is_plain(text) {
            return;
        }
        let place = Place::of(part);
        let spot = Spot { origin: Origin::User, place: &place, label: None };
        let screened = self.one(text, &spot, || Place { pointer: pointer(), ..place.clone() });
        if let Some(screened) = screened {
            *text = screened;
        }
    }

    pub(super) fn chain(&self) -> &'c ReflexChain {
        self.chain
    }

    /// How much was found so far.
    pub(super) fn count(&self) -> usize {
        self.report.sightings.len() + self.report.omitted
    }

    /// What came of it.
    pub fn finish(self) -> Report {
        self.report
    }

    /// Screens one text: `Some` where it was replaced. Its full place is only asked for where something is found.
    pub(super) fn one(&mut self, text: &str, spot: &Spot<'_>, place: impl Fn() -> Place) -> Option<String> {
        let chain = self.chain;
        if chain.links.is_empty() {
            return None;
        }
        self.report.texts += 1;
        let mut stimulus = Stimulus::new(text).with_origin(spot.origin);
        // Before anything was found a reflex knows the part and the step; the pointer costs an allocation for every text.
        stimulus.place.part = spot.place.part;
        stimulus.place.step = spot.place.step;
        (stimulus.tenant, stimulus.label) = (self.tenant, spot.label);
        if let Some(placeholders) = self.placeholders {
            stimulus.given_out = placeholders.given_out(text);
        }
        let mut settled = false;
        let mut started = Instant::now();
        for (index, link) in chain.links.iter().enumerate() {
            if link.settled && !settled {
                self.settle(&mut stimulus, &place);
                settled = true;
            }
            let reaction = link.reflex.react(&mut stimulus);
            let ended = Instant::now();
            if let Some((_, spent)) = self.report.timings.get_mut(index) {
                *spent += ended.duration_since(started);
            }
            started = ended;
            if !self.goes_on(reaction, link, &mut stimulus, &place) {
                return None;
            }
        }
        self.settle(&mut stimulus, &place);
        match stimulus.into_text() {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        }
    }

    /// Enters a reaction into the report; `false` where the text goes no further.
    fn goes_on(
        &mut self,
        reaction: Reaction,
        link: &Link,
        stimulus: &mut Stimulus<'_>,
        place: &impl Fn() -> Place,
    ) -> bool {
        self.report.verdict = self.report.verdict.max(reaction.verdict());
        match reaction {
            Reaction::Pass | Reaction::Rewrite => return true,
            Reaction::Answer(answer) => self.report.answer = Some(answer),
            Reaction::Throttle { retry_after } => {
                let longest = self.report.retry_after.unwrap_or_default().max(retry_after);
                self.report.retry_after = Some(longest);
            }
            Reaction::Refuse { code, findings } => {
                tracing::debug!(reflex = &*link.name, code = &*code, "a text is refused");
                self.report.code.get_or_insert(code);
                let (data, orders) = stimulus.take_findings();
                self.note(&data, stimulus.origin, place);
                self.note(&orders, stimulus.origin, place);
                self.note_refused(findings, stimulus.origin, place);
            }
        }
        false
    }

    /// Replaces what was found so far, as the policy says.
    fn settle(&mut self, stimulus: &mut Stimulus<'_>, place: &impl Fn() -> Place) {
        let (data, orders) = stimulus.take_findings();
        if data.is_empty() && orders.is_empty() {
            return;
        }
        let origin = stimulus.origin;
        self.note(&data, origin, place);
        self.note(&orders, origin, place);
        let placeholders: &dyn Placeholders = match self.placeholders {
            Some(placeholders) => placeholders,
            None => &self.own,
        };
        let policy = (&*self.chain.policy, origin);
        if let Some(edited) = edit::edited(stimulus.text(), (&data, &orders), policy, placeholders) {
            stimulus.rewrite(edited);
            self.report.verdict = self.report.verdict.max(Verdict::Rewrite);
        }
    }

    fn note(&mut self, findings: &Findings, origin: Origin, place: &impl Fn() -> Place) {
        for finding in findings {
            let action = self.chain.policy.action(finding, origin);
            self.add(Sighting { place: place(), origin, finding: finding.clone(), action });
        }
    }

    /// A refusal's findings. A reflex of somebody's own may refuse what the policy would not, or without a finding.
    fn note_refused(&mut self, findings: Findings, origin: Origin, place: &impl Fn() -> Place) {
        let by_policy =
            findings.iter().any(|finding| self.chain.policy.action(finding, origin) == Action::Refuse);
        if findings.is_empty() {
            self.report.refused_at.get_or_insert_with(place);
        }
        for finding in findings {
            let action = if by_policy { self.chain.policy.action(&finding, origin) } else { Action::Refuse };
            self.add(Sighting { place: place(), origin, finding, action });
        }
    }

    fn add(&mut self, sighting: Sighting) {
        let type_name = match sighting.finding.kind {
            FindingKind::Injection => FindingKind::Injection.name(),
            _ => &sighting.finding.type_name,
        };
        match self.report.counts.get_mut(type_name) {
            Some(count) => *count += 1,
            None => drop(self.report.counts.insert(type_name.to_owned(), 1)),
        }
        if self.report.sightings.len() < self.most {
            self.report.sightings.push(sighting);
        } else {
            self.report.omitted += 1;
        }
    }
}
