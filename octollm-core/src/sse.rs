//! Server-sent events, as a client: bytes in, frames out.
//!
//! The wire format of the HTML standard, section 9.2, in the part that programs use: `event`, `data`, `id`, comments.
//! A chunk may end anywhere, also within a character or between the two bytes of a line end.

use crate::error::{Error, ErrorKind, Result};

/// Bytes that one frame may have.
const MAX_FRAME: usize = 64 * 1024 * 1024;

/// May stand before the first line, and means nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its type; empty where the sender named none.
    pub(crate) event: String,
    /// Its data; several lines are joined by `\n`.
    pub(crate) data: String,
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// Bytes that do not make a line yet.
    rest: Vec<u8>,
    /// How many of them are known to hold no line end.
    scanned: usize,
    /// Whether a first line has come, before which a byte order mark may stand.
    begun: bool,
    /// What the lines since the last blank one said.
    frame: Frame,
    has_data: bool,
}

impl Parser {
    /// Takes bytes in and answers the frames that they complete.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for a frame above 64 MiB.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>> {
        if self.rest.len() + self.frame.data.len() + bytes.len() > MAX_FRAME {
            return Err(Error::new(ErrorKind::TooLarge, "an event of the stream is longer than 64 MiB"));
        }
        self.rest.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.rest);
        let mut frames = Vec::new();
        let mut left = buffer.as_slice();
        while let Some((line, after)) = self.split_line(left) {
            self.scanned = 0;
            left = after;
            frames.extend(self.read_line(line));
        }
        self.keep(buffer.len() - left.len(), buffer);
        Ok(frames)
    }

    /// Keeps what makes no line yet, in the same buffer.
    fn keep(&mut self, read: usize, mut buffer: Vec<u8>) {
        buffer.drain(..read);
        self.rest = buffer;
    }

    /// The next line and what follows its end.
    fn split_line<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let unscanned = bytes.get(self.scanned..).unwrap_or_default();
        let Some(found) = unscanned.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.scanned = bytes.len();
            return None;
        };
        let end = self.scanned + found;
        let terminator = match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            // A line feed may follow in the next chunk.
            (Some(b'\r'), None) => {
                self.scanned = end;
                return None;
            }
            _ => 1,
        };
        Some((bytes.get(..end)?, bytes.get(end + terminator..)?))
    }

    fn read_line(&mut self, line: &[u8]) -> Option<Frame> {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.finish_frame();
        }
        self.read_field(&String::from_utf8_lossy(line));
        None
    }

    fn read_field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.frame.event),
            "data" => {
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
    }

    /// A frame without data is none.
    fn finish_frame(&mut self) -> Option<Frame> {
        let frame = std::mem::take(&mut self.frame);
        std::mem::take(&mut self.has_data).then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: 1\nevent: task.accepted\ndata: {\"a\":\"é\"}\n\nevent: x\r\ndata: one\r\ndata:two\r\n\r\nevent: lonely\n\ndata: cut";

    fn expected() -> Vec<Frame> {
        let frame = |event: &str, data: &str| Frame { event: event.into(), data: data.into() };
        vec![frame("task.accepted", "{\"a\":\"é\"}"), frame("x", "one\ntwo")]
    }

    #[test]
    fn frames_are_the_same_however_the_bytes_are_cut() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let frames: Vec<Frame> =
                STREAM.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk).unwrap()).collect();
            assert_eq!(frames, expected(), "in chunks of {size} bytes");
        }
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let frames = Parser::default().push(b"data: a\r\rdata: b\r\rx").unwrap();
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn a_byte_order_mark_and_comments_between_frames_mean_nothing() {
        let stream = "\u{feff}data: a\n\n: keep-alive\n\n:\r\n\r\ndata: \u{feff}b\n\n";
        for size in [1, 2, 3, 7, stream.len()] {
            let mut parser = Parser::default();
            let chunks = stream.as_bytes().chunks(size);
            let data: Vec<String> =
                chunks.flat_map(|chunk| parser.push(chunk).unwrap()).map(|frame| frame.data).collect();
            assert_eq!(data, ["a", "\u{feff}b"], "in chunks of {size} bytes");
        }
    }

    #[test]
    fn a_frame_without_end_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; MAX_FRAME / 4];
        let outcome = (0..5).try_for_each(|_| parser.push(&chunk).map(drop));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
