//! One task's veil.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::redactor::TaskRedactor;
use super::{Reflexes, request};
use crate::arm::{ArmCall, ArmDescriptor, ArmReply};
use crate::error::{Error, ErrorKind, Result};
use crate::model::layers::CallRedactor;
use crate::reflex::{Given, Needs, Origin, Part, Place, Report, Vault};
use crate::task::{Event, EventKind, TaskError, TaskId, TaskRequest, Usage};

/// Bytes of text from which on it is screened on a thread of its own: that takes about a millisecond.
const LARGE: usize = 32 * 1024;
/// Values up to which each is looked for in the rest of the request.
const FEW_VALUES: usize = 256;

/// What stands between a task and the outside; nothing where the reflexes are off. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Veil(Option<Arc<Inner>>);

pub(super) struct Inner {
    pub(super) reflexes: Reflexes,
    pub(super) vault: Vault,
    task: TaskId,
    /// Values that an event has told of.
    told: AtomicUsize,
    /// Whether an arm was shown a value.
    shown: AtomicBool,
}

/// What went behind the veil, and what is to be journaled about it.
pub(crate) struct Veiled<T> {
    pub(crate) what: T,
    pub(crate) reacted: Option<EventKind>,
}

impl Reflexes {
    /// Screens a request before anything of it is kept.
    ///
    /// # Errors
    /// `refused_by_reflex` with what was found where, never what it was; `rate_limited` where a reflex throttles.
    pub(crate) async fn veil_request(
        &self,
        task: TaskId,
        request: TaskRequest,
    ) -> Result<(Veil, Veiled<TaskRequest>)> {
        if self.is_off() {
            return Ok((Veil::default(), Veiled { what: request, reacted: None }));
        }
        let mut size = 0;
        request::each_text(&request, |text| size += text.len());
        let reflexes = self.clone();
        away_if_large(size, move || reflexes.veil_now(task, request)).await
    }

    fn veil_now(&self, task: TaskId, mut request: TaskRequest) -> Result<(Veil, Veiled<TaskRequest>)> {
        let vault = Vault::new();
        request::each_text(&request, |text| vault.reserve(text));
        let mut screening = self.shared.chain.screening().with_placeholders(&vault);
        screening.request(&mut request);
        let report = screening.finish().check()?;
        // What a detector recognised by its surroundings may stand elsewhere without them.
        if (1..=FEW_VALUES).contains(&vault.len()) {
            request::replace_each_text(&mut request, |text| match vault.conceal_all(text) {
                std::borrow::Cow::Owned(concealed) => Some(concealed),
                std::borrow::Cow::Borrowed(_) => None,
            });
        }
        let veil = Veil::new(self, task, vault);
        let reacted = veil.reacted(None, &report);
        Ok((veil, Veiled { what: request, reacted }))
    }
}

impl Veil {
    pub(super) fn new(reflexes: &Reflexes, task: TaskId, vault: Vault) -> Self {
        let told = AtomicUsize::new(vault.len());
        Self(Some(Arc::new(Inner {
            reflexes: reflexes.clone(),
            vault,
            task,
            told,
            shown: AtomicBool::new(false),
        })))
    }

    pub(super) fn some(&self) -> Option<&Inner> {
        self.0.as_deref()
    }

    /// Placeholders and what they stand for.
    pub(crate) fn values(&self) -> Vec<(String, crate::orchestrator::answers::Hidden)> {
        self.some().map(|veil| veil.vault.values()).unwrap_or_default()
    }

    /// Whether what is inside can be nothing personal: no arm was shown a value, and there are as many as at the beginning.
    pub(crate) fn is_tight(&self, values: usize) -> bool {
        self.some().is_none_or(|veil| !veil.shown.load(Ordering::Acquire) && veil.vault.len() == values)
    }

    /// Gives a call the values that its arm needs, and its models a redactor.
    pub(crate) fn lift(&self, call: &mut ArmCall, arm: &ArmDescriptor) -> Given {
        let Some(veil) = self.some() else { return Given::default() };
        call.redactor = self.redactor();
        if veil.vault.is_empty() {
            return Given::default();
        }
        let given = veil.vault.give(Arc::make_mut(&mut call.input), Needs(&arm.needs_pii));
        if given.shows_values() {
            veil.shown.store(true, Ordering::Release);
        }
        given
    }

