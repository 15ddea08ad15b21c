//! The contract of every store, for those in Python: the suites that the stores of the library pass, too. Only in builds
//! for tests.

use std::sync::Mutex;

use octollm_core::testing::{cache, documents, graph, vectors};
use octollm_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use super::{PythonCache, PythonDocuments, PythonGraph, PythonVectors};
use crate::arm::Registration;
use crate::pending::Pending;

/// Runs the suite of `what` over these stores, each of which is fresh and used once. Fails as the suite does.
#[pyfunction]
pub(crate) fn _store_suite(what: String, stores: Vec<Registration>) -> PyResult<Pending> {
    Pending::start(async move {
        let suite = tokio::spawn(suite(what, Mutex::new(stores)));
        suite.await.map_err(|cause| {
            Error::new(ErrorKind::Internal, "the store breaks its contract").with_source(cause)
        })??;
        Ok(None)
    })
}

async fn suite(what: String, stores: Mutex<Vec<Registration>>) -> Result<()> {
    #[allow(clippy::expect_used, reason = "a suite fails by panicking")]
    let next = || stores.lock().expect("nobody panics here").pop().expect("stores enough for the suite");
    match what.as_str() {
        "cache" => cache::cache_suite(async || PythonCache::new(next())).await,
        "vectors" => vectors::vectors_suite(async || PythonVectors::new(next())).await,
        "documents" => documents::documents_suite(async || PythonDocuments::new(next())).await,
        "graph" => graph::graph_suite(async || PythonGraph::new(next())).await,
        _ => return Err(Error::new(ErrorKind::InvalidInput, "there is no such suite")),
    }
    Ok(())
}
