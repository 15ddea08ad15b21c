//! Base64 and hexadecimal: long runs of their characters, which decode to a text or to nothing.

use super::MIN_ENCODED;
use crate::reflex::Canonical;

/// Characters by which it is seen whether a run decodes to a text: most runs are names and addresses, and do not.
const SAMPLE: usize = 24;

/// What a word holds of runs that are long enough.
pub(super) fn runs(word: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_code = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    word.split(move |byte| !is_code(byte)).filter(|run| run.len() >= MIN_ENCODED)
}

/// The text that a run decodes to, in canonical form.
pub(super) fn decoded(run: &[u8]) -> Option<String> {
    let of = |decode: fn(&[u8]) -> Vec<u8>| {
        // A sample is cut off within a character at worst.
        let sample = decode(run.get(..SAMPLE).unwrap_or(run));
        let is_text = match std::str::from_utf8(&sample) {
            Ok(text) => is_printable(text),
            Err(error) => error.error_len().is_none(),
        };
        if is_text && !sample.is_empty() { readable(decode(run)) } else { None }
    };
    of(hex_decoded).or_else(|| of(base64_decoded)).map(canonical)
}

/// The canonical form of what was encoded: look-alikes may be within.
pub(super) fn canonical(text: String) -> String {
    if text.is_ascii() { text } else { Canonical::new(&text).text().to_owned() }
}

pub(super) fn hex_byte(pair: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let [high, low] = pair else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn hex_decoded(run: &[u8]) -> Vec<u8> {
    let decoded: Vec<u8> = run.chunks(2).map_while(hex_byte).collect();
    if decoded.len() * 2 == run.len() { decoded } else { Vec::new() }
}

/// Both alphabets of RFC 4648; the padding was cut off with the run.
fn base64_decoded(run: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(run.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in run {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
        }
    }
    decoded
}

/// The bytes as a text, if they are one: printable, and words with spaces between.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let letters = text.chars().filter(|c| c.is_alphabetic() || *c == ' ').count();
    (text.len() >= 8 && is_printable(&text) && letters * 2 >= text.chars().count()).then_some(text)
}

fn is_printable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c.is_whitespace())
}
