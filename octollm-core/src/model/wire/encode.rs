//! Pictures, as both protocols want them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes as text.
pub(in crate::model) fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// A file in an address: `data:image/png;base64,...`.
pub(in crate::model) fn data_url(media_type: &str, data: &[u8]) -> String {
    format!("data:{media_type};base64,{}", base64(data))
}
