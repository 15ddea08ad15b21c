//! What a Parquet file says about itself, checked before the reader believes it.
//!
//! The reader allocates and recurses by numbers out of the file (children of a column, entries of a dictionary, bytes of a
//! page), so that a few bytes could end the process, where no error is left to catch. So the file's and the pages' headers
//! are walked here first, with the types that the format gives each field: the reader goes by a field's number alone, and would
//! otherwise read another thing than what was checked. A field that the format does not have is refused for the same reason.

/// A header that is not as the format has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Odd;

/// A number that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The element of the schema that was walked ends here.
    Column,
    Children,
    PageUnpacked,
    DictionaryEntries,
    PageEncoding,
}

/// The type of a field, as the compact protocol of Thrift writes it.
enum Kind {
    Bool,
    Byte,
    I16,
    I32,
    /// One that is asked for.
    Asked(Mark),
    I64,
    Binary,
    List(&'static Kind),
    /// Fields by their numbers.
    Struct(&'static [(u8, Kind)]),
    /// The same, and its end is told.
    Told(&'static [(u8, Kind)], Mark),
}

use Kind::{Asked, Binary, Bool, Byte, I16, I32, I64, List, Struct, Told};

const EMPTY: Kind = Struct(&[]);
/// A unit of time, or an order of values.
const UNIT: Kind = Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]);
const TIME: Kind = Struct(&[(1, Bool), (2, UNIT)]);
const PAIR: Kind = Struct(&[(1, Binary), (2, Binary)]);
const STATISTICS: Kind = Struct(&[
    (1, Binary),
    (2, Binary),
    (3, I64),
    (4, I64),
    (5, Binary),
    (6, Binary),
    (7, Bool),
    (8, Bool),
    (9, I64),
]);
const LOGICAL_TYPE: Kind = Struct(&[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Struct(&[(1, I32), (2, I32)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Struct(&[(1, Byte), (2, Bool)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
]);
const ELEMENT: Kind = Told(
    &[
        (1, I32),
        (2, I32),
        (3, I32),
        (4, Binary),
        (5, Asked(Mark::Children)),
        (6, I32),
        (7, I32),
        (8, I32),
        (9, I32),
        (10, LOGICAL_TYPE),
    ],
    Mark::Column,
);
const COLUMN: Kind = Struct(&[
    (1, I32),
    (2, List(&I32)),
    (3, List(&Binary)),
    (4, I32),
    (5, I64),
    (6, I64),
    (7, I64),
    (8, List(&PAIR)),
    (9, I64),
    (10, I64),
    (11, I64),
    (12, STATISTICS),
    (13, List(&Struct(&[(1, I32), (2, I32), (3, I32)]))),
    (14, I64),
    (15, I32),
    (16, Struct(&[(1, I64), (2, List(&I64)), (3, List(&I64))])),
]);
const CHUNK: Kind = Struct(&[(1, Binary), (2, I64), (3, COLUMN), (4, I64), (5, I32), (6, I64), (7, I32)]);
const GROUP: Kind = Struct(&[
    (1, List(&CHUNK)),
    (2, I64),
    (3, I64),
    (4, List(&Struct(&[(1, I32), (2, Bool), (3, Bool)]))),
    (5, I64),
    (6, I64),
    (7, I16),
]);
/// Of encrypted files, which have more, none is read.
const FILE: Kind = Struct(&[
    (1, I32),
    (2, List(&ELEMENT)),
    (3, I64),
    (4, List(&GROUP)),
    (5, List(&PAIR)),
    (6, Binary),
    (7, List(&UNIT)),
]);
const PAGE: Kind = Struct(&[
    (1, I32),
    (2, Asked(Mark::PageUnpacked)),
    (3, I32),
    (4, I32),
    (5, Struct(&[(1, I32), (2, Asked(Mark::PageEncoding)), (3, I32), (4, I32), (5, STATISTICS)])),
    (6, EMPTY),
    (7, Struct(&[(1, Asked(Mark::DictionaryEntries)), (2, Asked(Mark::PageEncoding)), (3, Bool)])),
    (
        8,
        Struct(&[
            (1, I32),
            (2, I32),
            (3, I32),
            (4, Asked(Mark::PageEncoding)),
            (5, I32),
            (6, I32),
            (7, Bool),
            (8, STATISTICS),
        ]),
    ),
]);

type Tell<'a> = dyn FnMut(Mark, i32) -> Result<(), Odd> + 'a;

/// Walks the footer of a file, which ends where `bytes` do.
pub(super) fn walk_footer(bytes: &[u8], tell: &mut Tell<'_>) -> Result<(), Odd> {
    Walk { bytes, at: 0, tell }.value(&FILE)
}

/// Walks the header of a page at the start of `bytes`, and says how long it is.
pub(super) fn walk_page(bytes: &[u8], tell: &mut Tell<'_>) -> Result<usize, Odd> {
    let mut walk = Walk { bytes, at: 0, tell };
    walk.value(&PAGE)?;
    Ok(walk.at)
}

struct Walk<'a, 'b> {
    bytes: &'a [u8],
    at: usize,
    tell: &'a mut Tell<'b>,
}

impl Walk<'_, '_> {
    /// A value of this kind. The kinds nest as deep as they stand here, and so does this.
    fn value(&mut self, kind: &Kind) -> Result<(), Odd> {
        match kind {
            Bool => Ok(()),
            Byte => self.byte().map(drop),
            I16 => i16::try_from(self.number()?).map(drop).map_err(|_| Odd),
            I32 => i32::try_from(self.number()?).map(drop).map_err(|_| Odd),
            Asked(mark) => {
                let number = i32::try_from(self.number()?).map_err(|_| Odd)?;
                (self.tell)(*mark, number)
            }
            I64 => self.number().map(drop),
            Binary => {
                let length = usize::try_from(self.varint()?).map_err(|_| Odd)?;
                self.at = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Odd)?;
                Ok(())
            }
            List(of) => self.list(of),
            Struct(fields) => self.fields(fields),
            Told(fields, mark) => {
                self.fields(fields)?;
                (self.tell)(*mark, 0)
            }
        }
    }

    /// Fields in the order of their numbers, each once at most.
    fn fields(&mut self, fields: &[(u8, Kind)]) -> Result<(), Odd> {
        let mut last = 0_u8;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Ok(());
            }
            let step = header >> 4;
            last = last.checked_add(step).filter(|_| step > 0).ok_or(Odd)?;
            let (_, kind) = fields.iter().find(|(number, _)| *number == last).ok_or(Odd)?;
            if !kind.is_written_as(header & 0x0f) {
                return Err(Odd);
            }
            self.value(kind)?;
        }
    }

    fn list(&mut self, of: &Kind) -> Result<(), Odd> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            few => u64::from(few),
        };
        // Some writers give an empty list no type.
        if header != 0 && !of.is_written_as(header & 0x0f) {
            return Err(Odd);
        }
        // Every element has a byte at least, so that a count that lies ends with the bytes.
        (0..count).try_for_each(|_| self.value(of))
    }

    fn number(&mut self) -> Result<i64, Odd> {
        let folded = self.varint()?;
        Ok(i64::try_from(folded >> 1).map_err(|_| Odd)? ^ -i64::from(folded & 1 == 1))
    }

    fn varint(&mut self) -> Result<u64, Odd> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        // The tenth byte of 64 bits has one of them.
        match self.byte()? {
            last @ 0..=1 => Ok(number | u64::from(last) << 63),
            _ => Err(Odd),
        }
    }

    fn byte(&mut self) -> Result<u8, Odd> {
        let byte = *self.bytes.get(self.at).ok_or(Odd)?;
        self.at += 1;
        Ok(byte)
    }
}

impl Kind {
    const fn is_written_as(&self, code: u8) -> bool {
        match self {
            Bool => matches!(code, 1 | 2),
            Byte => code == 3,
            I16 => code == 4,
            I32 | Asked(_) => code == 5,
            I64 => code == 6,
            Binary => code == 8,
            List(_) => code == 9,
            Struct(_) | Told(..) => code == 12,
        }
    }
}
