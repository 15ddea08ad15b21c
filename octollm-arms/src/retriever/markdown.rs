//! As much of Markdown as is needed to cut it well and to read a sentence of it aloud.
//!
//! Not a parser: a chunk may begin in the middle of anything, so every rule looks at one line.

/// The opening of a fenced listing.
pub(super) struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    /// The fence that this line opens.
    pub(super) fn opens(line: &str) -> Option<Self> {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = text.chars().take_while(|c| *c == mark).count();
        let info = text.get(length..)?;
        (length >= 3 && !(mark == '`' && info.contains('`'))).then_some(Self { mark, length })
    }

    /// Whether this line closes it.
    pub(super) fn closes(&self, line: &str) -> bool {
        let text = line.trim();
        text.chars().count() >= self.length && text.chars().all(|c| c == self.mark)
    }
}

/// Level and title of an ATX heading.
pub(super) fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_end();
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    let title = text.get(level..)?;
    if !(1..=6).contains(&level) || !(title.is_empty() || title.starts_with([' ', '\t'])) {
        return None;
    }
    Some((level, title.trim().trim_end_matches('#').trim_end()))
}

/// The level of the heading above, if this line underlines one: 1 for `===`, 2 for `---`.
pub(super) fn underline(line: &str) -> Option<usize> {
    let text = line.trim_end();
    let all = |mark: u8| text.len() >= 3 && text.bytes().all(|byte| byte == mark);
    if all(b'=') { Some(1) } else { all(b'-').then_some(2) }
}

/// The length in bytes of the list marker (with the white space around it) that begins this line.
pub(super) fn item_marker(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mark = match text.as_bytes().get(digits)? {
        b'-' | b'*' | b'+' if digits == 0 => 1,
        b'.' | b')' if (1..=9).contains(&digits) => digits + 1,
        _ => return None,
    };
    let after = text.get(mark..)?;
    let body = after.trim_start();
    (after.len() > body.len()).then_some(indent + mark + after.len() - body.len())
}

/// Whether this line begins a list item.
pub(super) fn is_item(line: &str) -> bool {
    item_marker(line).is_some()
}

/// Whether this line is a row of a table.
pub(super) fn is_row(line: &str) -> bool {
    let text = line.trim();
    text.len() > 2 && text.starts_with('|')
}

/// Whether this row only separates a table's head from its body.
pub(super) fn is_separator(line: &str) -> bool {
    let text = line.trim();
    text.contains("---") && text.chars().all(|c| "|-: ".contains(c))
}

/// The cells of a row, trimmed; `\|` does not end a cell.
pub(super) fn cells(line: &str) -> Vec<&str> {
    let row = line.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = Vec::new();
    let mut start = 0;
    let mut before = ' ';
    for (at, c) in row.char_indices() {
        if c == '|' && before != '\\' {
            cells.push(row.get(start..at).unwrap_or_default().trim());
            start = at + 1;
        }
        before = c;
    }
    let last = row.get(start..).unwrap_or_default().trim();
    if !last.is_empty() {
        cells.push(last);
    }
    cells
}

