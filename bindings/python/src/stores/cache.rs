//! A cache in Python. Values are bytes, and cross the border in base64.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use octollm_core::memory::{Cache, CacheKey, Compute, InProcessCache};
use octollm_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::Store;
use crate::arm::Registration;

/// Longer times are cut to this: nobody's clock counts further.
const MAX_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

pub(crate) struct PythonCache {
    store: Store,
    /// Keeps nothing. Of several who compute one value it has one do so, and the others wait.
    flights: InProcessCache,
}

impl PythonCache {
    pub(crate) fn new(part: Registration) -> Self {
        Self { store: Store::new("cache", part), flights: InProcessCache::default() }
    }
}

#[async_trait]
impl Cache for PythonCache {
    async fn get(&self, key: &CacheKey) -> Result<Option<Bytes>> {
        let said: Option<String> = self.store.ask(json!({"call": "get", "key": key.as_str()})).await?;
        let value = said.map(|text| BASE64.decode(text).map(Bytes::from)).transpose();
        value.map_err(|cause| {
            Error::new(ErrorKind::Internal, "the package sent what is no base64").with_source(cause)
        })
    }

    async fn set(&self, key: &CacheKey, value: Bytes, ttl: Duration) -> Result<()> {
        if ttl.is_zero() {
            return self.remove(key).await;
        }
        let seconds = ttl.min(MAX_TTL).as_secs_f64();
        let value = BASE64.encode(value);
        self.store.ask(json!({"call": "set", "key": key.as_str(), "value": value, "ttl": seconds})).await
    }

    async fn remove(&self, key: &CacheKey) -> Result<()> {
        self.store.ask(json!({"call": "remove", "key": key.as_str()})).await
    }

    async fn get_or_compute(&self, key: &CacheKey, ttl: Duration, compute: Compute<'_>) -> Result<Bytes> {
        let flight = async {
            if let Some(value) = self.get(key).await? {
                return Ok(value);
            }
            let value = compute.await?;
            self.set(key, value.clone(), ttl).await?;
            Ok(value)
        };
        self.flights.get_or_compute(key, Duration::ZERO, Box::pin(flight)).await
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }
}
