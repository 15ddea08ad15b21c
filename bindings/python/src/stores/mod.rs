//! Stores that are written in Python: cache, vectors, documents, graph.
//!
//! Each is asked like an arm, with one JSON document a call: `{"call": "get", ...}`. What the contract says of every store
//! and what a store need not know about is settled on this side: what is checked before it is written, what is answered
//! where there is nothing to ask. The journal is not among them: it decides what is durable before what, in one
//! transaction with the vault, and must not wait for an interpreter.

mod cache;
mod documents;
mod graph;
#[cfg(feature = "testing")]
pub(crate) mod suite;
mod vectors;

use std::time::Duration;

use octollm_core::arm::ArmCall;
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) use self::cache::PythonCache;
pub(crate) use self::documents::PythonDocuments;
pub(crate) use self::graph::PythonGraph;
pub(crate) use self::vectors::PythonVectors;
use crate::arm::{Answerer, Registration};

/// How long a store may take for one call.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store in Python, whatever it keeps.
struct Store {
    what: &'static str,
    store: Answerer,
}

impl Store {
    fn new(what: &'static str, part: Registration) -> Self {
        Self { what, store: Answerer::new(part) }
    }

    /// What the store answers to this call.
    async fn ask<T: DeserializeOwned>(&self, call: Value) -> Result<T> {
        let mut asked = ArmCall::new(call);
        asked.deadline = Instant::now() + PATIENCE;
        let said = tokio::time::timeout_at(asked.deadline, self.store.ask(asked, false)).await;
        let said = said.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the program's own store did not answer in time"))
        });
        from_value(said.map_err(|error| self.failed(error))?, "what the program's own store answered")
            .map_err(|error| error.with_context("store", self.what))
    }

    /// What a store raises is a failure of the store, unless it says which one it is.
    fn failed(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::ArmFailed {
            return error.with_context("store", self.what);
        }
        let status = error.status();
        Error::new(ErrorKind::Storage, "the program's own store failed")
            .with_status(status)
            .with_context("store", self.what)
            .with_source(error)
    }

    async fn ping(&self) -> Result<()> {
        self.ask(json!({"call": "ping"})).await
    }
}
