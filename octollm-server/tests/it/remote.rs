//! The remote orchestrator against a real server, a line that breaks, and addresses that are wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use octollm_core::ErrorKind;
use octollm_core::orchestrator::{Orchestrator, RemoteOrchestrator};
use octollm_core::task::TaskRequest;
use octollm_core::testing::orchestrator::orchestrator_suite;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{planned, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_remote_orchestrator_does_what_every_orchestrator_does() {
    let server = server().await;
    let remote = RemoteOrchestrator::connect(&server.url("")).await.unwrap();
    orchestrator_suite(Arc::new(remote)).await;
}

/// Passes connections on to `target` and cuts each one off after `bytes` bytes of answers.
async fn cutting_proxy(target: String, bytes: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let target = target.clone();
            tokio::spawn(async move {
                let server = TcpStream::connect(target).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (from_server, mut to_server) = server.into_split();
                let up = async { tokio::io::copy(&mut from_client, &mut to_server).await };
                let down =
                    async { tokio::io::copy(&mut from_server.take(bytes as u64), &mut to_client).await };
                tokio::select! { _ = up => {}, _ = down => {} }
            });
        }
    });
    (format!("http://{address}"), connections)
}

#[tokio::test]
async fn events_go_on_where_a_broken_line_cut_them_off() {
    let server = server().await;
    let steps: Vec<_> = (0..6).map(|_| ("slow", json!({"ms": 150}))).collect();
    let mut request = planned(&steps);
    for step in 1..6 {
        request["plan"]["subtasks"][step]["depends_on"] = json!([step]);
    }
    let request = TaskRequest::from_json(request).unwrap();
    let direct = RemoteOrchestrator::connect(&server.url("")).await.unwrap();
    let id = direct.submit(request.into()).await.unwrap().task_id;

    let (address, connections) = cutting_proxy(server.address.clone(), 3000).await;
    let remote = RemoteOrchestrator::connect(&address).await.unwrap();
    let events = remote.events(id, 0).await.unwrap();
    let seqs: Vec<u64> =
        events.map(|event| event.unwrap().seq).filter(|seq| std::future::ready(*seq > 0)).collect().await;
    let whole: Vec<u64> = direct.journal(id, 0, 1000).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(seqs, whole, "every event once, in order");
    assert!(connections.load(Ordering::SeqCst) >= 3, "the line did break");
}

#[tokio::test]
async fn following_an_ended_task_from_its_end_ends() {
    let server = server().await;
    let remote = RemoteOrchestrator::connect(&server.url("")).await.unwrap();
    let result =
        remote.run(TaskRequest::from_json(planned(&[("echo", json!({}))])).unwrap().into()).await.unwrap();
    let last = remote.journal(result.task_id, 0, 1000).await.unwrap().last().unwrap().seq;
    assert_eq!(remote.events(result.task_id, last).await.unwrap().count().await, 0);
}

#[tokio::test]
async fn what_is_unknown_and_who_is_gone_are_told_apart() {
    let server = server().await;
    let remote = RemoteOrchestrator::connect(&server.url("")).await.unwrap();
    let unknown = octollm_core::TaskId::new();
    let error = remote.events(unknown, 0).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    server.stop().await;
    let error = remote.task(unknown).await.unwrap_err();
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true));
}

/// Answers every request with this.
async fn parrot(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_wrong_address_is_told_apart() {
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>";
    let missing =
        "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let moved = "HTTP/1.1 301 Moved\r\nlocation: https://x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for answer in [html, missing, moved] {
        let error = RemoteOrchestrator::connect(&parrot(answer).await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
        assert!(!error.is_temporary() && error.hint().is_some());
    }
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let error = RemoteOrchestrator::connect(&parrot(busy).await).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(7))));

    for (address, kind) in [
        ("127.0.0.1:1", ErrorKind::InvalidInput),
        ("ftp://127.0.0.1", ErrorKind::InvalidInput),
        ("http://127.0.0.1:1", ErrorKind::Unavailable),
    ] {
        assert_eq!(RemoteOrchestrator::connect(address).await.unwrap_err().kind(), kind, "{address}");
    }
}
