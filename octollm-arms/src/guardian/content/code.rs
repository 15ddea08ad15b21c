//! Where a text shows code as code.

use std::ops::Range;

/// Keys whose value is code by their very name.
const CODE_KEYS: [&str; 9] =
    ["code", "tests", "test", "snippet", "script", "sql", "diff", "patch", "existing_code"];

/// Whether a value under this key is meant to be code.
pub(super) fn names_code(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    CODE_KEYS.contains(&key.as_str()) || key.ends_with("_code") || key.ends_with("_sql")
}

/// The fenced blocks and code spans of a text, as Markdown has them: a fence ends with one that is at least as long, or with
/// the text; a span ends with as many backticks as it began with, within its paragraph.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    let mut paragraph = 0;
    while let Some(line) = text.get(at..).and_then(|rest| rest.split_inclusive('\n').next()) {
        let next = at + line.len();
        if let Some(fence) = fence(line) {
            spans(text, paragraph..at, &mut ranges);
            let end = end_of_fence(text, next, fence);
            ranges.push(at..end);
            (at, paragraph) = (end, end);
            continue;
        }
        if line.trim().is_empty() {
            spans(text, paragraph..at, &mut ranges);
            paragraph = next;
        }
        at = next;
    }
    spans(text, paragraph..text.len(), &mut ranges);
    ranges
}

/// The mark of a fence that this line opens or closes, and how often it stands there.
fn fence(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let count = line.chars().take_while(|c| *c == mark).count();
    let info = line.get(count..)?;
    (count >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, count))
}

fn end_of_fence(text: &str, from: usize, (mark, count): (char, usize)) -> usize {
    let mut at = from;
    while let Some(line) = text.get(at..).and_then(|rest| rest.split_inclusive('\n').next()) {
        at += line.len();
        let trimmed = line.trim();
        if trimmed.len() >= count && trimmed.chars().all(|c| c == mark) {
            return at;
        }
    }
    text.len()
}

fn spans(text: &str, range: Range<usize>, into: &mut Vec<Range<usize>>) {
    let Some(paragraph) = text.get(range.clone()) else { return };
    let mut at = 0;
    let ticks = |at: usize| paragraph.bytes().skip(at).take_while(|byte| *byte == b'`').count();
    while let Some(open) = paragraph.get(at..).and_then(|rest| rest.find('`')).map(|found| at + found) {
        let count = ticks(open);
        let mut close = open + count;
        let end = loop {
            let Some(found) = paragraph.get(close..).and_then(|rest| rest.find('`')) else { break None };
            close += found;
            let closing = ticks(close);
            close += closing;
            if closing == count {
                break Some(close);
            }
        };
        // Without an end these backticks are text; others after them may still be a span.
        at = end.unwrap_or(open + count);
        into.extend(end.map(|end| range.start + open..range.start + end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<&str> {
        ranges(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn fences_and_spans_are_code() {
        assert_eq!(code("a `b` c ``d ` e`` f"), ["`b`", "``d ` e``"]);
        assert_eq!(code("x\n```sh\nrm\n```\ny `z`\n"), ["```sh\nrm\n```\n", "`z`"]);
        assert_eq!(code("~~~\n```\n~~~~\nq"), ["~~~\n```\n~~~~\n"]);
        assert_eq!(code("```\nopen"), ["```\nopen"]);
        assert_eq!(code("é `é` ``"), ["`é`"]);
    }

    #[test]
    fn a_span_ends_with_its_paragraph() {
        assert_eq!(code("a ` b\n\nc ` d"), [""; 0]);
        assert_eq!(code("``` a ``` `b"), ["``` a ```"]);
    }

    #[test]
    fn keys_that_name_code() {
        assert!(names_code("code") && names_code("Existing_Code") && names_code("setup_sql"));
        assert!(!names_code("query") && !names_code("codename") && !names_code("source"));
    }
}
