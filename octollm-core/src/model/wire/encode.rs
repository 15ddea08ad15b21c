//! Pictures and numbers, as both protocols want them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Bytes as text.
pub(in crate::model) fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// A file in an address: `data:image/png;base64,...`.
pub(in crate::model) fn data_url(media_type: &str, data: &[u8]) -> String {
    format!("data:{media_type};base64,{}", base64(data))
}

/// 0.7 as 0.7, and not as the nearest `f64` of an `f32`.
pub(in crate::model) fn decimal(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or_else(|_| number.into(), Value::from)
}
