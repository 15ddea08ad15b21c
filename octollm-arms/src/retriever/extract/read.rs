//! The bytes of a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The file's bytes, or nothing if it has more than `most`, also if it grows while it is read.
pub(in crate::retriever) fn read_at_most(path: &Path, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    read_open(File::open(path)?, most)
}

/// The same of a file that is open.
pub(in crate::retriever) fn read_open(file: File, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    if length > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// Why a file cannot be read, in words.
pub(in crate::retriever) fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "vanished while it was being read".to_owned(),
        other => format!("cannot be read: {other}"),
    }
}
