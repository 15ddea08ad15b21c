//! A text as it reads after percent signs, HTML entities and `\u` escapes are decoded, with the way back.

use std::ops::Range;

/// Rounds of decoding: who encodes twice is decoded twice.
const ROUNDS: usize = 2;

/// Characters of the longest escape.
const LONGEST: usize = 10;

/// Entities by name that matter for payloads.
const NAMED: [(&str, char); 10] = [
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("amp", '&'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("colon", ':'),
    ("lpar", '('),
    ("rpar", ')'),
];

/// A decoded text.
pub(super) struct Decoded {
    pub(super) text: String,
    /// For each byte of the text, the bytes that it came from. Byte by byte, because escapes stand anywhere.
    from: Vec<Range<usize>>,
}

/// The decoded text; `None` where there is nothing to decode.
pub(super) fn decoded(text: &str) -> Option<Decoded> {
    let mut decoded = round(text, &|at| at..at + 1)?;
    for _ in 1..ROUNDS {
        let from = &decoded.from;
        let Some(again) = round(&decoded.text, &|at| from.get(at).cloned().unwrap_or_default()) else {
            break;
        };
        decoded = again;
    }
    Some(decoded)
}

impl Decoded {
    /// Where a range of the decoded text stands in the original.
    pub(super) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.from.get(range.start).map_or(0, |from| from.start);
        let end =
            range.end.checked_sub(1).and_then(|last| self.from.get(last)).map_or(start, |from| from.end);
        start..end.max(start)
    }

    /// Whether something in this range was encoded.
    pub(super) fn changed(&self, range: &Range<usize>) -> bool {
        self.from.get(range.clone()).is_some_and(|from| from.iter().any(|from| from.len() > 1))
    }
}

fn round(text: &str, origin: &dyn Fn(usize) -> Range<usize>) -> Option<Decoded> {
    if !text.contains(['%', '&', '\\']) {
        return None;
    }
    let (mut out, mut from) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let (mut at, mut changed) = (0, false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        let (c, length, escaped) = match escape(rest) {
            Some((c, length)) => (c, length, true),
            None => (first, first.len_utf8(), false),
        };
        changed |= escaped;
        let source = origin(at).start..origin(at + length - 1).end;
        out.push(c);
        for byte in 0..c.len_utf8() {
            // A character that was not escaped keeps its bytes one by one, so that it does not count as changed.
            from.push(if escaped { source.clone() } else { origin(at + byte) });
        }
        at += length;
    }
    changed.then_some(Decoded { text: out, from })
}

/// The character that an escape at the beginning stands for, and the escape's length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    match text.as_bytes().first()? {
        b'%' => match text.as_bytes().get(1)? {
            b'u' | b'U' => Some((hex(text.get(2..6)?)?, 6)),
            _ => percent(text),
        },
        b'&' => entity(text),
        b'\\' => match text.as_bytes().get(1)? {
            b'u' => Some((hex(text.get(2..6)?)?, 6)),
            b'x' => Some((hex(text.get(2..4)?)?, 4)),
            _ => None,
        },
        _ => None,
    }
}

/// `%2e`; of several bytes of one character, `%c3%a9`. Bytes that are no UTF-8 stay as they are.
fn percent(text: &str) -> Option<(char, usize)> {
    let byte = |index: usize| {
        let part = text.get(index * 3..index * 3 + 3)?.strip_prefix('%')?;
        u8::from_str_radix(part, 16).ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let mut bytes = Vec::with_capacity(4);
    for index in 0..4 {
        bytes.push(byte(index)?);
        match std::str::from_utf8(&bytes) {
            Ok(text) => return text.chars().next().map(|c| (c, bytes.len() * 3)),
            Err(error) if error.error_len().is_some() => return None,
            Err(_) => {}
        }
    }
    None
}

impl Decoded {
    #[cfg(test)]
    fn parts(&self) -> Vec<(char, Range<usize>)> {
        self.text.char_indices().map(|(at, c)| (c, self.origin(&(at..at + c.len_utf8())))).collect()
    }
}

/// `&lt;`, `&#60;`, `&#x3c;`, with or without the semicolon where digits end by themselves.
fn entity(text: &str) -> Option<(char, usize)> {
    let body: &str = text.get(1..)?;
    if let Some(digits) = body.strip_prefix('#') {
        let (digits, radix, lead) = match digits.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, 3),
            None => (digits, 10, 2),
        };
        let count = digits.bytes().take(LONGEST).take_while(|byte| char::from(*byte).is_digit(radix)).count();
        let value = u32::from_str_radix(digits.get(..count)?, radix).ok()?;
        let ends = usize::from(digits.as_bytes().get(count) == Some(&b';'));
        return Some((char::from_u32(value)?, lead + count + ends));
    }
    let (name, c) = NAMED.iter().find(|(name, _)| {
        body.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && body.as_bytes().get(name.len()) == Some(&b';')
    })?;
    Some((*c, name.len() + 2))
}

fn hex(digits: &str) -> Option<char> {
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| all).and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        decoded(text).map_or_else(|| text.to_owned(), |decoded| decoded.text)
    }

    #[test]
    fn escapes_of_all_kinds() {
        assert_eq!(read("%2e%2E%2f"), "../");
        assert_eq!(read("&lt;a&#62;&#x3C;&GT;"), "<a><>");
        assert_eq!(read("\\u003cb\\x3e"), "<b>");
        assert_eq!(read("caf%C3%A9 100% & more %zz %c3 \\n"), "café 100% & more %zz %c3 \\n");
        assert_eq!(read("%252e"), ".");
        assert_eq!(read("%25252e"), "%2e");
    }

    #[test]
    fn every_character_knows_where_it_came_from() {
        let decoded = decoded("a%253cé").unwrap();
        assert_eq!(decoded.parts(), [('a', 0..1), ('<', 1..6), ('é', 6..8)]);
        assert!(decoded.changed(&(1..2)) && !decoded.changed(&(2..4)) && !decoded.changed(&(0..1)));
    }

    proptest! {
        #[test]
        fn any_text_can_be_decoded_and_found_again(text in "([%&\\\\;#xu0-9a-f]|é|lt|.){0,40}") {
            if let Some(decoded) = decoded(&text) {
                prop_assert_eq!(decoded.text.len(), decoded.from.len());
                for (_, range) in decoded.parts() {
                    prop_assert!(text.get(range).is_some());
                }
            }
        }
    }
}
