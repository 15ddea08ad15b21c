//! Where the value stands that a word announces.

use super::Value;

/// Longest value.
pub(super) const MAX_VALUE: usize = 512;

/// Most blanks that an escape leaves before its quote: `&quot;`.
const BLANKS: usize = 5;

/// How a value is linked to the word that announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// A sign: `=`, `:`, or an element, an option, a pair of a name and a value.
    Sign,
    /// A word: "is".
    Said,
    /// The parentheses of a call.
    Call,
    /// Nothing but a space.
    Beside,
}

/// Where the value begins that the word at `start..end` announces.
pub(super) fn value(text: &[u8], start: usize, end: usize, value: Value) -> Option<(usize, Link)> {
    if matches!(value, Value::Bearer | Value::Quoted) {
        return Some((end, Link::Sign));
    }
    let name_end = name_end(text, end)?;
    let signed = |at: usize| (at, Link::Sign);
    let argument = || argument(text, start, end).filter(|_| value == Value::Password).map(signed);
    separator(text, name_end)
        .or_else(|| call(text, start, end).map(|at| (at, Link::Call)))
        .or_else(argument)
        .or_else(|| element(text, start, end).map(signed))
        .or_else(|| property(text, start, name_end).or_else(|| pair(text, name_end)).map(signed))
        .or_else(|| beside(text, end).map(|at| (at, Link::Beside)))
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

/// The end of the name that the word before `end` belongs to: `password_production`, `secretKey`, `tokens`. No name of what is
/// only about a credential.
fn name_end(text: &[u8], end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let name = rest.iter().take(24).take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    let name = rest.get(..name.count())?;
    (!ABOUT.iter().any(|word| ends_with(name, word))).then_some(end + name.len())
}

/// Where the value begins after `=`, `:`, `=>` or "is".
fn separator(text: &[u8], name_end: usize) -> Option<(usize, Link)> {
    let at = skip(text, name_end, b"\"'`] \t", 4 + BLANKS);
    let rest = text.get(at..)?;
    for sign in [&b":="[..], b"=>", b"=", b":"] {
        if rest.starts_with(sign) && !rest.starts_with(b"==") && !rest.starts_with(b"://") {
            return Some((skip(text, at + sign.len(), b" \t", 4 + BLANKS), Link::Sign));
        }
    }
    let words: [&[u8]; 9] =
        [b"is: ", b"is ", b"ist ", b"lautet ", b"est ", b"es ", b"was ", b"to ", "は".as_bytes()];
    words.iter().find(|word| rest.starts_with(word)).map(|word| (at + word.len(), Link::Said))
}

/// Beginnings of the names of calls that take a credential to keep it, before the word itself.
const SETTERS: &[&[u8]] = &[b"", b"set", b"with", b"user", b"db", b"database", b"admin", b"root", b"default"];

/// Where the value begins that a call is given: `setPassword("x")`, `.withDbPassword( "x", ...`. Not what looks one up, tests or
/// encrypts it.
fn call(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let before = text.get(start.saturating_sub(24)..start)?;
    let name = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let name = before.get(before.len() - name..)?.to_ascii_lowercase();
    let name = name.strip_suffix(b"_").unwrap_or(&name);
    let sets = SETTERS.contains(&name) || name.starts_with(b"set") || name.starts_with(b"with");
    let at = skip(text, end + 1, b" ", 1 + BLANKS);
    (sets && text.get(end) == Some(&b'(') && matches!(text.get(at), Some(b'"' | b'\''))).then_some(at)
}

/// Whether a call goes on behind a value in quotes as one that is given a value does: `")`, `", 5)`, `".toCharArray())`.
pub(super) fn is_argument(text: &[u8], from: usize, to: usize) -> bool {
    let behind = skip(text, to, b" ", BLANKS) + 1;
    let rest = text.get(skip(text, behind, b" ", 1)..).unwrap_or_default();
    closes(text, from, to)
        && (rest.starts_with(b")") || rest.starts_with(b",") || rest.starts_with(b".toCharArray("))
}

/// Where the text of an element begins whose attribute names it: `<property name="db.password">x<`. Not that of a link or a label.
fn property(text: &[u8], start: usize, name_end: usize) -> Option<usize> {
    let [b'"' | b'\'', b'>', next, ..] = text.get(name_end..)? else { return None };
    let before = text.get(start.saturating_sub(32)..start)?;
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let prefix = before.iter().rev().take_while(|byte| of_name(byte)).count();
    let attribute = before.get(..before.len() - prefix)?;
    let names =
        [&b"name=\""[..], b"name='", b"key=\"", b"key='"].iter().any(|name| attribute.ends_with(name));
    (names && !next.is_ascii_whitespace()).then_some(name_end + 2)
}

/// Bytes between a name and the word `value`.
const BETWEEN: usize = 64;

/// Where the value begins that stands beside its name in a pair of fields: `"name": "DB_PASSWORD", "value": "x"`, `key="DbPassword"
/// value="x"`.
fn pair(text: &[u8], name_end: usize) -> Option<usize> {
    const VALUE: &[u8] = b"value";
    let rest = text.get(name_end..text.len().min(name_end + BETWEEN))?;
    let at = rest.windows(VALUE.len()).position(|part| part.eq_ignore_ascii_case(VALUE))?;
    let between = rest.get(..at)?;
    let fields = between.iter().all(|byte| byte.is_ascii_whitespace() || b",\"'".contains(byte));
    let attributes = matches!(between, [b'"' | b'\'', more @ .., b' '] if !more.iter().any(|byte| b"<>{}[]:\n".contains(byte)));
    let is_next = at > 0 && (fields && between.iter().any(|byte| b"\n,\"'".contains(byte)) || attributes);
    let after = skip(text, name_end + at + VALUE.len(), b"\"' ", 3);
    let is_signed = matches!(text.get(after)?, b'=' | b':');
    (is_next && is_signed).then(|| skip(text, after + 1, b" \t", 4))
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

/// The part of a line before `at`, as far as it is looked at.
pub(super) fn line_before(text: &[u8], at: usize) -> &[u8] {
    let before = text.get(at.saturating_sub(LINE)..at).unwrap_or_default();
    before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Whether a text contains another one.
pub(in crate::reflex::secrets) fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether the value at `at` is that of a variable of the environment with a longer name: `PGPASSWORD=letmein`.
pub(super) fn is_variable(text: &[u8], start: usize, at: usize) -> bool {
    let name = text.get(start.saturating_sub(1)..at).unwrap_or_default();
    let upper = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    matches!(name, [name @ .., b'='] if start > 0 && name.iter().all(upper))
}

/// Whether the quote before a value stands behind it, too.
pub(super) fn closes(text: &[u8], from: usize, to: usize) -> bool {
    from.checked_sub(1).and_then(|at| text.get(at)) == text.get(skip(text, to, b" ", BLANKS))
}

fn skip(text: &[u8], at: usize, fillers: &[u8], most: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take(most).take_while(|byte| fillers.contains(byte)).count()
}

/// Whether the name that the word at `start` belongs to is one of a query: `?user=x&password=...`.
pub(super) fn is_in_query(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(24)..start).unwrap_or_default();
    let name = before.iter().rev().find(|byte| !byte.is_ascii_alphanumeric() && !b"_-".contains(byte));
    matches!(name, Some(b'?' | b'&'))
}

/// Whether no letter and no digit touches a word.
pub(super) fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let touches = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    !touches(start.checked_sub(1)) && !touches(Some(end))
}

/// The value that begins at `at`: up to its closing quote, to white space, or `in_query` to the next parameter.
pub(in crate::reflex::secrets) fn extent(
    text: &[u8],
    at: usize,
    in_query: bool,
) -> Option<(usize, usize, bool)> {
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
    let around: &[u8] = if quoted { b" " } else { b".)]}:" };
    let trimmed = value.iter().rev().take_while(|byte| around.contains(byte)).count();
    // A cut in the middle of a character gives the whole character back.
    let mut to = from + length - trimmed;
    while text.get(to).is_some_and(|byte| byte & 0xC0 == 0x80) {
        to += 1;
    }
    Some((from, to, quoted))
}
