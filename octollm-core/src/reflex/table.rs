//! Tables as text: lines of fields that one sign divides (CSV, TSV, `|`), under a line with the names of the columns.
//!
//! Nine digits say nothing; in the column `ssn` they do, a thousand lines below that name.

use std::ops::Range;

/// Bytes of a text in which a table has to begin.
const REACH: usize = 4 << 10;
/// Signs that divide fields.
const DELIMITERS: &[u8] = b",;\t|";
/// Bytes of the longest name of a column.
const LONGEST_NAME: usize = 40;

/// A table: where its names stand, and what divides them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    delimiter: u8,
    names: Vec<Range<usize>>,
    /// Where the lines under the names begin.
    body: usize,
}

/// A field under the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) column: usize,
    /// Without its quotes.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Table {
    /// The first table of a text, if it begins near its beginning: a line of names, and one of as many fields under it.
    pub(super) fn find(text: &str) -> Option<Self> {
        let mut start = 0;
        for line in text.split_inclusive('\n').take_while(|line| line.ends_with('\n')) {
            let body = start + line.len();
            for delimiter in DELIMITERS {
                let table = Self { delimiter: *delimiter, names: names(text, start..body, *delimiter), body };
                if table.names.len() > 1 && table.line(text, body) == Some(table.names.len()) {
                    return Some(table);
                }
            }
            start = body;
            if start > REACH {
                return None;
            }
        }
        None
    }

    /// The names, from the first column on.
    pub(super) fn names<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.names.iter().map(|name| text.get(name.clone()).unwrap_or_default())
    }

    /// The line with the names, without its end.
    pub(super) fn header<'t>(&self, text: &'t str) -> Option<&'t str> {
        let before = text.get(..self.body)?.trim_end_matches(['\r', '\n']);
        before.rsplit('\n').next()
    }

    /// The fields under the names, up to the first line that has more of them or fewer.
    pub(super) fn fields<'t>(&self, text: &'t str) -> Fields<'t> {
        Fields {
            bytes: text.as_bytes(),
            delimiter: self.delimiter,
            columns: self.names.len(),
            at: Some(self.body),
            column: 0,
        }
    }

    /// How many fields the line at `start` has.
    fn line(&self, text: &str, start: usize) -> Option<usize> {
        let mut fields = Fields { at: Some(start), columns: usize::MAX, ..self.fields(text) };
        let mut count = 0;
        loop {
            let field = fields.next()?;
            count += 1;
            if fields.at.is_none() || fields.column == 0 || field.column > self.names.len() {
                return Some(count);
            }
        }
    }
}

/// The names of columns that a line holds; none if one of them is no name.
fn names(text: &str, line: Range<usize>, delimiter: u8) -> Vec<Range<usize>> {
    let mut names = Vec::new();
    let mut start = line.start;
    for name in text.get(line).unwrap_or_default().split(char::from(delimiter)) {
        let around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{FEFF}');
        let from_bare = name.trim_start_matches(around);
        let from = start + name.len() - from_bare.len();
        let bare = from_bare.trim_end_matches(around);
        // Outer signs of a table as Markdown has them leave empty names.
        let is_name = bare.len() <= LONGEST_NAME
            && bare.chars().all(|c| c.is_alphanumeric() || "_-. #/()".contains(c))
            && !bare.starts_with(|c: char| c.is_ascii_digit());
        if !is_name {
            return Vec::new();
        }
        names.push(from..from + bare.len());
        start += name.len() + 1;
    }
    if names.iter().filter(|name| !name.is_empty()).count() > 1 { names } else { Vec::new() }
}

/// Walks over the fields of a table, each byte once.
#[derive(Debug, Clone)]
pub(super) struct Fields<'t> {
    bytes: &'t [u8],
    delimiter: u8,
    columns: usize,
    /// Where the next field begins; `None` behind the table.
    at: Option<usize>,
    column: usize,
}

impl Iterator for Fields<'_> {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let at = self.at.take()?;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let column = self.column;
        let quoted = rest.first() == Some(&b'"');
        let inner = if quoted { closing(rest.get(1..)?)? } else { 0 };
        let behind = if quoted { inner + 2 } else { 0 };
        let ends = |byte: &u8| *byte == self.delimiter || *byte == b'\n';
        let more = rest.get(behind..).unwrap_or_default();
        let width = more.iter().position(ends).unwrap_or(more.len());
        let end = at + behind + width;
        self.column += 1;
        match self.bytes.get(end) {
            Some(byte) if *byte == self.delimiter => {
                self.at = (self.column < self.columns).then_some(end + 1)
            }
            Some(_) => {
                self.at = (self.column == self.columns || self.columns == usize::MAX).then_some(end + 1);
                self.column = 0;
            }
            None => {}
        }
        let (start, end) = if quoted { (at + 1, at + 1 + inner) } else { (at, end) };
        Some(Field { column, start, end })
    }
}

/// Where the quote stands that closes a field; two of them stand for one.
fn closing(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += rest.get(at..)?.iter().position(|byte| *byte == b'"')?;
        if rest.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The line with the names of the columns of the table that a text begins with, if it does: what a later part of a long table has to
/// be scanned under.
pub fn table_header(text: &str) -> Option<&str> {
    Table::find(text)?.header(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Vec<(String, String)> {
        let table = Table::find(text).unwrap();
        let names: Vec<_> = table.names(text).collect();
        let field = |field: Field| (names[field.column].to_owned(), text[field.start..field.end].to_owned());
        table.fields(text).map(field).collect()
    }

    #[test]
    fn fields_stand_under_the_names_of_their_columns() {
        let text = "Here it is:\n\nid,\"full name\",ssn\n1,\"Doe, \"\"J\"\"\",536228741\n2,Ann,123\nthat is all, thanks\n";
        let expected = [
            ("id", "1"),
            ("full name", "Doe, \"\"J\"\""),
            ("ssn", "536228741"),
            ("id", "2"),
            ("full name", "Ann"),
            ("ssn", "123"),
            ("id", "that is all"),
            ("full name", " thanks"),
        ];
        assert_eq!(columns(text), expected.map(|(name, field)| (name.to_owned(), field.to_owned())));
        assert_eq!(table_header(text), Some("id,\"full name\",ssn"));
        let markdown = "| name | phone |\n|------|-------|\n| Ann | 5550132 |";
        assert_eq!(columns(markdown)[5], ("name".to_owned(), " Ann ".to_owned()));
    }

    #[test]
    fn prose_is_no_table() {
        for text in [
            "",
            "one line, no more",
            "Dear Ann, dear Bob,\nthe ship sails at nine. We meet at the quay.\n",
            "a = 1, b = 2\nc = 3, d = 4\n",
            "1,2,3\n4,5,6\n",
            "name,ssn\n\"never closed,1\n",
        ] {
            assert_eq!(Table::find(text), None, "{text}");
        }
    }

    #[test]
    fn any_line_that_has_other_fields_ends_it() {
        assert_eq!(columns("a,b\n1,2\n3,4,5\n6,7\n").len(), 4);
        assert_eq!(columns("a;b\r\n1;2\r\n\r\n3;4\r\n").len(), 3);
    }
}
