//! What a program wrote, made safe to show: a terminal that prints it does nothing but print.

/// The bytes as text: UTF-8 where they are, and every control character but tab and newline written out. So no escape
/// sequence moves a cursor, sets a title or fills a clipboard where the text is shown; and no character that reverses the
/// direction of writing, or is not seen at all, hides what stands there.
pub(super) fn text(bytes: &[u8]) -> String {
    neutral(&String::from_utf8_lossy(bytes))
}

/// The same for text. What joins and parts letters stays, because some scripts cannot be written without.
pub(super) fn neutral(text: &str) -> String {
    written_out(text, &['\t', '\n', '\u{200c}', '\u{200d}'])
}

/// Text of others among lines of one's own: each of its lines is marked, so that none is taken for one of those.
pub(super) fn marked(text: &str) -> String {
    let lines = written_out(text, &['\t', '\n']);
    lines.split('\n').map(|line| format!("\n| {line}")).collect()
}

fn written_out(text: &str, kept: &[char]) -> String {
    let text = text.replace("\r\n", "\n");
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if kept.contains(&character) { safe.push(character) } else { push(&mut safe, character) }
    }
    safe
}

/// A file's name on one line. Different names stay different: what is written out begins with a backslash, and a backslash
/// of the name's own is doubled.
pub(super) fn name(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        escape(&mut safe, chunk.valid());
        for byte in chunk.invalid() {
            safe.push_str(&format!("\\x{byte:02x}"));
        }
    }
    safe
}

/// One argument on one line as a person reads it, and as bash would read it back: quoted where it must be.
pub(super) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    if !argument.contains(is_unseen) {
        return format!("'{}'", argument.replace('\'', r"'\''"));
    }
    let mut safe = String::with_capacity(argument.len());
    escape(&mut safe, argument);
    format!("$'{}'", safe.replace('\'', r"\'"))
}

fn escape(safe: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            other => push(safe, other),
        }
    }
}

/// The character, or what stands for it where it would not be seen as what it is.
fn push(safe: &mut String, character: char) {
    let code = u32::from(character);
    match character {
        character if !is_unseen(character) => safe.push(character),
        '\0'..='\x7f' => safe.push_str(&format!("\\x{code:02x}")),
        '\u{80}'..='\u{ffff}' => safe.push_str(&format!("\\u{code:04x}")),
        _ => safe.push_str(&format!("\\U{code:08x}")),
    }
}

/// Control characters, other ends of lines, and Unicode's format characters (category Cf) but those that the scripts of
/// Arabic and its kin show: they order, join or hide what stands around them, and are not seen themselves.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}')
        || matches!(character, '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_does_nothing_but_print_it() {
        assert_eq!(text(b"a\x1b[2Jb\x07\r\nc\rd\t\xff"), "a\\x1b[2Jb\\x07\nc\\x0dd\t\u{fffd}");
        assert_eq!(neutral("\u{9b}31m \u{202e}txt.exe"), "\\u009b31m \\u202etxt.exe");
        assert_eq!(neutral("grüße 🐙 ❤\u{fe0f}\u{200d}🔥"), "grüße 🐙 ❤\u{fe0f}\u{200d}🔥");
        for unseen in "\u{61c}\u{2028}\u{2029}\u{200b}\u{feff}\u{ad}\u{2066}\u{e0041}".chars() {
            assert!(neutral(&unseen.to_string()).is_ascii(), "{unseen:?}");
        }
    }

    #[test]
    fn no_line_of_others_looks_like_ones_own() {
        assert_eq!(marked("a\n--- policy\r\n\u{2028}b\u{200d}"), "\n| a\n| --- policy\n| \\u2028b\\u200d");
    }

    #[test]
    fn different_names_stay_different_and_on_one_line() {
        let names: [&[u8]; 9] = [
            b"a\xff",
            b"a\xfe",
            b"a\\xff",
            b"a\x1b",
            b"a\\x1b",
            b"a\nb",
            b"a\\nb",
            b"a\tb",
            b"a\xef\xbf\xbd",
        ];
        let shown: std::collections::BTreeSet<_> = names.into_iter().map(name).collect();
        assert_eq!(shown.len(), names.len());
        assert!(shown.iter().all(|name| !name.contains(char::is_control)), "{shown:?}");
        assert_eq!(name("tests/grüße.txt".as_bytes()), "tests/grüße.txt");
    }

    #[test]
    fn arguments_are_quoted_where_they_must_be() {
        assert_eq!(quoted("--name=a/b.txt"), "--name=a/b.txt");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(r"a\b"), r"'a\b'");
        assert_eq!((quoted("").as_str(), quoted("a\x1bb").as_str()), ("''", r"$'a\x1bb'"));
        assert_eq!(quoted("x\n--- policy it's \\ \u{202e}"), r"$'x\n--- policy it\'s \\ \u202e'");
    }
}
