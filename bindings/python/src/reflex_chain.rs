//! Reflexes in their order, those of Python among them.
//!
//! A text is screened on the thread that asks, so a reflex in Python runs where its caller does, and what it raises is
//! raised there.

use std::cell::RefCell;

use octollm_core::Result;
use octollm_core::reflex::{Origin, Policy, Preset, Reaction, Reflex, ReflexChain as Core, Stimulus};
use octollm_core::schema::from_value;
use pyo3::prelude::*;
use serde_json::Value;

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
            (screened.into_owned(), report.told(in_characters(text, report.findings().into_iter())))
        });
        match RAISED.take() {
            Some(raised) => Err(raised),
            None => Ok((screened, report.to_string())),
        }
    }
}

struct PythonReflex {
    name: String,
    function: Py<PyAny>,
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
        let reaction =
            said.and_then(|said| Reaction::said(said.as_deref(), stimulus).map_err(|error| raise(&error)));
        // What cannot be judged goes no further.
        reaction.unwrap_or_else(|raised| {
            RAISED.set(Some(raised));
            Reaction::failed()
        })
    }
}
