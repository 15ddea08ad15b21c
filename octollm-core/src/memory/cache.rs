//! The cache: answers that are kept for a while, so that the same work is not done twice.
//!
//! Values are bytes, so that every backend stores the same thing. A key is a hash of what the value depends on: nothing
//! that a person wrote can be read out of it, and a store that leaks its keys leaks nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// A computation whose value the cache keeps. It runs only where no value is there.
pub type Compute<'a> = BoxFuture<'a, Result<Bytes>>;

/// Values by key, each with its own time to live.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value, if it is there and has not expired.
    ///
    /// # Errors
    /// `unavailable` or `storage` if the store cannot be reached; a caller may go on without the cache.
    async fn get(&self, key: &CacheKey) -> Result<Option<Bytes>>;

    /// Keeps a value for `ttl`, replacing what was there. A `ttl` of zero keeps nothing. A value that the cache has no
    /// room for is not kept, which is no error.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    async fn set(&self, key: &CacheKey, value: Bytes, ttl: Duration) -> Result<()>;

    /// Forgets a value; an unknown key is no error.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    async fn remove(&self, key: &CacheKey) -> Result<()>;

    /// The value, computed if it is not there. Of several callers with the same key one computes and the others wait
    /// for it. An error goes to all who wait and is not kept. If the one who computes is cancelled, one of those who
    /// wait goes on with its own computation.
    ///
    /// # Errors
    /// What `compute` answers; a waiting caller gets the same kind and message with the original as its source.
    async fn get_or_compute(&self, key: &CacheKey, ttl: Duration, compute: Compute<'_>) -> Result<Bytes>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    async fn ping(&self) -> Result<()>;
}

/// What a value is kept under: `octollm:{kind}:{sha256}`.
///
/// The hash covers the kind and every part with its length in front, so two lists of parts never share a key:
/// `["ab", "c"]` and `["a", "bc"]` differ.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CacheKey(Arc<str>);

impl CacheKey {
    /// The key of a value of this kind (a constant word such as `plan`) that depends on these parts.
    pub fn new<P: AsRef<[u8]>>(kind: &'static str, parts: impl IntoIterator<Item = P>) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(kind.as_bytes());
        parts.into_iter().for_each(|bytes| part(bytes.as_ref()));
        Self(format!("octollm:{kind}:{:x}", hash.finalize()).into())
    }

    /// The key as a store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::CacheKey;

    #[test]
    fn a_key_reads_the_same_for_ever() {
        assert_eq!(
            CacheKey::new("plan", ["a", "b"]).as_str(),
            "octollm:plan:89d84c5a88d268b5662097920bcb802c6fc4a876109f5ab7e9104c974ac544dc"
        );
    }

    #[test]
    fn where_a_part_ends_matters() {
        let keys = [
            CacheKey::new("k", ["ab", "c"]),
            CacheKey::new("k", ["a", "bc"]),
            CacheKey::new("k", ["abc"]),
            CacheKey::new("k", ["abc", ""]),
            CacheKey::new("ka", ["bc"]),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{key} stands for two lists");
        }
    }

    proptest! {
        #[test]
        fn different_parts_have_different_keys(a: Vec<Vec<u8>>, b: Vec<Vec<u8>>) {
            prop_assert_eq!(CacheKey::new("k", &a) == CacheKey::new("k", &b), a == b);
        }

        #[test]
        fn nothing_of_a_part_can_be_read(part in "[g-z]{4,20}") {
            let key = CacheKey::new("k", [&part]);
            prop_assert!(!key.as_str().trim_start_matches("octollm:k:").contains(&part));
        }
    }
}
