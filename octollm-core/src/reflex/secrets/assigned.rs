//! Values beside a word that announces a credential: `password = hunter2!x`, `"api_key": "..."`, `Authorization: Bearer ...`.
//!
//! What a word announces has to look like a credential: not a variable, not a placeholder, not prose.

use super::{Secret, entropy};
use crate::reflex::Severity;

/// The type of what a person chose.
pub(super) const PASSWORD: &str = "password";
/// The type of what a machine made.
pub(super) const API_KEY: &str = "api_key";
/// Longest value.
const MAX_VALUE: usize = 512;
/// Bytes of values that are read: so many, and so many more for each byte of the text. Values that lie side by side are a text's length
/// together; `pwd=pwd=pwd=` would be read again from every word on.
const READ: usize = 4096;
const READ_PER_BYTE: usize = 2;
/// Bytes that a word within such a value counts for besides.
const WITHIN: usize = 64;

/// Digits of the hash that [`RedactStyle::Hash`](crate::reflex::RedactStyle::Hash) leaves.
const HASH: usize = 16;

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
    let value = WORDS.get(word)?.value;
    let element = || element(text, start, end).map(|at| (at, true));
    let after_sign = match value {
        Bearer | Quoted => Some((end, true)),
        Password => {
            let argument = || argument(text, start, end).map(|at| (at, true));
            separator(text, end).or_else(argument).or_else(element)
        }
        Short | Key => separator(text, end).or_else(element),
    };
    let (at, strict) = after_sign.or_else(|| beside(text, end).map(|at| (at, false)))?;
    if !spent.may(start) {
        return None;
    }
    let in_query = is_in_query(text, start);
    let extent = extent(text, at, in_query || value == Key);
    spent.bytes += extent.map_or(MAX_VALUE, |(from, to, _)| to - from);
    let (from, to, quoted) = extent?;
    spent.end = spent.end.max(to);
    let candidate = text.get(from..to)?;
    let accepted = !is_reference(candidate)
        && !is_hash_of_ours(text, from, to)
        && (after_sign.is_some() || tells_itself(candidate, value))
        && match value {
            Short if !strict || !stands_alone(text, start, end) => false,
            Password | Short => {
                let given = quoted || in_query || is_variable(text, start, at) && is_word(candidate);
                is_password(candidate, given, strict)
            }
            Quoted => {
                quoted && closes(text, from, to) && is_password(candidate, true, true) && !is_plain(candidate)
            }
            Key | Bearer => is_key(candidate),
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

/// Ends of names of what is about a credential and is none: `private_key_path`, `secretName`, `tokenizer`.
const ABOUT: &[&[u8]] = &[
    b"path", b"file", b"dir", b"folder", b"name", b"type", b"url", b"uri", b"izer", b"size", b"count",
    b"limit", b"length", b"ttl", b"version", b"prefix", b"header", b"field",
];

fn ends_with(name: &[u8], word: &[u8]) -> bool {
    name.len()
        .checked_sub(word.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// Where the value begins after `=`, `:`, `=>` (strict) or "is" (not strict).
fn separator(text: &[u8], end: usize) -> Option<(usize, bool)> {
    // The rest of a name: `password_production`, `secretKey`, `tokens`.
    let rest = text.get(end..)?;
    let name = rest.iter().take(24).take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    let name = rest.get(..name.count())?;
    if ABOUT.iter().any(|word| ends_with(name, word)) {
        return None;
    }
    let at = end + name.len();
    let at = skip(text, at, b"\"'`] \t", 4);
    let rest = text.get(at..)?;
    for sign in [&b":="[..], b"=>", b"=", b":"] {
        if rest.starts_with(sign) && !rest.starts_with(b"==") && !rest.starts_with(b"://") {
            return Some((skip(text, at + sign.len(), b" \t", 4), true));
        }
    }
    let words: [&[u8]; 9] =
        [b"is: ", b"is ", b"ist ", b"lautet ", b"est ", b"es ", b"was ", b"to ", "は".as_bytes()];
    words.iter().find(|word| rest.starts_with(word)).map(|word| (at + word.len(), false))
}

/// Bytes before a word that say where it stands.
const LINE: usize = 120;

/// Where the value begins that follows a word without a sign: of an option (`--password x`), of a line of netrc (`login bob
/// password x`).
fn argument(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let before = line_before(text, start);
    let name = before.iter().rev().take(24).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    let option = before.get(before.len() - name.count()..)?.starts_with(b"--");
    let netrc = || before.ends_with(b" ") && has(before, b"login ") && has(before, b"machine ");
    (matches!(rest, [b' ', first, ..] if !b" -".contains(first)) && (option || netrc())).then_some(end + 1)
}

/// Where the value begins that an element of XML holds: `<db.password>x</db.password>`.
fn element(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte);
    let before = text.get(start.saturating_sub(24)..start)?;
    let name = before.iter().rev().take_while(|byte| of_name(byte)).count();
    let opens = before.len().checked_sub(name + 1).and_then(|at| before.get(at)) == Some(&b'<');
    (opens && text.get(end) == Some(&b'>')).then_some(end + 1)
}

/// Where the value begins that follows a word with a space between: `log in with password Tr0ub4dor3x`.
fn beside(text: &[u8], end: usize) -> Option<usize> {
    matches!(text.get(end..)?, [b' ', first, ..] if !first.is_ascii_whitespace()).then_some(end + 1)
}

/// Whether a value that no sign announces can be nothing but a credential: a password of letters in either case and digits, a key of
/// letters and digits without order. No name of an algorithm (`SHA256`), no version.
fn tells_itself(value: &[u8], kind: Value) -> bool {
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
            value.len() >= 8 && mixed && plain && !NAMES.iter().any(|name| self::has(&lower, name))
        }
        Key => digits >= 4 && value.iter().all(u8::is_ascii_alphanumeric),
        Short | Bearer | Quoted => false,
    }
}