    /// As if it had been given all placeholders that there are.
    pub(crate) fn widened(&self, given: Given) -> Given {
        given.with_all_placeholders()
    }

    /// Hides what an arm says to another one: it may have been shown values that the other one may not see.
    pub(crate) fn hide(&self, input: &mut Value) {
        let Some(veil) = self.some() else { return };
        let mut screening = veil.reflexes.shared.outgoing.screening().with_placeholders(&veil.vault);
        let everything = veil.vault.everything();
        veil.vault.take_back(input, &everything);
        screening.value(input, Origin::Arm, &Place::default());
    }

    /// Takes an arm's output back behind the veil.
    ///
    /// # Errors
    /// `refused_by_reflex` where the policy refuses it.
    pub(crate) async fn drop_over(
        &self,
        mut reply: ArmReply,
        given: Given,
        step: u32,
        arm: &ArmDescriptor,
    ) -> Result<Veiled<ArmReply>> {
        let Some(veil) = self.some().filter(|veil| !veil.reflexes.is_off() || !veil.vault.is_empty()) else {
            return Ok(Veiled { what: reply, reacted: None });
        };
        let (origin, place) = (origin_of(arm), Place::output_of(step));
        let size = veil.reflexes.shared.chain.size_of(&reply.output);
        if size == 0 {
            return Ok(Veiled { what: reply, reacted: None });
        }
        if size < LARGE {
            let reacted = self.drop_over_now(veil, &mut reply.output, &given, origin, &place)?;
            return Ok(Veiled { what: reply, reacted });
        }
        let all = self.clone();
        away_if_large(size, move || {
            let reacted = match all.some() {
                Some(veil) => all.drop_over_now(veil, &mut reply.output, &given, origin, &place)?,
                None => None,
            };
            Ok(Veiled { what: reply, reacted })
        })
        .await
    }

    fn drop_over_now(
        &self,
        veil: &Inner,
        output: &mut Value,
        given: &Given,
        origin: Origin,
        place: &Place,
    ) -> Result<Option<EventKind>> {
        veil.vault.take_back(output, given);
        veil.vault.reserve_in(output);
        let mut screening = veil.reflexes.shared.chain.screening().with_placeholders(&veil.vault);
        screening.value(output, origin, place);
        let report = screening.finish().check()?;
        Ok(self.reacted(place.step, &report))
    }

    /// Screens what a model answered, as it becomes part of the task.
    ///
    /// # Errors
    /// `refused_by_reflex` where the policy refuses it.
    pub(crate) fn answer<T: Serialize + DeserializeOwned>(&self, answer: T) -> Result<Veiled<T>> {
        let Some(veil) = self.some().filter(|veil| !veil.reflexes.is_off()) else {
            return Ok(Veiled { what: answer, reacted: None });
        };
        let Ok(mut document) = serde_json::to_value(&answer) else {
            return Ok(Veiled { what: answer, reacted: None });
        };
        let everything = veil.vault.everything();
        let place = Place::of(Part::Result);
        let reacted = self.drop_over_now(veil, &mut document, &everything, Origin::Arm, &place)?;
        let is_changed = reacted.as_ref().is_some_and(|event| !is_note(event));
        let what = if is_changed { serde_json::from_value(document).unwrap_or(answer) } else { answer };
        Ok(Veiled { what, reacted })
    }

    /// Screens a result that a model may have made, as it becomes part of the task.
    ///
    /// # Errors
    /// `refused_by_reflex` where the policy refuses it.
    pub(crate) fn result(&self, mut result: Arc<Value>) -> Result<Veiled<Arc<Value>>> {
        let Some(veil) = self.some().filter(|veil| !veil.reflexes.is_off()) else {
            return Ok(Veiled { what: result, reacted: None });
        };
        if veil.reflexes.shared.chain.size_of(&result) == 0 {
            return Ok(Veiled { what: result, reacted: None });
        }
        let everything = veil.vault.everything();
        let place = Place::of(Part::Result);
        let document = Arc::make_mut(&mut result);
        let reacted = self.drop_over_now(veil, document, &everything, Origin::Arm, &place)?;
        Ok(Veiled { what: result, reacted })
    }

