//! JSON in columns.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// An object of labels or properties, as it was stored.
pub(super) fn object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|cause| {
        Error::new(ErrorKind::Storage, "a stored object is not JSON")
            .with_hint("the stored row is damaged or from another program; restore it from a backup")
            .with_source(cause)
    })
}

/// What is stored, or a list that a statement takes apart with `json_each`.
pub(super) fn text(value: &(impl Serialize + ?Sized)) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|cause| Error::new(ErrorKind::Internal, "cannot write JSON").with_source(cause))
}