/// The part of a line before `at`, as far as it is looked at.
pub(super) fn line_before(text: &[u8], at: usize) -> &[u8] {
    let before = text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
    before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Whether a text contains another one.
pub(super) fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether the value at `at` is that of a variable of the environment with a longer name: `PGPASSWORD=letmein`.
fn is_variable(text: &[u8], start: usize, at: usize) -> bool {
    let name = text.get(start.saturating_sub(1)..at).unwrap_or_default();
    let upper = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    matches!(name, [name @ .., b'='] if start > 0 && name.iter().all(upper))
}

/// Whether the quote before a value stands behind it, too.
fn closes(text: &[u8], from: usize, to: usize) -> bool {
    from.checked_sub(1).and_then(|at| text.get(at)) == text.get(to)
}

/// Letters and spaces only: `identified by "Sarah"`.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b' ')
}

/// Six letters or more.
fn is_word(value: &[u8]) -> bool {
    value.len() >= 6 && value.iter().all(u8::is_ascii_alphabetic)
}

/// Options of commands whose value ends with a password: the option, the commands, and whether a user's name stands before it.
pub(super) const OPTIONS: &[(&str, &[&[u8]], bool)] = &[
    (" -p", &[b"mysql", b"mariadb", b"sshpass"], false),
    (" -u ", &[b"curl"], true),
    (" --user ", &[b"curl"], true),
];

/// Reads the password that the option at `start..end` gives to a command: `mysql -pS3cret1`, `curl -u admin:S3cret1`.
pub(super) fn read_option(text: &[u8], start: usize, end: usize, option: usize) -> Option<Secret> {
    let (_, commands, user) = OPTIONS.get(option)?;
    let before = line_before(text, start);
    if !commands.iter().any(|command| has(before, command)) {
        return None;
    }
    let (from, to, _) = extent(text, end, false)?;
    let name = text.get(from..to)?.iter().position(|byte| *byte == b':').filter(|_| *user);
    let from = if *user { from + name? + 1 } else { from };
    let value = text.get(from..to)?;
    let accepted = !is_reference(value)
        && is_password(value, false, true)
        && value.iter().any(u8::is_ascii_alphabetic)
        && !value.starts_with(b"/");
    let explanation = "a password that is given to a command";
    accepted.then_some(Secret {
        type_name: PASSWORD,
        start: from,
        end: to,
        confidence: 0.85,
        severity: Severity::Critical,
        explanation,
    })
}