    /// Screens what a person says while the task goes on.
    ///
    /// # Errors
    /// `refused_by_reflex` where the policy refuses it.
    pub(crate) fn words(&self, text: String) -> Result<String> {
        let Some(veil) = self.some() else { return Ok(text) };
        veil.vault.reserve(&text);
        let mut screening = veil.reflexes.shared.chain.screening().with_placeholders(&veil.vault);
        let screened = screening.text(&text, Origin::User, Place::of(Part::Text)).into_owned();
        screening.finish().check()?;
        Ok(screened)
    }

    /// Hides what an error says.
    pub(crate) fn error(&self, mut error: TaskError) -> TaskError {
        let Some(veil) = self.some() else { return error };
        let hide = |text: &mut String| {
            let known = veil.vault.conceal_all(text);
            let mut screening = veil.reflexes.shared.outgoing.screening().with_placeholders(&veil.vault);
            *text = screening.text(&known, Origin::Arm, Place::default()).into_owned();
        };
        hide(&mut error.message);
        error.hint.iter_mut().chain(&mut error.trace).for_each(hide);
        error
    }

    /// What a call of a model keeps to.
    pub(crate) fn redactor(&self) -> Option<CallRedactor> {
        self.some()?;
        Some(CallRedactor(Arc::new(TaskRedactor(self.clone()))))
    }

    /// What the vault has new, sealed as the part of this number.
    ///
    /// # Errors
    /// `unavailable` where the system gives no randomness.
    pub(crate) fn seal(&self, number: u64) -> Result<Option<Vec<u8>>> {
        let Some(veil) = self.some().filter(|veil| !veil.vault.is_empty()) else { return Ok(None) };
        veil.vault.seal(&veil.reflexes.shared.key, veil.task, number)
    }

    /// The event that tells of values that no event has told of: who reads the journal then knows that the vault grew.
    pub(crate) fn untold(&self) -> Option<EventKind> {
        let veil = self.some()?;
        let (told, count) = (veil.told.load(Ordering::Acquire), veil.vault.len());
        if count <= told {
            return None;
        }
        let found = veil.vault.counts_since(told);
        Some(EventKind::ReflexReacted {
            step: None,
            verdict: "rewrite".into(),
            found,
            usage: Usage::default(),
        })
    }

    /// An event tells of all values that there are by now.
    pub(crate) fn tell(&self) {
        if let Some(veil) = self.some() {
            veil.told.fetch_max(veil.vault.len(), Ordering::AcqRel);
        }
    }

    /// What the caller gets: values for placeholders.
    pub(crate) fn restored<T: Serialize + DeserializeOwned>(&self, what: T) -> T {
        let Some(veil) = self.some().filter(|veil| !veil.vault.is_empty()) else { return what };
        let Ok(mut document) = serde_json::to_value(&what) else { return what };
        veil.vault.restore_in(&mut document);
        serde_json::from_value(document).unwrap_or(what)
    }

    /// An event as the caller gets it.
    pub(crate) fn event(&self, event: Arc<Event>) -> Arc<Event> {
        if self.some().is_none_or(|veil| veil.vault.is_empty()) {
            return event;
        }
        Arc::new(self.restored((*event).clone()))
    }

    fn reacted(&self, step: Option<u32>, report: &Report) -> Option<EventKind> {
        if report.is_clean() {
            return None;
        }
        let usage = Usage { reflex_us: report.elapsed_us(), ..Usage::default() };
        let (verdict, found) = (report.verdict.name().to_owned(), report.counts.clone());
        Some(EventKind::ReflexReacted { step, verdict, found, usage })
    }
}

/// Whether nothing was changed.
fn is_note(event: &EventKind) -> bool {
    matches!(event, EventKind::ReflexReacted { verdict, .. } if verdict == "pass")
}

/// Whose words an arm's output is: those of documents, of what a program printed, or the arm's own.
fn origin_of(arm: &ArmDescriptor) -> Origin {
    let can = |names: &[&str]| arm.capabilities.iter().any(|capability| names.contains(&capability.as_str()));
    if can(&["web_search", "knowledge_search"]) {
        Origin::Document
    } else if can(&["code_execution", "shell_command", "api_call"]) {
        Origin::Tool
    } else {
        Origin::Arm
    }
}

/// Works here, or on a thread of its own where it takes long.
async fn away_if_large<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if size < LARGE {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "screening broke off").with_source(error))
    })
}
