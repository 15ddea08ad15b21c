//! Parquet files, read as the JSON Lines that their rows are: names, types, limits and citations are then those of all tables.
//!
//! A small file can say that it unpacks to anything. So the [headers](mod@format) are checked before the reader sees them, [pages]
//! are counted against the same room as text before they are unpacked, and of the encodings and codecs only those are read
//! that cannot grow beyond what their header says. On broken pages the reader gives up by an error or by a panic; either
//! means that the file is broken. All this runs where blocking work runs.

mod format;
mod pages;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::RowGroupReader;
use parquet::file::serialized_reader::SerializedRowGroupReader;
use serde_json::{Map, Value};

use super::records::OFTEN;
use super::{MOST_COLUMNS, Stop};
use crate::retriever::data::guard::Guard;
use crate::retriever::extract;
use format::{Mark, Odd};
use pages::Pages;

/// Bytes at the end of a file: the length of its footer, and `PAR1`.
const TAIL: usize = 8;
/// The longest footer that is read: some hundred bytes for each column of each row group.
const LONGEST_FOOTER: usize = 8 << 20;

/// The rows of a file as JSON Lines, which take their bytes out of the room that is left.
pub(super) fn lines(file: File, room: &mut u64, guard: &Guard) -> Result<String, Stop> {
    let bytes = extract::read_open(file, *room).map_err(|error| Stop::Unfit(extract::io_reason(&error)))?;
    let text = rows(bytes.ok_or_else(too_large)?.into(), *room, guard)?;
    *room -= text.len() as u64;
    Ok(text)
}

/// The rows of a file of these bytes.
fn rows(bytes: Bytes, most: u64, guard: &Guard) -> Result<String, Stop> {
    check_footer(&bytes)?;
    let pages = Arc::new(Pages::new(bytes, most));
    // What a panic leaves behind is dropped with the file.
    let read = catch_unwind(AssertUnwindSafe(|| read(&pages, most, guard)));
    match read.unwrap_or_else(|_| Err(broken())) {
        Err(Stop::Unfit(_)) if pages.exceeded() => Err(too_large()),
        read => read,
    }
}

/// That the footer is as the format has it, and the columns stand side by side.
fn check_footer(bytes: &[u8]) -> Result<(), Stop> {
    let (rest, tail) = bytes.split_last_chunk::<TAIL>().ok_or_else(broken)?;
    let [a, b, c, d, magic @ ..] = *tail;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if &magic != b"PAR1" || length > rest.len() {
        return Err(broken());
    }
    if length > LONGEST_FOOTER {
        return Err(too_large());
    }
    let (mut elements, mut children, mut nested) = (0_usize, 0_usize, None);
    let walked = format::walk_footer(&rest[rest.len() - length..], &mut |mark, number| {
        match mark {
            Mark::Column => elements += 1,
            Mark::Children if elements == 0 => children = usize::try_from(number).map_err(|_| Odd)?,
            Mark::Children if number != 0 => {
                nested.get_or_insert(elements);
                return Err(Odd);
            }
            Mark::Children => {}
            Mark::PageUnpacked | Mark::DictionaryEntries | Mark::PageEncoding => return Err(Odd),
        }
        Ok(())
    });
    if let Some(column) = nested {
        return Err(Stop::Unfit(format!("has a nested column, number {column}, which is not read")));
    }
    walked.map_err(|Odd| broken())?;
    if children > MOST_COLUMNS {
        return Err(Stop::Unfit(format!("has more than {MOST_COLUMNS} columns")));
    }
    if children == 0 { Err(Stop::Unfit("has no columns".to_owned())) } else { fits(elements, children) }
}

/// The first element is the table.
fn fits(elements: usize, children: usize) -> Result<(), Stop> {
    if elements == children + 1 { Ok(()) } else { Err(broken()) }
}

fn read(pages: &Arc<Pages>, most: u64, guard: &Guard) -> Result<String, Stop> {
    let metadata =
        ParquetMetaDataReader::new().parse_and_finish(pages.file()).map_err(|error| unread(&error))?;
    check_columns(&metadata)?;
    check_size(&metadata, most)?;
    let mut text = String::new();
    for (at, group) in metadata.row_groups().iter().enumerate() {
        pages.next_group();
        let properties = Arc::new(ReaderProperties::builder().build());
        let index = metadata.page_index_for_row_group(at);
        let reader = SerializedRowGroupReader::new(pages.clone(), group, index, properties);
        read_group(&reader.map_err(|error| unread(&error))?, most, guard, &mut text)?;
    }
    if text.is_empty() { Err(Stop::Unfit("has no rows".to_owned())) } else { Ok(text) }
}

/// That each column has a name of its own and values that can be written.
fn check_columns(metadata: &ParquetMetaData) -> Result<(), Stop> {
    let mut names = HashSet::new();
    for (column, number) in metadata.file_metadata().schema_descr().columns().iter().zip(1..) {
        if column.max_rep_level() > 0 || values::is_foreign(column) {
            return Err(Stop::Unfit(format!("has a column, number {number}, of a type that is not read")));
        }
        if !names.insert(column.name()) {
            return Err(Stop::Unfit(format!("has a second column of one name, number {number}")));
        }
    }
    let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let known =
        |codec| matches!(codec, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_));
    if chunks.map(|chunk| chunk.compression()).all(known) {
        return Ok(());
    }
    Err(Stop::Unfit("is packed otherwise than by Snappy or Zstandard".to_owned()))
}

/// Every row has the names of its columns, so that a number of rows is a length.
fn check_size(metadata: &ParquetMetaData, most: u64) -> Result<(), Stop> {
    let columns = metadata.file_metadata().schema_descr().columns();
    // The quotes, the colon and the comma of a name, and one digit.
    let row: u64 = columns.iter().map(|column| column.name().len() as u64 + 5).sum();
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(u64::try_from(group.num_rows()).map_err(|_| broken())?);
    }
    if rows.saturating_mul(row) > most { Err(too_large()) } else { Ok(()) }
}

fn read_group(group: &dyn RowGroupReader, most: u64, guard: &Guard, text: &mut String) -> Result<(), Stop> {
    let descriptor = group.metadata().schema_descr_ptr();
    let columns = descriptor.columns();
    let rows = group.get_row_iter(None).map_err(|error| unread(&error))?;
    for (row, seen) in rows.zip(0_u32..) {
        if seen.is_multiple_of(OFTEN) && guard.is_over() {
            return Err(Stop::Over);
        }
        let row = row.map_err(|error| unread(&error))?;
        let mut object = Map::new();
        for ((name, field), column) in row.get_column_iter().zip(columns) {
            object.insert(name.clone(), values::json(field, column).ok_or_else(broken)?);
        }
        text.push_str(&Value::Object(object).to_string());
        text.push('\n');
        if text.len() as u64 > most {
            return Err(too_large());
        }
    }
    Ok(())
}

fn too_large() -> Stop {
    Stop::Unfit("is larger than what may be analysed at once".to_owned())
}

fn broken() -> Stop {
    Stop::Unfit("is a broken Parquet file, or of a kind that is not read here".to_owned())
}

/// The reader's own words may repeat what is in the file.
fn unread(error: &ParquetError) -> Stop {
    match error {
        ParquetError::NYI(_) => {
            Stop::Unfit("is encoded otherwise than plainly, by dictionaries or in runs".to_owned())
        }
        _ => broken(),
    }
}
