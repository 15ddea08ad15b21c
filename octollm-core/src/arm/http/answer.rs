//! What an arm's answers mean.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::mask::Mask;
use crate::arm::ArmDescriptor;
use crate::error::{Error, ErrorKind, Fault, Result, Status};
use crate::http_client::Refusal;
use crate::schema::Validator;
use crate::task::Usage;

/// The header of an answer that says what the call used, as the object `usage` of an output does.
const USAGE_HEADER: &str = "x-usage";

/// What a refused call means. The arm's own words are kept with everything that stands in the input blanked out.
pub(super) fn refused(refusal: Refusal, input: &Value) -> Error {
    let mask = Mask::of(input);
    let detail = refusal.detail.as_deref().map(|detail| mask.hide(detail));
    if refusal.status == StatusCode::UNPROCESSABLE_ENTITY && !refusal.faults.is_empty() {
        let faults = refusal.faults.iter();
        let faults = faults.map(|fault| Fault::new(fault.pointer.clone(), mask.hide(&fault.detail)));
        return Error::invalid("the arm refused its input", faults.collect());
    }
    let mut error = Error::new(ErrorKind::ArmFailed, format!("the arm answered {}", refusal.status));
    if let Some(detail) = detail {
        error = error.with_context("saying", detail);
    }
    if let Some(hint) = hint(refusal.status) {
        error = error.with_hint(hint);
    }
    match refusal.retry_after {
        _ if !refusal.is_temporary() => error.with_status(Status::Permanent),
        Some(after) => error.with_retry_after(after),
        None => error.with_status(Status::Temporary),
    }
}

fn hint(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        300..=399 => Some("register the arm with the address that it redirects to"),
        401 | 403 => Some("give the arm's credentials in the options' headers"),
        404 | 405 => Some("the arm must answer POST /execute below the address that it is registered with"),
        _ => None,
    }
}

/// Whether the answer's header says JSON, or nothing.
pub(super) fn is_json(response: &Response) -> bool {
    let header = response.headers().get(CONTENT_TYPE).and_then(|header| header.to_str().ok());
    header.is_none_or(|header| {
        let kind = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.ends_with("+json")
    })
}

/// What the answer's header `x-usage` says was used: the place for it where the output has no room.
pub(super) fn usage(headers: &HeaderMap) -> Option<Usage> {
    serde_json::from_slice(headers.get(USAGE_HEADER)?.as_bytes()).ok()
}

/// Reads an output. A wrong content type is forgiven where the body is JSON all the same.
pub(super) fn output(body: &[u8], says_json: bool) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        let failed = Error::new(ErrorKind::ArmFailed, "the arm's answer is not JSON")
            .with_status(Status::Permanent)
            .with_context("place", format!("line {}, column {}", error.line(), error.column()));
        if says_json {
            failed
        } else {
            failed.with_hint("its Content-Type is not JSON either: is it an arm that answers?")
        }
    })
}

/// Why there is no descriptor.
pub(super) fn no_capabilities(refusal: Refusal) -> Error {
    let status = if refusal.is_temporary() { Status::Temporary } else { Status::Permanent };
    let message = format!("GET /capabilities answered {}", refusal.status);
    let error = Error::new(ErrorKind::ArmFailed, message).with_status(status);
    match refusal.status.as_u16() {
        300..=399 => error.with_hint("use the address that it redirects to"),
        401 | 403 => error.with_hint("give the arm's credentials in the options' headers"),
        _ => error.with_hint("check that an arm is what runs at this address, and that the path is right"),
    }
}

/// Reads and checks a descriptor; every fault is reported.
pub(super) fn descriptor(body: &[u8]) -> Result<ArmDescriptor> {
    let document: Value = serde_json::from_slice(body).map_err(|_| not_json(body))?;
    let faults = Validator::of::<ArmDescriptor>().faults(&document);
    if !faults.is_empty() {
        return Err(wrong_shape(faults));
    }
    let descriptor: ArmDescriptor = serde_json::from_value(document)
        .map_err(|_| wrong_shape(vec![Fault::new("", "must be an arm's descriptor")]))?;
    descriptor.validate().map_err(|error| wrong_shape(error.faults().to_vec()))?;
    Ok(descriptor)
}

fn wrong_shape(faults: Vec<Fault>) -> Error {
    // Faults belong to invalid input: here the arm's own, which no retry mends.
    Error::invalid("the arm describes itself wrongly in GET /capabilities", faults)
        .with_hint("correct the arm, or check that an arm is what runs at this address")
}

fn not_json(body: &[u8]) -> Error {
    let start = body.trim_ascii_start();
    let html = start.first() == Some(&b'<');
    let message =
        if html { "GET /capabilities answered a web page" } else { "GET /capabilities did not answer JSON" };
    Error::new(ErrorKind::ArmFailed, message)
        .with_status(Status::Permanent)
        .with_hint("check the port and the path: an arm answers JSON there")
}
