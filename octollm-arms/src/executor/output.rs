//! What a program wrote, made safe to show: a terminal that prints it does nothing but print.

/// The bytes as text: UTF-8 where they are, and every control character but tab and newline written out. So no escape
/// sequence moves a cursor, sets a title or fills a clipboard where the text is shown; and no character that reverses the
/// direction of writing hides what stands there.
pub(super) fn text(bytes: &[u8]) -> String {
    neutral(&String::from_utf8_lossy(bytes))
}

/// The same for text.
pub(super) fn neutral(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\n' => safe.push(character),
            '\0'..='\x1f' | '\x7f' => safe.push_str(&format!("\\x{:02x}", u32::from(character))),
            '\u{80}'..='\u{9f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{200e}'
            | '\u{200f}' => {
                safe.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
            }
            other => safe.push(other),
        }
    }
    safe
}

/// One argument as a person reads it, and as a shell would read it back: quoted where it must be.
pub(super) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", neutral(&argument.replace('\'', r"'\''")))
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
        assert_eq!(neutral("\u{9b}31m \u{202e}txt.exe"), "\\u{9b}31m \\u{202e}txt.exe");
        assert_eq!(neutral("grüße 🐙"), "grüße 🐙");
    }

    #[test]
    fn arguments_are_quoted_where_they_must_be() {
        assert_eq!(quoted("--name=a/b.txt"), "--name=a/b.txt");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!((quoted("").as_str(), quoted("a\x1bb").as_str()), ("''", "'a\\x1bb'"));
    }
}
