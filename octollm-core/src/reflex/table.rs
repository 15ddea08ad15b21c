//! Tables as text: lines of fields that one sign divides (CSV, TSV, `|`), under a line with the names of the columns.
//!
//! Nine digits say nothing; in the column `ssn` they do, a thousand lines below that name.

use std::ops::Range;

/// Bytes of a text in which a table has to begin.
const REACH: usize = 4 << 10;
/// Signs that divide fields.
const DELIMITERS: &[u8] = b",;\t|";
/// Characters of the longest name of a column.
const LONGEST_NAME: usize = 40;
/// Words of such a name: `Numéro de sécurité sociale`. A line of prose has more between two commas.
const MOST_WORDS: usize = 4;
/// Signs that names have beside letters and digits.
const NAME_SIGNS: &str = "_-. #/()$%&?'*+[]€,";
/// Columns of the widest table.
const MOST_COLUMNS: usize = 1024;

/// A table: where its names stand, and what divides them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    delimiter: u8,
    names: Vec<Range<usize>>,
    /// Where the line with the names begins.
    start: usize,
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
            let mut tables = DELIMITERS.iter().filter_map(|delimiter| Self::named(text, start, *delimiter));
            if let Some(table) = tables.find(|table| table.fields(text).next().is_some()) {
                return Some(table);
            }
            start += line.len();
            if start > REACH {
                return None;
            }
        }
        None
    }

    /// The table whose names stand in the line at `start`, if it is one of names.
    fn named(text: &str, start: usize, delimiter: u8) -> Option<Self> {
        let mut line = Rows::new(text, delimiter, start, MOST_COLUMNS);
        line.read()?;
        let names: Option<Vec<_>> = line.row.iter().map(|field| name(text, field)).collect();
        let names = names?;
        let spaced = |field: &Field| text.get(field.start..).is_some_and(|rest| rest.starts_with(' '));
        // `import json, datetime`, `Dear Ann, this`.
        let is_prose = delimiter == b',' && names.len() == 2 && line.row.iter().any(spaced);
        // Outer signs of a table as Markdown has them leave empty names.
        let is_named = names.iter().filter(|name| !name.is_empty()).count() > 1;
        (is_named && !is_prose).then_some(Self { delimiter, names, start, body: line.next? })
    }

    /// The names, from the first column on.
    pub(super) fn names<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.names.iter().map(|name| text.get(name.clone()).unwrap_or_default())
    }

    /// The fields under the names, up to the first row that has more of them or fewer.
    pub(super) fn fields<'t>(&self, text: &'t str) -> Fields<'t> {
        let columns = self.names.len();
        Fields { rows: Rows::new(text, self.delimiter, self.body, columns), columns, at: 0 }
    }
}

/// The name of a column that a field holds, if it is one.
fn name(text: &str, field: &Field) -> Option<Range<usize>> {
    let around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{FEFF}');
    let name = text.get(field.start..field.end)?;
    let from_bare = name.trim_start_matches(around);
    let bare = from_bare.trim_end_matches(around);
    let is_name = bare.chars().take(LONGEST_NAME + 1).count() <= LONGEST_NAME
        && bare.chars().all(|c| c.is_alphanumeric() || NAME_SIGNS.contains(c))
        && bare.split_whitespace().count() <= MOST_WORDS
        && !bare.starts_with(|c: char| c.is_ascii_digit());
    let start = field.end - from_bare.len();
    is_name.then_some(start..start + bare.len())
}

/// Walks over the rows of a text.
#[derive(Debug, Clone)]
struct Rows<'t> {
    bytes: &'t [u8],
    delimiter: u8,
    /// Where the next row begins; `None` behind the last one.
    next: Option<usize>,
    /// Fields of a row at most.
    most: usize,
    /// The fields of the row that was read last.
    row: Vec<Field>,
}

impl<'t> Rows<'t> {
    fn new(text: &'t str, delimiter: u8, start: usize, most: usize) -> Self {
        Self { bytes: text.as_bytes(), delimiter, next: Some(start), most, row: Vec::new() }
    }

    /// Reads a row; `None` where there is none, or one of too many fields.
    fn read(&mut self) -> Option<()> {
        self.row.clear();
        let mut at = self.next.take().filter(|start| *start < self.bytes.len())?;
        while self.row.len() < self.most {
            let (start, end, behind) = self.field(at)?;
            self.row.push(Field { column: self.row.len(), start, end });
            match self.bytes.get(behind) {
                Some(byte) if *byte == self.delimiter => at = behind + 1,
                Some(_) => {
                    self.next = Some(behind + 1);
                    return Some(());
                }
                None => return Some(()),
            }
        }
        None
    }

