//! What every [`Cache`] does.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Barrier, Notify};

use crate::error::{Error, ErrorKind};
use crate::memory::{Cache, CacheKey};

const LONG: Duration = Duration::from_secs(3600);

/// Runs the whole contract over fresh caches that `make` answers.
pub async fn cache_suite<C, F>(make: impl Fn() -> F)
where
    C: Cache + 'static,
    F: Future<Output = C>,
{
    keeps_replaces_and_forgets(&make().await).await;
    expires_each_entry_at_its_time(&make().await).await;
    computes_once_for_all_who_wait(Arc::new(make().await)).await;
    shares_an_error_and_keeps_none(Arc::new(make().await)).await;
    survives_a_cancelled_computation(Arc::new(make().await)).await;
}

fn key(name: &str) -> CacheKey {
    CacheKey::new("test", [name])
}

async fn keeps_replaces_and_forgets(cache: &dyn Cache) {
    cache.ping().await.unwrap();
    let key = key("größe 🐙");
    assert_eq!(cache.get(&key).await.unwrap(), None);
    cache.set(&key, Bytes::from_static(b"1"), LONG).await.unwrap();
    cache.set(&key, Bytes::from_static(b"2"), Duration::MAX).await.unwrap();
    assert_eq!(cache.get(&key).await.unwrap().unwrap(), "2");
    cache.remove(&key).await.unwrap();
    cache.remove(&key).await.unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), None);
    cache.set(&key, Bytes::new(), LONG).await.unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), Some(Bytes::new()));
}

async fn expires_each_entry_at_its_time(cache: &dyn Cache) {
    cache.set(&key("short"), Bytes::from_static(b"s"), Duration::from_millis(20)).await.unwrap();
    cache.set(&key("long"), Bytes::from_static(b"l"), LONG).await.unwrap();
    cache.set(&key("never"), Bytes::from_static(b"n"), Duration::ZERO).await.unwrap();
    assert_eq!(cache.get(&key("never")).await.unwrap(), None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(cache.get(&key("short")).await.unwrap(), None);
    assert_eq!(cache.get(&key("long")).await.unwrap().unwrap(), "l");
    let value = Bytes::from_static(b"c");
    let computed = cache.get_or_compute(&key("zero"), Duration::ZERO, Box::pin(async { Ok(value) })).await;
    assert_eq!(computed.unwrap(), "c");
    assert_eq!(cache.get(&key("zero")).await.unwrap(), None);
}

async fn computes_once_for_all_who_wait<C: Cache + 'static>(cache: Arc<C>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let start = Arc::new(Barrier::new(32));
    let callers: Vec<_> = (0..32)
        .map(|_| {
            let (cache, runs, start) = (cache.clone(), runs.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                let compute = Box::pin(async {
                    runs.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(Bytes::from_static(b"once"))
                });
                cache.get_or_compute(&key("one"), LONG, compute).await.unwrap()
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "once");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(cache.get(&key("one")).await.unwrap().unwrap(), "once");
}

async fn shares_an_error_and_keeps_none<C: Cache + 'static>(cache: Arc<C>) {
    let start = Arc::new(Barrier::new(8));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (cache, start) = (cache.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                let compute = Box::pin(async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(Error::new(ErrorKind::RateLimited, "too fast").with_retry_after(LONG))
                });
                cache.get_or_compute(&key("bad"), LONG, compute).await.unwrap_err()
            })
        })
        .collect();
    for caller in callers {
        let error = caller.await.unwrap();
        assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "too fast"));
        assert_eq!(error.retry_after(), Some(LONG));
    }
    let compute = Box::pin(async { Ok(Bytes::from_static(b"good")) });
    assert_eq!(cache.get_or_compute(&key("bad"), LONG, compute).await.unwrap(), "good");
}

async fn survives_a_cancelled_computation<C: Cache + 'static>(cache: Arc<C>) {
    let started = Arc::new(Notify::new());
    let leader = tokio::spawn({
        let (cache, started) = (cache.clone(), started.clone());
        async move {
            let compute = Box::pin(async {
                started.notify_one();
                std::future::pending().await
            });
            cache.get_or_compute(&key("stuck"), LONG, compute).await
        }
    });
    started.notified().await;
    let follower = tokio::spawn({
        let cache = cache.clone();
        let compute = Box::pin(async { Ok(Bytes::from_static(b"mine")) });
        async move { cache.get_or_compute(&key("stuck"), LONG, compute).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    leader.abort();
    let answer = tokio::time::timeout(Duration::from_secs(30), follower).await;
    assert_eq!(answer.expect("a follower never hangs").unwrap().unwrap(), "mine");
}
