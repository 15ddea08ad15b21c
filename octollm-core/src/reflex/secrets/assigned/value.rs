//! What a credential looks like, and what only stands where one could.

use super::Value::{self, Bearer, Key, Password, Quoted, Short};
use super::WORDS;
use super::place::{has, line_before};
use crate::reflex::secrets::entropy;

/// Digits of the hash that [`RedactStyle::Hash`](crate::reflex::RedactStyle::Hash) leaves.
const HASH: usize = 16;

/// Whether a value that no sign announces can be nothing but a credential: a password of letters in either case and digits, a key of
/// letters and digits without order. No name of an algorithm (`SHA256`), no version.
pub(super) fn tells_itself(value: &[u8], kind: Value) -> bool {
    const NAMES: &[&[u8]] = &[
        b"sha", b"md5", b"base64", b"pbkdf", b"crypt", b"argon", b"oauth", b"utf", b"x509", b"http", b"aes",
    ];
    let has = |test: fn(&u8) -> bool| value.iter().any(test);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    match kind {
        Password => {
            let lower = value.to_ascii_lowercase();
            let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && digits >= 2;
            let plain =
                value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&*+?@^_-".contains(byte));
            value.len() >= 8 && mixed && plain && !NAMES.iter().any(|name| super::place::has(&lower, name))
        }
        Key => digits >= 4 && value.iter().all(u8::is_ascii_alphanumeric),
        Short | Bearer | Quoted => false,
    }
}

/// What a call is given as it is: with a digit or a sign, no text for people, no name of one (`login.password_label`).
pub(super) fn is_literal(value: &[u8]) -> bool {
    !value.contains(&b' ') && value.iter().any(|byte| !byte.is_ascii_alphabetic() && !b"._-/:".contains(byte))
}

/// A word that announces a credential, and a sign behind it: what a field of a form is labelled with.
pub(super) fn is_label(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let word = text.trim_end_matches([':', '*', '?', '!']);
    word.len() < text.len() && WORDS.iter().any(|known| known.text.eq_ignore_ascii_case(word))
}

/// Letters and spaces only: `identified by "Sarah"`.
pub(super) fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ')
}

/// Six letters or more.
pub(super) fn is_word(value: &[u8]) -> bool {
    value.len() >= 6 && value.iter().all(u8::is_ascii_alphabetic)
}

/// A variable, a call, a template, a type or an example instead of a value.
pub(in crate::reflex::secrets) fn is_reference(value: &[u8], quoted: bool) -> bool {
    const NAMES: &[&str] = &[
        "none",
        "null",
        "nil",
        "true",
        "false",
        "string",
        "str",
        "undefined",
        "required",
        "optional",
        "invalid",
        "password",
        "secret",
        "token",
        "example",
        "changeme",
        "redacted",
        "hidden",
        "input",
        "self",
        "this",
    ];
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let lower = text.to_ascii_lowercase();
    let marks = [
        "${",
        "{{",
        "$(",
        "<",
        "%(",
        "process.env",
        "os.environ",
        "getenv",
        "env[",
        "env(",
        "config.",
        "your_",
        "your-",
        "settings.",
    ];
    NAMES.contains(&lower.as_str())
        || marks.iter().any(|mark| lower.contains(mark))
        || lower.starts_with(['$', '%', '*', '['])
        || text.contains('(') && text.contains(')')
        || text.ends_with('(')
        || is_attribute(&lower)
        || !quoted && is_expression(&lower)
        || lower.bytes().all(|byte| b"x.*-:".contains(&byte))
}

/// Whether it is what a keyed hash leaves of a value: `[PASSWORD:3f8a0c1d5e2b7a94]`.
pub(super) fn is_hash_of_ours(text: &[u8], from: usize, to: usize) -> bool {
    let hash = text.get(from..to).unwrap_or_default();
    let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let Some((b':', name)) = line_before(text, from).split_last() else { return false };
    let letters = name.iter().rev().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
    letters > 0
        && name.len().checked_sub(letters + 1).and_then(|at| name.get(at)) == Some(&b'[')
        && text.get(to) == Some(&b']')
        && hash.len() == HASH
        && hash.iter().all(hexadecimal)
}

/// A name of code.
fn is_name(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `typing.Optional[bytes`, `userinfo.partition(b`: code, up to what ended it as a value.
fn is_expression(lower: &str) -> bool {
    let Some((path, _)) = lower.split_once(['(', '[']) else { return false };
    let is_path = path.contains('.') || !path.bytes().any(|byte| byte.is_ascii_digit());
    is_path && path.split('.').all(is_name)
}

/// `user.password1`: something of another thing, by a name that announces a credential itself.
fn is_attribute(lower: &str) -> bool {
    let announces = |name: &str| {
        ["password", "passwd", "pwd", "secret", "token", "key"].iter().any(|word| name.contains(word))
    };
    lower.rsplit_once('.').is_some_and(|(_, name)| announces(name)) && lower.split('.').all(is_name)
}

/// After a separator any word of 4 characters or more; after "is" only what no sentence contains.
pub(in crate::reflex::secrets) fn is_password(value: &[u8], quoted: bool, strict: bool) -> bool {
    // `passwort: vergessen?` asks.
    let said = value.strip_suffix(b"?").filter(|_| !quoted).unwrap_or(value);
    let has = |test: fn(&u8) -> bool| said.iter().any(test);
    let (digit, letter) = (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic));
    let symbol = has(|byte| byte.is_ascii_punctuation() && !b"-'_./".contains(byte));
    let mixed = has(u8::is_ascii_uppercase)
        && value.iter().skip(1).any(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase);
    // An escape within a value has become several spaces.
    let spaces = value.windows(2).filter(|pair| matches!(pair, [b' ', next] if *next != b' ')).count();
    match (strict, quoted) {
        (true, true) => value.len() >= 4 && spaces < 4,
        (true, false) => value.len() >= 6 && (digit || symbol || mixed),
        (false, _) => value.len() >= 6 && spaces == 0 && letter && (digit || symbol),
    }
}

/// 16 characters or more of a token's alphabet, with digits and at least 3 bits of entropy each. One digit will do in a long value
/// of letters in either case and no order; signs of any kind, in a long one in quotes.
pub(super) fn is_key(value: &[u8], quoted: bool) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    let entropy = || entropy(value);
    let signs: &[u8] = if quoted && value.len() >= 32 { b"_-+/=.~:!@#$%^&*" } else { b"_-+/=.~:" };
    value.len() >= 16
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(byte))
        && value.iter().any(u8::is_ascii_alphabetic)
        && !has(value, b"://")
        && (digits >= 2 && entropy() >= 3.0 || digits == 1 && value.len() >= 32 && mixed && entropy() >= 4.2)
}
