//! Server-sent events, as a client: bytes in, frames out.
//!
//! The wire format of the HTML standard, section 9.2, in the part that programs use: `event`, `data`, `id`, comments.
//! A chunk may end anywhere, also within a character or between the two bytes of a line end.

use crate::error::{Error, ErrorKind, Result};

/// Bytes that one frame may have.
const MAX_FRAME: usize = 64 * 1024 * 1024;

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
        let mut frames = Vec::new();
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                frames.extend(self.finish_frame());
            } else {
                self.read_field(&line);
            }
        }
        Ok(frames)
    }

    fn next_line(&mut self) -> Option<String> {
        let unscanned = self.rest.get(self.scanned..).unwrap_or_default();
        let Some(found) = unscanned.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.scanned = self.rest.len();
            return None;
        };
        let end = self.scanned + found;
        let terminator = match (self.rest.get(end), self.rest.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            // A line feed may follow in the next chunk.
            (Some(b'\r'), None) => {
                self.scanned = end;
                return None;
            }
            _ => 1,
        };
        let line = self.rest.get(..end).map(|line| String::from_utf8_lossy(line).into_owned());
        self.rest.drain(..end + terminator);
        self.scanned = 0;
        line
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
    fn a_frame_without_end_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; MAX_FRAME / 4];
        let outcome = (0..5).try_for_each(|_| parser.push(&chunk).map(drop));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
