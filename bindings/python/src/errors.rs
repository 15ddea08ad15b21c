//! Errors on their way to Python: `octollm.OctoLLMError` is built there, out of this one's JSON.

use octollm_core::{Error, ErrorKind};
use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use serde_json::json;

create_exception!(
    octollm._native,
    NativeError,
    PyException,
    "An error as JSON; the package turns it into its own."
);

/// `{code, message, hint, temporary, retry_after, errors}`.
pub(crate) fn document(error: &Error) -> String {
    json!({
        "code": error.kind().code(),
        "message": error.summary(),
        "hint": error.hint(),
        "temporary": error.is_temporary(),
        "retry_after": error.retry_after().map(|time| time.as_secs_f64()),
        "errors": error.faults(),
    })
    .to_string()
}

pub(crate) fn raise(error: &Error) -> PyErr {
    NativeError::new_err(document(error))
}

/// A text from Python that should be JSON and is not: a defect of the package.
pub(crate) fn not_json(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "the package sent what is no JSON").with_source(error)
}
