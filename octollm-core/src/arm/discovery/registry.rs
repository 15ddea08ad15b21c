//! A page that lists the addresses of arms.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::Value;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result, Status};
use crate::http_client::{Refusal, display_url, read_body, transport_error};

/// Bytes of the page that are read.
const MAX_PAGE: usize = 1024 * 1024;
/// Addresses that are taken from it.
const MAX_ARMS: usize = 1000;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the page at `url`.
pub(super) async fn addresses(client: Client, url: Url) -> Result<Vec<String>> {
    let asked = async {
        let response = client.get(url.clone()).send().await.map_err(transport_error)?;
        if !response.status().is_success() {
            return Err(Refusal::read(response).await.into_error());
        }
        parse(&read_body(response, MAX_PAGE).await?)
    };
    let late = |_| Err(Error::new(ErrorKind::Timeout, "the registry did not answer in time"));
    let answered = timeout(TIMEOUT, asked).await.unwrap_or_else(late);
    answered.map_err(|error| error.with_context("registry", display_url(&url)))
}

fn parse(body: &[u8]) -> Result<Vec<String>> {
    let page: Value = serde_json::from_slice(body).unwrap_or_default();
    let items = page.get("arms").unwrap_or(&page).as_array().ok_or_else(unreadable)?;
    let addresses =
        items.iter().map(|item| item.as_str().or_else(|| item.get("url")?.as_str()).map(str::to_owned));
    addresses.take(MAX_ARMS).collect::<Option<_>>().ok_or_else(unreadable)
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Unavailable, "the registry does not answer a list of arms")
        .with_status(Status::Permanent)
        .with_hint(r#"it must answer ["http://..."] or {"arms": [{"url": "http://..."}]}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects_are_read() {
        let expected = ["http://a", "http://b"];
        for page in [
            r#"["http://a", "http://b"]"#,
            r#"{"arms": ["http://a", "http://b"]}"#,
            r#"{"arms": [{"url": "http://a", "arm_id": "a"}, {"url": "http://b"}]}"#,
            r#"[{"url": "http://a"}, {"url": "http://b"}]"#,
        ] {
            assert_eq!(parse(page.as_bytes()).unwrap(), expected, "{page}");
        }
        for page in ["", "<html>", "{}", "[1]", r#"{"arms": {}}"#, r#"[{"uri": "http://a"}]"#] {
            assert!(parse(page.as_bytes()).is_err(), "{page}");
        }
    }
}
