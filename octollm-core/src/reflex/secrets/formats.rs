//! Tokens whose format their issuer has published: a prefix, an alphabet, a length, and seldom something before the prefix.

use super::assigned::has;
use super::{Secret, entropy};
use crate::reflex::Severity;

/// What a token is made of after its prefix.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alphabet {
    Digits,
    Hex,
    /// Upper case and digits.
    Upper,
    Alnum,
    /// Letters, digits, `_` and `-`.
    Base64Url,
    /// Base64url and dots.
    Dotted,
    /// The same and tildes.
    Tilde,
    /// Base64 with `+` and `/`; up to two `=` may end it.
    Base64,
    /// The same, `+`, `/` and `=` escaped as in an address: `%2B`.
    Escaped,
    /// Hashes of passwords as crypt(3) writes them: base64 with `.`, and fields apart by `$`.
    Crypt,
    /// A block between `-----BEGIN` and `-----END`.
    Pem,
    /// The lines of a key file of `PuTTY`, up to its `Private-MAC`.
    Ppk,
    /// Three parts of base64url, the first two of JSON.
    Jwt,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted | Self::Jwt => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Tilde => byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte),
            Self::Escaped => byte.is_ascii_alphanumeric() || byte == b'%',
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'),
            Self::Crypt => byte.is_ascii_alphanumeric() || b"./$=,+".contains(&byte),
            Self::Pem | Self::Ppk => false,
        }
    }
}

/// A format of tokens.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) prefix: &'static str,
    pub(super) type_name: &'static str,
    pub(super) alphabet: Alphabet,
    /// Fewest characters after the prefix.
    pub(super) least: usize,
    /// Most of them.
    pub(super) most: usize,
    pub(super) severity: Severity,
    /// What stands before the prefix of a token that does not begin with it: of what, and how much of it.
    pub(super) before: Option<(Alphabet, usize, usize)>,
}

impl Format {
    /// Reads the token whose prefix stands at `start`.
    pub(super) fn read(&self, text: &[u8], start: usize) -> Option<Secret> {
        let body_start = start + self.prefix.len();
        // The automaton ignores case for the sake of words; prefixes have a case.
        if text.get(start..body_start)? != self.prefix.as_bytes() {
            return None;
        }
        match self.alphabet {
            Alphabet::Pem => return self.read_pem(text, start, body_start),
            Alphabet::Ppk => {
                let length = ppk_length(text.get(body_start..)?)?;
                return Some(self.secret(start, body_start + length, 0.99));
            }
            _ => {}
        }
        let before = self.before(text, start)?;
        let body = text.get(body_start..text.len().min(body_start + self.most + 1))?;
        let length = body.iter().take_while(|byte| self.alphabet.has(**byte)).count();
        let body = body.get(..length)?;
        let trimmed = body.len() - body.iter().rev().take_while(|byte| b".-,".contains(byte)).count();
        let body = body.get(..trimmed)?;
        let fits = (self.least..=self.most).contains(&body.len());
        let whole = !matches!(self.alphabet, Alphabet::Jwt) || is_jwt(body);
        let telling = if before.len() > body.len() { before } else { body };
        if !fits || !whole || is_filler(telling) || !self.is_random(telling) {
            return None;
        }
        let end = body_start + body.len();
        let padding = if matches!(self.alphabet, Alphabet::Base64) {
            text.get(end..text.len().min(end + 2))?
        } else {
            &[]
        };
        let padding = padding.iter().take_while(|byte| **byte == b'=').count();
        Some(self.secret(start - before.len(), end + padding, 0.97))
    }

