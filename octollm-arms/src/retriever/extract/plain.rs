//! Bytes as text.

use encoding_rs::Encoding;

/// One unreadable place in so many characters is forgiven.
const FORGIVEN: usize = 100;

/// The text of a file: UTF-8 with or without a byte order mark, or UTF-16 with one.
///
/// # Errors
/// Why it is no text.
pub(in crate::retriever) fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if let Some(text) = utf16(&bytes) {
        return text;
    }
    if bytes.contains(&0) {
        return Err("is binary (it has NUL bytes)".to_owned());
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => lossy(error.as_bytes())?,
    };
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The same of a page that names its encoding, by any label that browsers know.
///
/// # Errors
/// Why it is no text.
pub(super) fn decode_as(label: Option<&str>, bytes: Vec<u8>) -> Result<String, String> {
    match label.and_then(|label| Encoding::for_label(label.trim().as_bytes())) {
        Some(encoding) if encoding != encoding_rs::UTF_8 && !bytes.contains(&0) => {
            Ok(encoding.decode(&bytes).0.into_owned())
        }
        _ => decode(bytes),
    }
}

fn lossy(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let broken = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    if broken * FORGIVEN > text.chars().count() {
        return Err("is not UTF-8 text; convert it to UTF-8 to have it indexed".to_owned());
    }
    Ok(text.into_owned())
}

fn utf16(bytes: &[u8]) -> Option<Result<String, String>> {
    let read: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().skip(1).map(|pair| read(*pair)).collect();
    Some(String::from_utf16(&units).map_err(|_| "is neither UTF-8 nor UTF-16 text".to_owned()))
}
