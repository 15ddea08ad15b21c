//! Text as it stands in JSON, in source code and in HTML: `\n`, `\"`, `\u00fc` and `&quot;` are no part of the words beside them.

use std::borrow::Cow;

/// Quotes as HTML writes them.
const QUOTES: [(&str, char); 5] =
    [("&quot;", '"'), ("&#34;", '"'), ("&apos;", '\''), ("&#39;", '\''), ("&#x27;", '\'')];

/// A text of the same length in which escapes of JSON are spaces (of `\"` the backslash), and those of quotes in HTML spaces and a
/// quote, so that what stands beside one is seen whole, and nothing that is found holds a part of one. Backslashes may be doubled:
/// JSON within JSON.
pub(super) fn blanked(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') && !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let (mut blank, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, escape)) = rest.find(['\\', '&']).and_then(|at| rest.split_at_checked(at)) {
        blank.push_str(before);
        rest = if escape.starts_with('&') {
            entity(escape, &mut blank)
        } else {
            backslashes(escape, &mut blank)
        };
    }
    blank.push_str(rest);
    Cow::Owned(blank)
}

/// Appends what is read of a run of backslashes and the escape that it begins, and answers what follows.
fn backslashes<'t>(escape: &'t str, blank: &mut String) -> &'t str {
    let behind = escape.trim_start_matches('\\');
    let run = escape.len() - behind.len();
    let spaces = letters(behind.as_bytes()).map_or(0, |letters| run + letters);
    let (taken, left) = escape.split_at_checked(spaces.max(run)).unwrap_or((escape, ""));
    if spaces > 0 {
        blank.extend(taken.bytes().map(|_| ' '));
    } else {
        blank.push_str(taken);
    }
    left
}

/// The same of an ampersand.
fn entity<'t>(escape: &'t str, blank: &mut String) -> &'t str {
    for (written, quote) in QUOTES {
        if let Some(left) = escape.strip_prefix(written) {
            blank.extend(written.bytes().skip(1).map(|_| ' '));
            blank.push(quote);
            return left;
        }
    }
    blank.push('&');
    escape.get(1..).unwrap_or_default()
}

/// How many letters behind a backslash belong to its escape, if it begins one.
fn letters(behind: &[u8]) -> Option<usize> {
    match behind {
        [b'n' | b'r' | b't', ..] => Some(1),
        [b'"', ..] => Some(0),
        [b'u', code @ ..] if code.len() >= 4 && code.iter().take(4).all(u8::is_ascii_hexdigit) => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_blank_and_all_else_stays() {
        for (text, blank) in [
            (r"paid\n4539", "paid  4539"),
            (r#"{\"a\": \"b\\n\"}"#, r#"{ "a ":  "b    "}"#),
            (r"f\u00fcr \u12 \users \d+", r"f      r \u12 \users \d+"),
            (r"ends \", r"ends \"),
            ("{&quot;a&quot;: &#39;b&#39;} a&b &amp;", "{     \"a     \":     'b    '} a&b &amp;"),
            ("none", "none"),
        ] {
            assert_eq!(blanked(text), blank);
        }
    }

    proptest! {
        #[test]
        fn no_byte_moves(text in r#"([a-z\\nu0"ü&]|\\\\n|\\u00fc|&#39;){0,40}"#) {
            let blank = blanked(&text);
            prop_assert_eq!(blank.len(), text.len());
            for (blank, byte) in blank.bytes().zip(text.bytes()) {
                prop_assert!(blank == byte || blank == b' ' || (blank, byte) == (b'\'', b';'));
            }
        }
    }
}
