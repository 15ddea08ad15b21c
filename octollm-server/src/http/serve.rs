//! Listens, bounds what clients can hold, and stops gracefully.
//!
//! A client that sends its headers slowly, or opens more connections than there is room for, costs bounded memory and
//! is cut off or waits; it never keeps the server from others.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower_http::add_extension::AddExtension;

use super::door::ClientAddress;

/// How long a client may take to send the head of a request; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections at once. Further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 8192;
/// How long running requests may take to end once `shutdown` is cancelled.
const DRAIN: Duration = Duration::from_secs(3);
/// Pause after the system refused a connection, most often because no file descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is cancelled, then stops accepting and lets running requests end, for three seconds at most.
///
/// # Errors
/// Only where the listener itself is unusable; a failing connection is that client's affair.
pub async fn run(listener: TcpListener, app: Router, shutdown: CancellationToken) -> io::Result<()> {
    listener.local_addr()?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let builder = connection_builder();
    while let Some((stream, client, place)) = next_connection(&listener, &room, &shutdown).await {
        // Small answers and events leave at once instead of waiting to be joined by others.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(AddExtension::new(app.clone(), client));
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
    Ok(())
}

/// HTTP/1.1 only: while a version is being negotiated no time limit would apply.
fn connection_builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
}

/// The next connection, where it comes from and its place, or `None` once `shutdown` is cancelled.
async fn next_connection(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, ClientAddress, OwnedSemaphorePermit)> {
    let accept = async {
        let place = Arc::clone(room).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, client)) => return Some((stream, ClientAddress(client.ip()), place)),
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => None,
        accepted = accept => accepted,
    }
}
