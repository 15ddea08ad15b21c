//! Pages on the web: what one arm may ask for and another reads, without either knowing the other.

use async_trait::async_trait;
use octollm_core::Result;

/// A page as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The address that was asked for, without fragment: the page's name.
    pub url: String,
    /// The address that answered, after redirects.
    pub answered_by: String,
    /// The `content-type` that came with it.
    pub content_type: Option<String>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Asks for pages. [`executor::Pages`](crate::executor::Pages) does by policy.
#[async_trait]
pub trait ReadPages: Send + Sync {
    /// The page at this address.
    ///
    /// # Errors
    /// `invalid_input` for what is no address; `unauthorized` for one that may not be asked; `not_found` for a page that
    /// is not there; `too_large`; `unavailable`, `rate_limited` and `timeout` from the network.
    async fn read(&self, url: &str) -> Result<Page>;
}