/// `text` as it is read aloud: without emphasis, code marks, link targets and HTML tags; white space in one.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    say(text, &mut out);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is said of a piece of Markdown.
enum Said<'a> {
    /// Nothing: it is a mark.
    Nothing,
    /// These words as they are.
    Text(&'a str),
    /// These words, which may hold marks of their own.
    Marked(&'a str),
}

fn say(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (said, length) = spoken(rest, c, out.chars().next_back());
        match said {
            Said::Nothing => {}
            Said::Text(words) => out.push_str(words),
            // A label is shorter than the link around it, so this ends.
            Said::Marked(words) => say(words, out),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// What is said of the mark or character `c` that `rest` begins with, and how many bytes of it that is.
fn spoken(rest: &str, c: char, before: Option<char>) -> (Said<'_>, usize) {
    let marked = match c {
        '`' => code_span(rest),
        '[' => link(rest),
        '!' if rest.starts_with("![") => Some((Said::Nothing, 1)),
        '<' => tag(rest),
        '\\' => escaped(rest),
        '*' | '_' => emphasis(rest, c, before),
        _ => None,
    };
    marked.unwrap_or((Said::Text(rest.get(..c.len_utf8()).unwrap_or_default()), c.len_utf8()))
}

fn code_span(rest: &str) -> Option<(Said<'_>, usize)> {
    let ticks = rest.bytes().take_while(|byte| *byte == b'`').count();
    let (mark, after) = rest.split_at_checked(ticks)?;
    Some(match after.find(mark) {
        Some(end) => (Said::Text(after.get(..end)?), end + 2 * ticks),
        None => (Said::Nothing, ticks),
    })
}

fn link(rest: &str) -> Option<(Said<'_>, usize)> {
    let end = rest.find(']')?;
    let label = rest.get(1..end)?;
    let after = rest.get(end + 1..)?;
    let target = match after.chars().next()? {
        '(' => after.find(')')?,
        '[' => after.find(']')?,
        _ => return None,
    };
    Some((Said::Marked(label), end + 1 + target + 1))
}

fn tag(rest: &str) -> Option<(Said<'_>, usize)> {
    const TAGS: &[&str] = &[
        "a", "b", "br", "code", "dd", "details", "div", "dl", "dt", "em", "h1", "h2", "h3", "hr", "i", "img",
        "kbd", "li", "ol", "p", "span", "strong", "sub", "summary", "sup", "table", "td", "th", "tr", "u",
        "ul",
    ];
    let end = rest.find('>')?;
    let inner = rest.get(1..end)?;
    if inner.starts_with("http") || inner.starts_with("mailto:") {
        return Some((Said::Text(inner), end + 1));
    }
    let name = inner.trim_start_matches('/').split([' ', '/']).next()?;
    TAGS.contains(&name.to_ascii_lowercase().as_str()).then_some((Said::Nothing, end + 1))
}

fn escaped(rest: &str) -> Option<(Said<'_>, usize)> {
    let next = rest.chars().nth(1).filter(char::is_ascii_punctuation)?;
    Some((Said::Text(rest.get(1..1 + next.len_utf8())?), 1 + next.len_utf8()))
}

/// Stars and underscores are marks, except between words (`5 * 3`) and inside one (`task_id`).
fn emphasis(rest: &str, mark: char, before: Option<char>) -> Option<(Said<'_>, usize)> {
    let run = rest.chars().take_while(|c| *c == mark).count();
    let after = rest.chars().nth(run);
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let stands_alone = blank(before) && blank(after);
    let inside = mark == '_' && letter(before) && letter(after);
    (!stands_alone && !inside).then_some((Said::Nothing, run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_read_without_its_marks() {
        for (marked, read) in [
            ("**Budgets** are *enforced*, never `advisory`.", "Budgets are enforced, never advisory."),
            ("see [the guide](guide.md#top) and ![a picture](x.png)", "see the guide and a picture"),
            (
                "`task_id` is _one_ of snake_case names, 5 * 3 = 15",
                "task_id is one of snake_case names, 5 * 3 = 15",
            ),
            (
                "a \\* star, <b>bold</b>, Vec<T>, <https://example.org>",
                "a * star, bold, Vec<T>, https://example.org",
            ),
            ("an [array] of `a*b*c`  with\n  a break", "an [array] of a*b*c with a break"),
            ("[**bold** label][ref]", "bold label"),
            ("an `open tick and a [link", "an open tick and a [link"),
        ] {
            assert_eq!(plain(marked), read);
        }
    }

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(heading("## Two words ##"), Some((2, "Two words")));
        assert_eq!(heading("#tag"), None);
        assert_eq!(heading("####### seven"), None);
        assert!(
            is_item("  - one") && is_item("12. twelve") && !is_item("-not") && !is_item("1.5 is a number")
        );
        assert_eq!(item_marker("  10) ten"), Some(6));
        assert!(is_separator("|---|:-:|") && !is_separator("| a |"));
        assert_eq!(cells(r"| a \| b | c |"), [r"a \| b", "c"]);
        assert!(Fence::opens("```rust").is_some_and(|fence| fence.closes("````") && !fence.closes("``")));
        assert!(Fence::opens("``` a ` b").is_none());
    }
}