    /// What belongs to the token before its prefix; `None` where the prefix stands in the middle of something else. This also
    /// keeps a text of nothing but prefixes cheap: of a run of the alphabet's characters only one prefix is read.
    fn before<'t>(&self, text: &'t [u8], start: usize) -> Option<&'t [u8]> {
        let Some((alphabet, least, most)) = self.before else {
            return (!self.is_glued(text, start)).then_some(&[]);
        };
        let before = text.get(start.saturating_sub(most + 1)..start)?;
        let length = before.iter().rev().take_while(|byte| alphabet.has(**byte)).count();
        (least..=most).contains(&length).then(|| before.get(before.len() - length..))?
    }

    fn is_glued(&self, text: &[u8], start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|at| text.get(at));
        if matches!(self.alphabet, Alphabet::Crypt) {
            return before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'$');
        }
        // Many words end with such a prefix: `cache-key-d41d8...`, `favicon.ico-d41d8...`.
        let is_joined = |byte: &u8| {
            byte.is_ascii_alphanumeric()
                || matches!(self.alphabet, Alphabet::Hex) && b"-._".contains(byte)
                || *byte == b'.' && self.prefix.len() <= 4
        };
        if self.prefix.starts_with(|c: char| c.is_ascii_alphanumeric()) && before.is_some_and(is_joined) {
            return true;
        }
        let continues = self.prefix.bytes().next().is_some_and(|first| self.alphabet.has(first));
        continues
            && before
                .is_some_and(|byte| self.alphabet.has(*byte) && !(*byte == b'/' && self.prefix.contains('/')))
    }

    /// Prefixes of a few letters begin ordinary words, too: those need a digit and some disorder, or more disorder and both cases.
    fn is_random(&self, body: &[u8]) -> bool {
        let telling = self.prefix.len() >= 6 || self.prefix.contains('_') && self.prefix.len() >= 4;
        let mixed = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
        telling || body.iter().any(u8::is_ascii_digit) && entropy(body) > 2.5 || mixed && entropy(body) > 3.5
    }

    fn read_pem(&self, text: &[u8], start: usize, body_start: usize) -> Option<Secret> {
        const TITLE: &[u8] = b"PRIVATE KEY";
        let head = text.get(body_start..text.len().min(body_start + 48))?;
        let dashes = head.windows(DASHES.len()).position(|part| part == DASHES);
        let title = head.get(..dashes.unwrap_or(head.len()))?;
        if !has(title, TITLE) {
            return None;
        }
        let lines = body_start + title.len() + dashes.map_or(0, |_| DASHES.len());
        let end = lines + key_length(text.get(lines..)?);
        // Not where only the title stands: in a program that looks for it.
        let mut runs = text.get(lines..end)?.split(|byte| !Alphabet::Base64.has(*byte));
        runs.any(|run| run.len() >= KEY_LINE).then(|| self.secret(start, end, 0.99))
    }

    fn secret(&self, start: usize, end: usize, confidence: f32) -> Secret {
        let severity = self.severity;
        Secret {
            type_name: self.type_name,
            start,
            end,
            confidence,
            severity,
            explanation: "a token of a known format",
        }
    }
}

/// Bytes of base64 in one run that a key has at least.
const KEY_LINE: usize = 16;

/// What a title stands between.
const DASHES: &[u8] = b"-----";

/// Bytes of a key behind its title: all that looks like its lines belongs to it, up to its end if that is there. Nothing is read
/// behind the next title, so that keys in a row are read once.
fn key_length(text: &[u8]) -> usize {
    const END: &[u8] = b"-----END ";
    let of_key = |byte: &u8| Alphabet::Base64.has(*byte) || b"=- \r\n\t\\:,".contains(byte);
    let ends = |at: usize, byte: &u8| {
        !of_key(byte) || *byte == b'-' && text.get(at..).is_some_and(|rest| rest.starts_with(DASHES))
    };
    let Some(at) = text.iter().enumerate().position(|(at, byte)| ends(at, byte)) else { return text.len() };
    let rest = text.get(at..).unwrap_or_default();
    let Some(title) = rest.strip_prefix(END) else { return at };
    let title = title.get(..title.len().min(48)).unwrap_or_default();
    let close = title.windows(DASHES.len()).position(|part| part == DASHES).map(|close| close + DASHES.len());
    at + END.len() + close.unwrap_or(0)
}

/// Bytes of the lines of a key file of `PuTTY` behind its prefix (`2: ssh-rsa`): of its fields and of base64.
fn ppk_length(text: &[u8]) -> Option<usize> {
    const FIELDS: &[&[u8]] =
        &[b"Encryption:", b"Comment:", b"Public-Lines:", b"Key-Derivation:", b"Argon2-", b"Private-Lines:"];
    if !matches!(text, [b'1'..=b'9', b':', ..]) {
        return None;
    }
    let mut length = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let is_last = line.starts_with(b"Private-MAC:");
        let is_field = length == 0 || is_last || FIELDS.iter().any(|field| line.starts_with(field));
        if !is_field && !line.iter().all(|byte| Alphabet::Base64.has(*byte) || b"=\r\n".contains(byte)) {
            break;
        }
        length += line.len();
        if is_last {
            break;
        }
    }
    text.get(..length).map(|key| key.trim_ascii_end().len())
}

/// Three parts, of which the second is JSON, too (RFC 7519; an unsigned token ends with a dot).
fn is_jwt(body: &[u8]) -> bool {
    let mut parts = body.split(|byte| *byte == b'.');
    let (header, claims, signature) = (parts.next(), parts.next(), parts.next());
    header.is_some_and(|part| part.len() >= 10)
        && claims.is_some_and(|part| part.starts_with(b"eyJ"))
        && signature.is_none_or(|part| part.len() >= 16)
        && parts.next().is_none()
}

/// `xxxxxxxx`, `00000000`: what stands in documentation.
fn is_filler(body: &[u8]) -> bool {
    entropy(body.get(..body.len().min(64)).unwrap_or(body)) < 1.5 && body.len() > 1
}
