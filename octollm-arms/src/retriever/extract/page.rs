//! Pages as they come over HTTP: what they are is what comes with them, and their name only where nothing does.

use std::path::Path;

use super::{Extracted, Kind, html, pdf, plain, with_kind};

/// Bytes in which a page says how it is encoded.
const HEAD: usize = 1_024;

/// Reads a page; of HTML, what the page is about. Takes as long as it takes: not for an async task.
///
/// # Errors
/// Why it is left out, in words for a person, without anything of its content.
pub(in crate::retriever) fn page(
    content_type: Option<&str>,
    path: &Path,
    bytes: Vec<u8>,
) -> Result<Extracted, String> {
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let kind = kind(&content_type, path, &bytes)?;
    if kind == Kind::Pdf {
        return pdf::extract(bytes);
    }
    let text = plain::decode_as(label(&content_type, kind, &bytes).as_deref(), bytes)?;
    match kind {
        Kind::Html => super::fits(&text).map(|()| html::extract_readable(&text)),
        kind => with_kind(kind, path, text),
    }
}

fn kind(content_type: &str, path: &Path, bytes: &[u8]) -> Result<Kind, String> {
    let named = content_type.split(';').next().unwrap_or_default().trim();
    Ok(match named {
        "text/html" | "application/xhtml+xml" => Kind::Html,
        "application/pdf" => Kind::Pdf,
        "text/csv" => Kind::Csv,
        "text/markdown" => Kind::Markdown,
        "" | "text/plain" | "application/octet-stream" => match Kind::of(path) {
            Kind::Text if named.is_empty() && begins_as_html(bytes) => Kind::Html,
            kind => kind,
        },
        json if json == "application/json" || json.ends_with("+json") => Kind::Json,
        text if text.starts_with("text/") || text.ends_with("xml") => Kind::Text,
        _ => return Err("is neither text nor PDF".to_owned()),
    })
}

fn begins_as_html(bytes: &[u8]) -> bool {
    let head = head(bytes);
    ["<!doctype html", "<html"].iter().any(|sign| head.trim_start().starts_with(sign))
}

fn head(bytes: &[u8]) -> String {
    let head = bytes.get(..HEAD.min(bytes.len())).unwrap_or_default();
    String::from_utf8_lossy(head).to_ascii_lowercase()
}

/// How the page says that it is encoded: in its head line, or in itself.
fn label(content_type: &str, kind: Kind, bytes: &[u8]) -> Option<String> {
    let head = if kind == Kind::Html { head(bytes) } else { String::new() };
    let after =
        [content_type, &head].into_iter().find_map(|text| Some(text.split_once("charset=")?.1.to_owned()))?;
    let label = after.trim_start_matches(['"', '\'']);
    let end = label.find(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c)).unwrap_or(label.len());
    label.get(..end).map(str::to_owned)
}
