use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::testing::fault_server::{FaultServer, Reply, Request};

/// A directory that remembers, for each arm, its version and how it is.
#[derive(Default)]
struct Remembering(Mutex<BTreeMap<String, (String, Option<HealthStatus>)>>);

impl ArmDirectory for Remembering {
    fn add(&self, arm: Arc<dyn Arm>, _: Option<String>) -> Result<()> {
        let descriptor = arm.descriptor();
        if descriptor.arm_id == "reserved" {
            return Err(Error::new(ErrorKind::Conflict, "an arm in process has this id"));
        }
        self.0.lock().unwrap().insert(descriptor.arm_id.clone(), (descriptor.version.clone(), None));
        Ok(())
    }

    fn remove(&self, arm_id: &str) {
        self.0.lock().unwrap().remove(arm_id);
    }

    fn set_health(&self, arm_id: &str, health: HealthStatus) {
        self.0.lock().unwrap().get_mut(arm_id).expect("health of an arm that is not entered").1 =
            Some(health);
    }
}

impl Remembering {
    /// `id version health` of every arm.
    fn arms(&self) -> Vec<String> {
        let arms = self.0.lock().unwrap();
        let health = |health: &Option<HealthStatus>| {
            health.map_or("unknown".to_owned(), |health| format!("{health:?}").to_lowercase())
        };
        arms.iter().map(|(id, (version, seen))| format!("{id} {version} {}", health(seen))).collect()
    }
}

fn arm(id: &'static str, version: &'static str) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| match request.is("GET /health") {
        true => Reply::json(200, &json!({"status": "healthy", "version": version})),
        false => {
            Reply::json(200, &json!({"arm_id": id, "name": id, "version": version, "capabilities": ["work"]}))
        }
    }
}

fn scanner(options: DiscoveryOptions) -> (Scanner, Arc<Remembering>) {
    let directory = Arc::new(Remembering::default());
    (Scanner::new(options, Arc::clone(&directory) as Arc<dyn ArmDirectory>).unwrap(), directory)
}

fn over(urls: impl IntoIterator<Item = String>) -> DiscoveryOptions {
    DiscoveryOptions { urls: urls.into_iter().collect(), ..DiscoveryOptions::default() }
}

/// An address where nobody listens now.
async fn free_address() -> SocketAddr {
    FaultServer::start(arm("nobody", "0")).await.unwrap().address()
}

/// Starts a server on a port that was in use a moment ago.
async fn start_at(address: SocketAddr, id: &'static str, version: &'static str) -> FaultServer {
    for _ in 0..500 {
        match FaultServer::start_at(address, arm(id, version)).await {
            Ok(server) => return server,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("the port stays in use");
}

#[tokio::test]
async fn arms_come_late_go_away_and_come_back_changed() {
    let address = free_address().await;
    let (mut scanner, directory) = scanner(over([format!("http://{address}")]));
    scanner.scan().await;
    assert!(directory.arms().is_empty());
    let server = start_at(address, "weather", "1").await;
    scanner.poll().await;
    assert_eq!(directory.arms(), ["weather 1 healthy"]);
    drop(server);
    scanner.poll().await;
    assert_eq!(directory.arms(), ["weather 1 unhealthy"], "it may come back: it is kept");
    let server = start_at(address, "weather", "2").await;
    scanner.poll().await;
    assert_eq!(directory.arms(), ["weather 2 healthy"]);
    drop(server);
    let _server = start_at(address, "other", "1").await;
    scanner.scan().await;
    assert_eq!(directory.arms(), ["other 1 healthy"]);
}

#[tokio::test]
async fn the_first_of_two_with_the_same_id_stays() {
    let first = FaultServer::start(arm("twin", "first")).await.unwrap();
    let second = FaultServer::start(arm("twin", "second")).await.unwrap();
    let (mut scanner, directory) = scanner(over([first.url(), second.url(), first.url()]));
    for _ in 0..3 {
        scanner.scan().await;
        assert_eq!(directory.arms(), ["twin first healthy"]);
    }
}

#[tokio::test]
async fn an_arm_that_the_directory_refuses_disturbs_nobody() {
    let reserved = FaultServer::start(arm("reserved", "1")).await.unwrap();
    let broken = FaultServer::start(|_: &Request| Reply::http(200, "", "<html>")).await.unwrap();
    let fine = FaultServer::start(arm("fine", "1")).await.unwrap();
    let (mut scanner, directory) = scanner(over([reserved.url(), broken.url(), fine.url()]));
    scanner.scan().await;
    scanner.poll().await;
    assert_eq!(directory.arms(), ["fine 1 healthy"]);
}

#[tokio::test]
async fn a_registry_adds_and_takes_away() {
    let one = FaultServer::start(arm("one", "1")).await.unwrap();
    let two = FaultServer::start(arm("two", "1")).await.unwrap();
    let page = Arc::new(Mutex::new(Reply::json(200, &json!([one.url(), two.url()]))));
    let registry = FaultServer::start({
        let page = Arc::clone(&page);
        move |_: &Request| page.lock().unwrap().clone()
    });
    let registry = registry.await.unwrap();
    let options = DiscoveryOptions { registry_url: Some(registry.url()), ..over([one.url()]) };
    let (mut scanner, directory) = scanner(options);
    scanner.scan().await;
    assert_eq!(directory.arms(), ["one 1 healthy", "two 1 healthy"]);
    *page.lock().unwrap() = Reply::http(500, "", "");
    scanner.scan().await;
    assert_eq!(directory.arms().len(), 2, "a registry that fails takes nobody away");
    *page.lock().unwrap() = Reply::json(200, &Value::Array(Vec::new()));
    scanner.scan().await;
    assert_eq!(directory.arms(), ["one 1 healthy"], "what is written down stays");
}

#[tokio::test]
async fn it_runs_in_the_background_and_ends_when_dropped() {
    let server = FaultServer::start(arm("weather", "1")).await.unwrap();
    let directory = Arc::new(Remembering::default());
    let options = DiscoveryOptions { health_interval: Duration::from_millis(10), ..over([server.url()]) };
    let discovery = Discovery::start(options, Arc::clone(&directory) as Arc<dyn ArmDirectory>).unwrap();
    discovery.first_scan().await.unwrap();
    assert_eq!(directory.arms(), ["weather 1 healthy"]);
    while server.requests().iter().filter(|request| request.is("GET /health")).count() < 4 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(discovery);
    while Arc::strong_count(&directory) > 1 {
        sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn an_address_that_is_none_is_refused_at_once() {
    let directory: Arc<dyn ArmDirectory> = Arc::new(Remembering::default());
    assert!(Discovery::start(over(["weather:8103".to_owned()]), directory).is_err());
}
