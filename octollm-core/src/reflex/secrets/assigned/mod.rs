//! Values beside a word that announces a credential: `password = hunter2!x`, `"api_key": "..."`, `Authorization: Bearer ...`.
//!
//! What a word announces has to look like a credential: not a variable, not a placeholder, not prose.

mod columns;
mod place;
mod value;

use super::Secret;
use crate::reflex::Severity;
pub(super) use columns::columns;
use place::{Link, MAX_VALUE, closes, is_argument, is_in_query, is_variable, stands_alone};
pub(super) use place::{extent, has};
use value::{is_hash_of_ours, is_key, is_label, is_literal, is_plain, is_word, tells_itself};
pub(super) use value::{is_password, is_reference};

/// The type of what a person chose.
pub(super) const PASSWORD: &str = "password";
/// The type of what a machine made.
pub(super) const API_KEY: &str = "api_key";
/// Bytes of values that are read: so many, and so many more for each byte of the text. Values that lie side by side are a text's length
/// together; `pwd=pwd=pwd=` would be read again from every word on.
const READ: usize = 4096;
const READ_PER_BYTE: usize = 2;
/// Bytes that a word within such a value counts for besides.
const WITHIN: usize = 64;

/// What was read of values.
#[derive(Debug, Default)]
pub(super) struct Spent {
    bytes: usize,
    /// Where the last value ends.
    end: usize,
}

impl Spent {
    /// Whether the value of the word at `start` may be read.
    fn may(&mut self, start: usize) -> bool {
        let may = self.bytes <= READ + start * READ_PER_BYTE;
        self.bytes += if may && start < self.end { WITHIN } else { 0 };
        may
    }
}

/// What kind of value a word announces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// Chosen by a person: short, any characters.
    Password,
    /// The same after a word that others contain: whole, and with a sign behind it.
    Short,
    /// Made by a machine: long, disorderly.
    Key,
    /// A key right after the word: `Bearer ...`.
    Bearer,
    /// A password in quotes right after the word: `IDENTIFIED BY '...'`.
    Quoted,
}

/// A word that announces a credential.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) text: &'static str,
    value: Value,
}

const fn word(text: &'static str, value: Value) -> Word {
    Word { text, value }
}

use Value::{Bearer, Key, Password, Quoted, Short};

pub(super) const WORDS: &[Word] = &[
    word("password", Password),
    word("passwd", Password),
    word("passwort", Password),
    word("contraseña", Password),
    word("mot de passe", Password),
    word("wachtwoord", Password),
    word("hasło", Password),
    word("senha", Password),
    word("lösenord", Password),
    word("パスワード", Password),
    word("密码", Password),
    word("密碼", Password),
    word("비밀번호", Password),
    word("пароль", Password),
    word("kennwort", Password),
    word("adgangskode", Password),
    word("passord", Password),
    word("salasana", Password),
    word("jelszó", Password),
    word("heslo", Short),
    word("parola", Short),
    word("şifre", Short),
    word("mật khẩu", Password),
    word("סיסמה", Password),
    word("كلمة المرور", Password),
    word("รหัสผ่าน", Password),
    word("पासवर्ड", Password),
    word("passphrase", Password),
    word("passcode", Password),
    word("pwd", Password),
    word("pw", Short),
    word("pass", Short),
    word("secret", Key),
    word("token", Key),
    word("api_key", Key),
    word("api-key", Key),
    word("api key", Key),
    word("apikey", Key),
    word("access_key", Key),
    word("access key", Key),
    word("accesskey", Key),
    word("private_key", Key),
    word("encryption_key", Key),
    word("signing_key", Key),
    word("credential", Key),
    word("auth_key", Key),
    word("bearer ", Bearer),
    word("authorization: basic ", Bearer),
    word("sessionid", Key),
    word("sessid", Key),
    word("identified by ", Quoted),
    word("with password ", Quoted),
];

/// Reads the value that the word at `start..end` announces. `spent` is what was read of values before.
pub(super) fn read(text: &[u8], start: usize, end: usize, word: usize, spent: &mut Spent) -> Option<Secret> {
    let Word { text: name, value } = WORDS.get(word)?;
    let value = *value;
    let (at, link) = place::value(text, start, end, value)?;
    if !spent.may(start) {
        return None;
    }
    let in_query = is_in_query(text, start);
    let extent = extent(text, at, in_query || value == Key);
    spent.bytes += extent.map_or(MAX_VALUE, |(from, to, _)| to - from);
    let (from, to, quoted) = extent?;
    spent.end = spent.end.max(to);
    let candidate = text.get(from..to)?;
    let strict = matches!(link, Link::Sign | Link::Call);
    let linked = match link {
        Link::Sign | Link::Said => true,
        Link::Call => is_argument(text, from, to) && is_literal(candidate),
        Link::Beside => tells_itself(candidate, value),
    };
    // `parola` is Italian for any word.
    let is_other = *name == "pwd" && candidate.starts_with(b"/")
        || *name == "parola" && !candidate.iter().any(u8::is_ascii_digit);
    let accepted = linked
        && !is_other
        && !is_label(candidate)
        && !is_reference(candidate, quoted)
        && !is_hash_of_ours(text, from, to)
        && match value {
            Short if !strict || !stands_alone(text, start, end) => false,
            Password | Short => {
                let given = quoted || in_query || is_variable(text, start, at) && is_word(candidate);
                is_password(candidate, given, strict)
            }
            Quoted => {
                quoted
                    && text.get(at) != Some(&b'`')
                    && closes(text, from, to)
                    && is_password(candidate, true, true)
                    && !is_plain(candidate)
            }
            Key | Bearer => is_key(candidate, quoted),
        };
    let inside = start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_lowercase);
    if !accepted || inside && value == Bearer {
        return None;
    }
    let (type_name, explanation) = match value {
        Password | Short | Quoted => (PASSWORD, "a password after the word that announces it"),
        Key | Bearer => (API_KEY, "a random value after a word that announces a key"),
    };
    let confidence = if strict { 0.85 } else { 0.7 };
    Some(Secret { type_name, start: from, end: to, confidence, severity: Severity::Critical, explanation })
}
