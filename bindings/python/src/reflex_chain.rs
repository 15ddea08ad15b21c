//! Reflexes in their order, those of Python among them.
//!
//! A text is screened on the thread that asks, so a reflex in Python runs where its caller does, and what it raises is
//! raised there.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::Duration;

use octollm_core::reflex::{
    Findings, Origin, Policy, Preset, Reaction, Reflex, ReflexChain as Core, Report, Stimulus,
};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::{not_json, raise};
use crate::reflex::in_characters;

thread_local! {
    /// What a reflex raised while this thread screens a text.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Reflexes in their order.
#[pyclass(frozen, module = "octollm._native")]
pub(crate) struct ReflexChain {
    chain: Core,
}

#[pymethods]
impl ReflexChain {
    /// `policy` is the section `reflex` of a configuration, as JSON. A reflex is a name and a function of text and origin,
    /// which answers its reaction as JSON.
    #[new]
    fn new(
        policy: &str,
        before: Vec<(String, Py<PyAny>)>,
        after: Vec<(String, Py<PyAny>)>,
    ) -> PyResult<Self> {
        let policy = serde_json::from_str(policy).map_err(not_json);
        let policy = policy.and_then(|section: Value| Policy::read(Preset::Default, &section));
        let mut chain = Core::builder(policy.map_err(|error| raise(&error))?);
        for (name, function) in before {
            chain = chain.before(PythonReflex { name, function });
        }
        for (name, function) in after {
            chain = chain.after(PythonReflex { name, function });
        }
        Ok(Self { chain: chain.build().map_err(|error| raise(&error))? })
    }

    fn names(&self) -> Vec<String> {
        self.chain.names().map(str::to_owned).collect()
    }

    /// The text as it goes on, and the report as JSON.
    fn screen(&self, py: Python<'_>, text: &str, origin: &str) -> PyResult<(String, String)> {
        let origin: Result<Origin> = from_value(origin.into(), "the origin");
        let origin = origin.map_err(|error| raise(&error))?;
        let (screened, report) = py.detach(|| {
            let (screened, report) = self.chain.screen(text, origin);
            (screened.into_owned(), told(text, &report))
        });
        match RAISED.take() {
            Some(raised) => Err(raised),
            None => Ok((screened, report.to_string())),
        }
    }
}

/// The report without timings; offsets are characters of the text as it was.
fn told(text: &str, report: &Report) -> Value {
    let findings = report.sightings.iter().map(|sighting| sighting.finding.clone());
    let actions: Vec<_> = report.sightings.iter().map(|sighting| sighting.action).collect();
    json!({
        "verdict": report.verdict, "code": report.code, "answer": report.answer,
        "retry_after": report.retry_after.map(|after| after.as_secs_f64()),
        "elapsed_us": report.elapsed_us(), "findings": in_characters(text, findings), "actions": actions,
    })
}

struct PythonReflex {
    name: String,
    function: Py<PyAny>,
}

/// What a reflex answers; nothing for `pass`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Rewrite(String),
    Answer(Value),
    Refuse(String),
    Throttle(f64),
}

impl Reflex for PythonReflex {
    fn name(&self) -> &str {
        &self.name
    }

    fn react(&self, stimulus: &mut Stimulus<'_>) -> Reaction {
        let said = Python::attach(|py| {
            let said = self.function.call1(py, (stimulus.text(), stimulus.origin.name()))?;
            said.extract::<Option<String>>(py)
        });
        let reaction = said.and_then(|said| read(said.as_deref()).map_err(|error| raise(&error)));
        match reaction {
            Ok(None) => Reaction::Pass,
            Ok(Some(Said::Rewrite(text))) => {
                stimulus.rewrite(text);
                Reaction::Rewrite
            }
            Ok(Some(Said::Answer(answer))) => Reaction::Answer(answer),
            Ok(Some(Said::Refuse(code))) => {
                Reaction::Refuse { code: Cow::Owned(code), findings: Findings::default() }
            }
            Ok(Some(Said::Throttle(seconds))) => {
                let retry_after = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1));
                Reaction::Throttle { retry_after }
            }
            // What cannot be judged goes no further.
            Err(raised) => {
                RAISED.set(Some(raised));
                Reaction::Refuse { code: Cow::Borrowed("reflex_failed"), findings: Findings::default() }
            }
        }
    }
}

fn read(said: Option<&str>) -> Result<Option<Said>> {
    let Some(said) = said else { return Ok(None) };
    serde_json::from_str(said).map(Some).map_err(|cause| {
        Error::new(ErrorKind::Internal, "a reflex answered what is no reaction").with_source(cause)
    })
}
