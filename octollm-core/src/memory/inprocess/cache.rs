//! A cache in this process, bound in bytes: moka decides what to evict, expires each entry at its own time and lets
//! concurrent computations of one key run once.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;

use crate::error::{Error, Result};
use crate::memory::{Cache, CacheKey, cache::Compute};

/// Longer times are cut to this; no process lives that long.
const MAX_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What an entry costs beside its value: the key and moka's own bookkeeping, in bytes.
const ENTRY_OVERHEAD: u32 = 256;

/// A cache in this process. Cheap to clone; clones share the entries.
#[derive(Clone)]
pub struct InProcessCache {
    entries: moka::future::Cache<CacheKey, Entry>,
    capacity: u64,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    ttl: Duration,
}

impl InProcessCache {
    /// A cache that keeps at most about `capacity` bytes, counting a few hundred bytes of overhead per entry.
    pub fn new(capacity: u64) -> Self {
        let entries = moka::future::Cache::builder()
            .max_capacity(capacity)
            .weigher(|_, entry: &Entry| entry.weight())
            .expire_after(PerEntry)
            .build();
        Self { entries, capacity }
    }

    fn keeps(&self, entry: &Entry) -> bool {
        !entry.ttl.is_zero() && u64::from(entry.weight()) <= self.capacity
    }
}

impl Default for InProcessCache {
    /// 64 MiB.
    fn default() -> Self {
        Self::new(64 << 20)
    }
}

impl Entry {
    fn new(value: Bytes, ttl: Duration) -> Self {
        Self { value, ttl: ttl.min(MAX_TTL) }
    }

    fn weight(&self) -> u32 {
        u32::try_from(self.value.len()).unwrap_or(u32::MAX).saturating_add(ENTRY_OVERHEAD)
    }
}

struct PerEntry;

impl Expiry<CacheKey, Entry> for PerEntry {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

#[async_trait]
impl Cache for InProcessCache {
    async fn get(&self, key: &CacheKey) -> Result<Option<Bytes>> {
        Ok(self.entries.get(key).await.map(|entry| entry.value))
    }

    async fn set(&self, key: &CacheKey, value: Bytes, ttl: Duration) -> Result<()> {
        let entry = Entry::new(value, ttl);
        if self.keeps(&entry) {
            self.entries.insert(key.clone(), entry).await;
        } else {
            self.entries.invalidate(key).await;
        }
        Ok(())
    }

    async fn remove(&self, key: &CacheKey) -> Result<()> {
        self.entries.invalidate(key).await;
        Ok(())
    }

    async fn get_or_compute(&self, key: &CacheKey, ttl: Duration, compute: Compute<'_>) -> Result<Bytes> {
        let compute = async { compute.await.map(|value| Entry::new(value, ttl)) };
        let entry = Box::pin(self.entries.try_get_with_by_ref(key, compute)).await.map_err(unshare)?;
        if !self.keeps(&entry) {
            self.entries.invalidate(key).await;
        }
        Ok(entry.value)
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for InProcessCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessCache")
            .field("capacity", &self.capacity)
            .field("entries", &self.entries.entry_count())
            .finish()
    }
}

/// The error itself for the last who holds it, and for the others one that acts the same.
fn unshare(shared: Arc<Error>) -> Error {
    Arc::try_unwrap(shared).unwrap_or_else(Error::from_shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cache as suite;

    #[tokio::test]
    async fn behaves_as_a_cache() {
        suite::cache_suite(|| async { InProcessCache::default() }).await;
    }

    #[tokio::test]
    async fn holds_no_more_than_its_capacity() {
        let cache = InProcessCache::new(64 << 10);
        for index in 0_u32..1_000 {
            let key = CacheKey::new("k", [index.to_le_bytes()]);
            cache.set(&key, Bytes::from(vec![0; 1 << 10]), Duration::from_secs(60)).await.unwrap();
        }
        cache.entries.run_pending_tasks().await;
        assert!(cache.entries.weighted_size() <= 64 << 10);
        assert!(cache.entries.entry_count() > 0);
    }

    #[tokio::test]
    async fn a_value_larger_than_the_cache_replaces_but_is_not_kept() {
        let cache = InProcessCache::new(1 << 10);
        let key = CacheKey::new("k", ["x"]);
        cache.set(&key, Bytes::from_static(b"small"), Duration::from_secs(60)).await.unwrap();
        cache.set(&key, Bytes::from(vec![0; 1 << 20]), Duration::from_secs(60)).await.unwrap();
        assert_eq!(cache.get(&key).await.unwrap(), None);
    }
}
