//! Addresses with a password in them: `postgres://user:password@host/db`.

use super::Secret;
use crate::reflex::Severity;

/// The type of what is found here.
pub(super) const TYPE: &str = "url_credentials";
/// Longest user name and password together.
const MAX_USER_INFO: usize = 256;

/// Reads the user information after the `://` at `start..end`.
pub(super) fn read(text: &[u8], start: usize, end: usize) -> Option<Secret> {
    let scheme = text.get(..start)?.iter().rev().take(20);
    let scheme = scheme.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    let rest = text.get(end..text.len().min(end + MAX_USER_INFO))?;
    let stop = rest.iter().position(|byte| byte.is_ascii_whitespace() || b"/?#\"'<>`".contains(byte));
    let authority = rest.get(..stop.unwrap_or(rest.len()))?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let info = authority.get(..at)?;
    let colon = info.iter().position(|byte| *byte == b':')?;
    let password = info.get(colon + 1..)?;
    let host = authority
        .get(at + 1..)?
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(byte));
    let placeholder = password.is_empty()
        || password.starts_with(b"$")
        || password.starts_with(b"{")
        || password.iter().all(|byte| *byte == b'*');
    if scheme == 0 || placeholder {
        return None;
    }
    Some(Secret {
        type_name: TYPE,
        start: start - scheme,
        end: end + at + 1 + host.count(),
        confidence: 0.95,
        severity: Severity::Critical,
        explanation: "an address with a user name and a password",
    })
}