fn skip(text: &[u8], at: usize, fillers: &[u8], most: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take(most).take_while(|byte| fillers.contains(byte)).count()
}

/// Whether the name that the word at `start` belongs to is one of a query: `?user=x&password=...`.
fn is_in_query(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(24)..start).unwrap_or_default();
    let name = before.iter().rev().find(|byte| !byte.is_ascii_alphanumeric() && !b"_-".contains(byte));
    matches!(name, Some(b'?' | b'&'))
}

/// Whether no letter and no digit touches a word.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let touches = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    !touches(start.checked_sub(1)) && !touches(Some(end))
}

/// The value that begins at `at`: up to its closing quote, to white space, or `in_query` to the next parameter.
fn extent(text: &[u8], at: usize, in_query: bool) -> Option<(usize, usize, bool)> {
    let quote = *text.get(at)?;
    let quoted = matches!(quote, b'"' | b'\'' | b'`');
    let from = at + usize::from(quoted);
    let reach = text.get(from..text.len().min(from + MAX_VALUE))?;
    let stop = |byte: &u8| {
        if quoted {
            *byte == quote || *byte == b'\n'
        } else {
            byte.is_ascii_whitespace() || b",;\"'`<>".contains(byte) || in_query && *byte == b'&'
        }
    };
    let length = reach.iter().position(stop).or_else(|| (reach.len() < MAX_VALUE).then_some(reach.len()))?;
    let value = reach.get(..length)?;
    let around: &[u8] = if quoted { b" " } else { b".)]}" };
    let trimmed = value.iter().rev().take_while(|byte| around.contains(byte)).count();
    // A cut in the middle of a character gives the whole character back.
    let mut to = from + length - trimmed;
    while text.get(to).is_some_and(|byte| byte & 0xC0 == 0x80) {
        to += 1;
    }
    Some((from, to, quoted))
}

/// A variable, a call, a template, a type or an example instead of a value.
fn is_reference(value: &[u8]) -> bool {
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
        || lower.bytes().all(|byte| byte == b'x' || byte == b'.' || byte == b'*' || byte == b'-')
}

/// Whether it is what a keyed hash leaves of a value: `[PASSWORD:3f8a0c1d5e2b7a94]`.
fn is_hash_of_ours(text: &[u8], from: usize, to: usize) -> bool {
    let hash = text.get(from..to).unwrap_or_default();
    let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let name = text.get(from.saturating_sub(LINE)..from).unwrap_or_default();
    let Some((b':', name)) = name.split_last() else { return false };
    let letters = name.iter().rev().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
    letters > 0
        && name.len().checked_sub(letters + 1).and_then(|at| name.get(at)) == Some(&b'[')
        && text.get(to) == Some(&b']')
        && hash.len() == HASH
        && hash.iter().all(hexadecimal)
}

/// `user.password1`: something of another thing, by a name that announces a credential itself.
fn is_attribute(lower: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let announces = |name: &str| {
        ["password", "passwd", "pwd", "secret", "token", "key"].iter().any(|word| name.contains(word))
    };
    lower.rsplit_once('.').is_some_and(|(_, name)| announces(name)) && lower.split('.').all(is_name)
}

/// After a separator any word of 4 characters or more; after "is" only what no sentence contains.
fn is_password(value: &[u8], quoted: bool, strict: bool) -> bool {
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
/// of letters in either case and no order.
fn is_key(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    let entropy = || entropy(value);
    value.len() >= 16
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-+/=.~:".contains(byte))
        && value.iter().any(u8::is_ascii_alphabetic)
        && (digits >= 2 && entropy() >= 3.0 || digits == 1 && value.len() >= 32 && mixed && entropy() >= 4.2)
}
