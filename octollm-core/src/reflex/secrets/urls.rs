//! Addresses with a password in them: `postgres://user:password@host/db`, `jdbc:oracle:thin:user/password@host`.

use super::Secret;
use crate::reflex::Severity;

/// The type of what is found here.
pub(super) const TYPE: &str = "url_credentials";
/// Longest user name and password together.
const MAX_USER_INFO: usize = 256;

/// What announces an address in Oracle's form.
pub(super) const ORACLE: &str = "oracle:thin:";

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
    // `[user:password@]host` shows a form.
    if scheme == 0 || info.starts_with(b"[") || is_placeholder(password) {
        return None;
    }
    Some(secret(start - scheme, end + at + 1 + host.count()))
}

/// Reads the user's name and password after the `oracle:thin:` that ends at `end`.
pub(super) fn read_oracle(text: &[u8], start: usize, end: usize) -> Option<Secret> {
    let rest = text.get(end..text.len().min(end + MAX_USER_INFO))?;
    let stop = rest.iter().position(|byte| byte.is_ascii_whitespace() || b"@?#\"'<>`".contains(byte))?;
    let (user, password) = rest.get(..stop)?.split_at_checked(rest.iter().position(|byte| *byte == b'/')?)?;
    let password = password.strip_prefix(b"/")?;
    (rest.get(stop) == Some(&b'@') && !user.is_empty() && !is_placeholder(password))
        .then(|| secret(start, end + stop))
}

fn is_placeholder(password: &[u8]) -> bool {
    password.is_empty()
        || password.starts_with(b"$")
        || password.starts_with(b"{")
        || password.iter().all(|byte| *byte == b'*')
}

fn secret(start: usize, end: usize) -> Secret {
    Secret {
        type_name: TYPE,
        start,
        end,
        confidence: 0.95,
        severity: Severity::Critical,
        explanation: "an address with a user name and a password",
    }
}
