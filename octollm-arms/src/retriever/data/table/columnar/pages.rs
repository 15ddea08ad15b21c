//! The bytes of a file, as the reader is given them: no page before its header was looked at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::format::{self, Mark, Odd};

/// Bytes that an entry of a dictionary takes in memory, whatever its own are.
const ENTRY: u64 = 32;

/// What pages may still take.
#[derive(Debug, Clone, Copy)]
struct Left {
    /// Bytes of pages, unpacked.
    unpacked: u64,
    /// Entries of the dictionaries of a row group.
    entries: u64,
}

/// A file.
#[derive(Debug)]
pub(super) struct Pages {
    bytes: Bytes,
    most: u64,
    left: Mutex<Left>,
    exceeded: AtomicBool,
}

impl Pages {
    /// `most` is what all pages together may unpack to.
    pub(super) fn new(bytes: Bytes, most: u64) -> Self {
        let left = Left { unpacked: most, entries: most / ENTRY };
        Self { bytes, most, left: Mutex::new(left), exceeded: AtomicBool::new(false) }
    }

    /// All bytes, for the footer.
    pub(super) const fn file(&self) -> &Bytes {
        &self.bytes
    }

    /// The dictionaries of the last row group are gone.
    pub(super) fn next_group(&self) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).entries = self.most / ENTRY;
    }

    /// Whether a page was refused because it is too large.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// The header of the page at `start`, if the page may be read.
    fn page_header(&self, start: usize) -> Result<Bytes> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Left { unpacked, entries } = &mut *left;
        let mut foreign = false;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = format::walk_page(rest, &mut |mark, number| {
            let room = match mark {
                Mark::PageUnpacked => &mut *unpacked,
                Mark::DictionaryEntries => &mut *entries,
                Mark::PageEncoding => {
                    foreign |= !is_read(number);
                    return Ok(());
                }
                Mark::Column | Mark::Children => return Err(Odd),
            };
            let number = u64::try_from(number).map_err(|_| Odd)?;
            *room = room.checked_sub(number).ok_or_else(|| {
                self.exceeded.store(true, Ordering::Relaxed);
                Odd
            })?;
            Ok(())
        });
        match length {
            Ok(_) if foreign => Err(ParquetError::NYI("encoding".to_owned())),
            // The reader gets this header and nothing behind it.
            Ok(length) => Ok(self.bytes.slice(start..start + length)),
            Err(Odd) => Err(ParquetError::General("page header".to_owned())),
        }
    }
}

/// Plain, by a dictionary (old and new), and runs. What is written as differences can grow beyond all that the headers say.
const fn is_read(encoding: i32) -> bool {
    matches!(encoding, 0 | 2 | 3 | 8)
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl ChunkReader for Pages {
    type T = Reader<Bytes>;

    /// The header of a page: nothing else is read as a stream once the footer is known.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let start = usize::try_from(start)?;
        Ok(self.page_header(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.bytes.get_bytes(start, length)
    }
}
