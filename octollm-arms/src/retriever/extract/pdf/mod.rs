//! The text of a PDF, page by page.
//!
//! PDF readers meet files that no specification describes, and this one answers some of them with a panic. So it runs
//! where a panic is caught and said to nobody, on a thread that can be left behind, and after [`guard`] has looked for
//! what would end the process.

mod guard;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Once, mpsc};
use std::time::Duration;

use pdf_extract::{Document, PlainTextOutput};

use super::{Extracted, Kind};

/// Pages that are read.
const MOST_PAGES: usize = 5_000;
/// Bytes of text that are kept.
const MOST_TEXT: usize = 20 << 20;
/// How long reading may take. A reader that goes on after that is left behind.
const MOST_TIME: Duration = Duration::from_secs(60);
/// Stack of the thread that reads.
const STACK: usize = 32 << 20;

/// The pages' text; a line's number is its page.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn extract(bytes: Vec<u8>) -> Result<Extracted, String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let reader = std::thread::Builder::new().name("octollm-pdf".to_owned()).stack_size(STACK);
    let reading = reader.spawn(move || {
        let pages = quietly(|| pages(&bytes)).unwrap_or_else(|| Err(BROKEN.to_owned()));
        // Nobody listens any more if it took too long.
        let _ = sender.send(pages);
    });
    reading.map_err(|_| "could not be read: no thread to read it in".to_owned())?;
    let too_slow = |_| format!("takes more than {} s to read", MOST_TIME.as_secs());
    let pages = receiver.recv_timeout(MOST_TIME).map_err(too_slow)??;
    let lines: Vec<_> = pages
        .iter()
        .flat_map(|(page, text)| text.lines().map(|line| (*page, line.trim_end().to_owned())))
        .collect();
    if lines.iter().all(|(_, line)| line.trim().is_empty()) {
        return Err("has no text (a scan? run text recognition over it first)".to_owned());
    }
    Ok(Extracted::of_lines(Kind::Pdf, lines))
}

const BROKEN: &str = "is not a PDF that can be read";

fn pages(bytes: &[u8]) -> Result<Vec<(u32, String)>, String> {
    if !guard::unpacks_to_a_fitting_size(bytes) {
        return Err("unpacks to more than fits in memory".to_owned());
    }
    let mut document = Document::load_mem(bytes).map_err(|_| BROKEN.to_owned())?;
    if document.is_encrypted() {
        return Err("is encrypted".to_owned());
    }
    if !guard::parents_end(&document) {
        return Err(BROKEN.to_owned());
    }
    guard::empty_endless_drawings(&mut document);
    let mut pages = Vec::new();
    let mut length = 0;
    for page in document.get_pages().into_keys().take(MOST_PAGES) {
        // A page that cannot be read does not take the others with it.
        let text = quietly(|| page_text(&document, page)).flatten().unwrap_or_default();
        length += text.len();
        if length > MOST_TEXT {
            return Err(format!("has more than {} MiB of text", MOST_TEXT >> 20));
        }
        pages.push((page, text));
    }
    Ok(pages)
}

fn page_text(document: &Document, page: u32) -> Option<String> {
    let mut text = String::new();
    let mut output = PlainTextOutput::new(&mut text);
    pdf_extract::output_doc_page(document, &mut output, page).ok()?;
    Some(text)
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it is `None` and is not reported.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work)).ok();
    QUIET.set(before);
    done
}