    /// The field that begins at `at`: without its quotes, and where it ends with them.
    fn field(&self, at: usize) -> Option<(usize, usize, usize)> {
        let rest = self.bytes.get(at..)?;
        let quoted = rest.first() == Some(&b'"');
        let inner = if quoted { closing(rest.get(1..)?)? } else { 0 };
        let more = rest.get(if quoted { inner + 2 } else { 0 }..)?;
        let ends = |byte: &u8| *byte == self.delimiter || *byte == b'\n';
        let behind = self.bytes.len() - more.len() + more.iter().position(ends).unwrap_or(more.len());
        Some(if quoted { (at + 1, at + 1 + inner, behind) } else { (at, behind, behind) })
    }
}

/// Walks over the fields of a table.
#[derive(Debug, Clone)]
pub(super) struct Fields<'t> {
    rows: Rows<'t>,
    columns: usize,
    /// How many fields of the row were given.
    at: usize,
}

impl Iterator for Fields<'_> {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        if self.at == self.rows.row.len() {
            self.at = 0;
            self.rows.read()?;
            if self.rows.row.len() != self.columns {
                self.rows.next = None;
                self.rows.row.clear();
            }
        }
        let field = *self.rows.row.get(self.at)?;
        self.at += 1;
        Some(field)
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

/// A table that goes on at some place of a text: what the rest of the text has to be scanned under, where it is scanned in parts
/// ([`Detectors::private_part`](super::Detectors::private_part)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTable<'t> {
    /// The line with the names of its columns, with its end.
    pub header: &'t str,
    /// Where the row begins that the place stands in.
    pub row: usize,
}

impl<'t> OpenTable<'t> {
    /// The table of a text, as far as it begins within the first 4 KiB and has not ended before `at`.
    pub fn at(text: &'t str, at: usize) -> Option<Self> {
        let table = Table::find(text)?;
        let mut row = table.body;
        for field in table.fields(text) {
            row = if field.column == 0 { field.start } else { row };
            if field.end >= at {
                // A quote before the first field belongs to the row.
                let quoted = row > table.body && text.as_bytes().get(row - 1) == Some(&b'"');
                let row = row - usize::from(quoted);
                return Some(Self { header: text.get(table.start..table.body)?, row });
            }
        }
        None
    }
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
        let text = "Here it is:\n\nid,\"full name, or so\",ssn\n1,\"Doe, \"\"J\"\"\",536228741\n2,Ann,123\nthat is all, thanks\n";
        let expected = [
            ("id", "1"),
            ("full name, or so", "Doe, \"\"J\"\""),
            ("ssn", "536228741"),
            ("id", "2"),
            ("full name, or so", "Ann"),
            ("ssn", "123"),
        ];
        assert_eq!(columns(text), expected.map(|(name, field)| (name.to_owned(), field.to_owned())));
        let markdown = "| name | phone |\n|------|-------|\n| Ann | 5550132 |";
        assert_eq!(columns(markdown)[5], ("name".to_owned(), " Ann ".to_owned()));
    }

    #[test]
    fn prose_is_no_table() {
        for text in [
            "",
            "one line, no more",
            "Dear Ann, dear Bob,\nthe ship sails at nine. We meet at the quay.\n",
            "Hi Ann, my number is\n536228741, thank you\n",
            "import json, datetime\nimport re, time\n",
            "That was the end of it,or so we thought\nthe very next day,and so on\n",
            "a = 1, b = 2\nc = 3, d = 4\n",
            "1,2,3\n4,5,6\n",
            "name,ssn\n\"never closed,1\n",
        ] {
            assert_eq!(Table::find(text), None, "{text}");
        }
    }

    #[test]
    fn names_may_have_signs_and_other_scripts() {
        assert_eq!(columns("id,amount ($),Номер социального страхования\n1,4,5\n").len(), 3);
    }

    #[test]
    fn any_line_that_has_other_fields_ends_it() {
        assert_eq!(columns("a,b\n1,2\n3,4,5\n6,7\n").len(), 2);
        assert_eq!(columns("a;b\r\n1;2\r\n\r\n3;4\r\n").len(), 2);
    }

    #[test]
    fn a_table_is_open_up_to_its_last_row() {
        let text = "Here:\nid,note\n1,\"two\nlines\"\n\"2\",x\n\nThat was it.\n";
        let open = |place: &str| OpenTable::at(text, text.find(place).unwrap());
        let row = |row: &str| Some(OpenTable { header: "id,note\n", row: text.find(row).unwrap() });
        assert_eq!(open("lines"), row("1,"));
        assert_eq!(open("2"), row("\"2\""));
        assert_eq!(open("x"), row("\"2\""));
        assert_eq!(open("That"), None);
    }
}
