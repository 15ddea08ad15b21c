//! The only place that writes to the terminal.
//!
//! What a program wants goes to stdout, what a person should know goes to stderr. Colours and movement only where a
//! person looks: on a terminal, and unless `NO_COLOR` is set. Text that others wrote loses its control characters on
//! the way, so that no document and no arm can move the cursor.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use octollm_core::Error;
use serde::Serialize;

use super::exit::Stop;

/// Writes for people and for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// A person reads stdout.
    stdout_is_terminal: bool,
    /// A person reads stderr.
    stderr_is_terminal: bool,
    colours: bool,
}

impl Output {
    /// Looks at where the output goes.
    pub(super) fn detect() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            colours: !set("NO_COLOR") && !dumb,
        }
    }

    /// Whether to show how far the work is.
    pub(super) fn shows_progress(self) -> bool {
        self.stderr_is_terminal
    }

    /// A line on stdout.
    pub(super) fn line(self, text: impl Display) -> Result<(), Stop> {
        Ok(writeln!(io::stdout().lock(), "{text}")?)
    }

    /// Text on stdout, as it is.
    pub(super) fn raw(self, text: &[u8]) -> Result<(), Stop> {
        Ok(io::stdout().lock().write_all(text)?)
    }

    /// A document on stdout: over several lines.
    pub(super) fn json(self, value: &impl Serialize) -> Result<(), Stop> {
        self.line(serde_json::to_string_pretty(value).map_err(io::Error::from)?)
    }

    /// A document on stdout: one line.
    pub(super) fn json_line(self, value: &impl Serialize) -> Result<(), Stop> {
        self.line(serde_json::to_string(value).map_err(io::Error::from)?)
    }

    /// A remark on stderr, for a person who looks.
    pub(super) fn remark(self, text: impl Display) {
        if self.stderr_is_terminal {
            self.error_line(&text.to_string());
        }
    }

    /// A line on stderr that matters also to those who look later.
    pub(super) fn note(self, text: impl Display) {
        self.error_line(&text.to_string());
    }

    /// An error with all its faults and its hint.
    pub(super) fn error(self, error: &Error) {
        let mut text = format!("{} {}", self.on_stderr("error:", RED), plain(&error.summary()));
        for fault in error.faults() {
            let place = if fault.pointer.is_empty() { "-" } else { &fault.pointer };
            text.push_str(&format!("\n  {}: {}", plain(place), plain(&fault.detail)));
        }
        if let Some(hint) = error.hint() {
            text.push_str(&format!("\n{} {}", self.on_stderr("hint:", CYAN), plain(hint)));
        }
        self.error_line(&text);
    }

    /// `text` in bold, where a person reads stdout.
    pub(super) fn bold(self, text: &str) -> String {
        paint(text, BOLD, self.colours && self.stdout_is_terminal)
    }

    /// `text` less prominent, where a person reads stdout.
    pub(super) fn dim(self, text: &str) -> String {
        paint(text, DIM, self.colours && self.stdout_is_terminal)
    }

    fn on_stderr(self, text: &str, code: &str) -> String {
        paint(text, code, self.colours && self.stderr_is_terminal)
    }

    fn error_line(self, text: &str) {
        // There is nowhere left to say that stderr is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const CYAN: &str = "36";

fn paint(text: &str, code: &str, on: bool) -> String {
    if on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The text without control characters other than line ends and tabs.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// The text on one line of `most` characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = plain(&line);
    match line.char_indices().nth(most.saturating_sub(1)) {
        Some((end, _)) if line.chars().count() > most => format!("{}…", line.get(..end).unwrap_or_default()),
        _ => line,
    }
}

/// The end of the text on one line of `most` characters. Line ends and quotes that JSON escapes are shown as what they
/// stand for: most of what models say is JSON.
pub(super) fn last_line(text: &str, most: usize) -> String {
    let text = text.replace("\\n", " ").replace("\\t", " ").replace("\\\"", "\"");
    let line = plain(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let surplus = line.chars().count().saturating_sub(most);
    match line.char_indices().nth(surplus + 1) {
        Some((begin, _)) if surplus > 0 => format!("…{}", line.get(begin..).unwrap_or_default()),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_moves_the_cursor() {
        assert_eq!(plain("a\x1b[2Jb\r\u{9b}c\n\td"), "a[2Jbc\n\td");
    }

    #[test]
    fn long_lines_are_cut_at_a_character() {
        assert_eq!(one_line("über  alles\nhinaus", 6), "über …");
        assert_eq!(one_line("kurz", 4), "kurz");
    }

    #[test]
    fn the_end_of_what_is_said_fits_on_a_line() {
        assert_eq!(last_line("{\"code\": \"def f():\\n    return \\\"ü\\\"", 15), "…(): return \"ü\"");
        assert_eq!(last_line("short\u{1b}[2J\n words", 40), "short[2J words");
    }
}
