//! What `reflex` and `reflex-eval` read: a file or what is piped in, if it is text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use octollm_core::{Error, ErrorKind, Result};

/// What stands for standard input.
pub(super) const STDIN: &str = "-";

/// A file, or what is piped in. What goes wrong later does not name the file: see [`in_file`].
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(in_file(path)(failed(&error))),
    }
}

/// The whole text of a file, or of what is piped in.
pub(super) fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|error| in_file(path)(failed(&error)))?;
    text(bytes).map_err(in_file(path))
}

fn text(bytes: Vec<u8>) -> Result<String> {
    if let Some(encoding) = wide(&bytes) {
        return Err(not_text(0, encoding));
    }
    String::from_utf8(bytes).map_err(|error| not_text(error.utf8_error().valid_up_to(), SINGLE_BYTE))
}

/// Why a file or a pipe cannot be read.
pub(super) fn failed(error: &io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::NotFound => {
            (ErrorKind::NotFound, "name a file that is there, or - for what is piped in")
        }
        io::ErrorKind::IsADirectory => (ErrorKind::InvalidInput, "name one of its files"),
        io::ErrorKind::PermissionDenied => (ErrorKind::Storage, "whoever runs this may not read it"),
        _ => (ErrorKind::Storage, "look at the disk, or at what writes into the pipe"),
    };
    let reason = error.kind().to_string();
    Error::new(kind, "the file cannot be read").with_context("reason", reason).with_hint(hint)
}

/// Adds which file it is.
pub(super) fn in_file(path: &Path) -> impl Fn(Error) -> Error {
    let path = path.display().to_string();
    move |error| error.with_context("path", path.clone())
}

/// What a text is most likely in that is neither UTF-8 nor wide.
pub(super) const SINGLE_BYTE: &str = "LATIN1";

/// That a text is not UTF-8 from this byte on, and how it becomes so.
pub(super) fn not_text(at: usize, encoding: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "the text is not UTF-8")
        .with_context("byte", at.to_string())
        .with_hint(format!("convert it first: iconv -f {encoding} -t UTF-8 FILE"))
}

/// Bytes by which an encoding is told.
const TELLING: usize = 4096;

/// The encoding of a text whose characters take two or four bytes, by its mark or by its NULs. In ASCII it is UTF-8 with NULs
/// between, in which nothing would be found.
pub(super) fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Some("UTF-32"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Some("UTF-16"),
        _ => {}
    }
    let begin = bytes.get(..bytes.len().min(TELLING)).unwrap_or_default();
    let nulls = |parity: usize| begin.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (many, few) = (begin.len() / 4, begin.len() / 16);
    match (nulls(0), nulls(1)) {
        _ if begin.len() < 4 => None,
        (first, second) if second > many && first <= few => Some("UTF-16LE"),
        (first, second) if first > many && second <= few => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nuls_between_fields_are_no_encoding() {
        assert_eq!(wide(b"a\0b and a\0c are fields that end with NUL\0"), None);
        assert_eq!(wide(&[0; 64]), None);
    }
}
