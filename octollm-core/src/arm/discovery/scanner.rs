//! What discovery knows about each address, and what a look at it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use reqwest::{Client, Url};

use super::{ArmDirectory, DiscoveryOptions, registry};
use crate::arm::http::{Connector, HttpArm};
use crate::arm::{Arm, HealthStatus};
use crate::error::{Error, Result};
use crate::http_client::{self, ClientOptions, display_url};

/// Asks addresses and tells the directory what came of it.
pub(super) struct Scanner {
    directory: Arc<dyn ArmDirectory>,
    connector: Connector,
    client: Client,
    concurrency: usize,
    /// Addresses that are written down; they come first where two claim the same arm.
    fixed: Vec<Url>,
    registry: Option<Url>,
    registry_answers: bool,
    addresses: Vec<Address>,
}

/// One address, and what is known about it.
struct Address {
    url: Url,
    /// The arm that is entered in the directory.
    arm: Option<Arc<HttpArm>>,
    standing: Standing,
}

/// How an address stood at the last look: a line of log is written when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Unknown,
    Up(HealthStatus),
    Down,
    Refused,
}

/// What a look at an address has shown.
enum Seen {
    Arm(Arc<HttpArm>, HealthStatus),
    SameArm(HealthStatus),
    Nobody(Error),
}

impl Scanner {
    pub(super) fn new(options: DiscoveryOptions, directory: Arc<dyn ArmDirectory>) -> Result<Self> {
        let fixed = options.urls.iter().map(|url| http_client::parse_url(url)).collect::<Result<Vec<_>>>()?;
        let registry = options.registry_url.as_deref().map(http_client::parse_url).transpose()?;
        Ok(Self {
            directory,
            connector: Connector::new(options.arm)?,
            client: http_client::client(&ClientOptions::default())?,
            concurrency: options.concurrency.max(1),
            addresses: unique(fixed.iter().cloned()).map(Address::new).collect(),
            fixed,
            registry,
            registry_answers: true,
        })
    }

    /// Looks at everything: the registry, and who is at every address.
    pub(super) async fn scan(&mut self) {
        if let Some(registry) = &self.registry {
            let listed = registry::addresses(self.client.clone(), registry.clone()).await;
            self.update_addresses(listed);
        }
        self.look(true).await;
    }

    /// Looks at how the known arms are, and whether somebody has come to the other addresses.
    pub(super) async fn poll(&mut self) {
        self.look(false).await;
    }

    /// Takes over the registry's list. One that does not answer changes nothing.
    fn update_addresses(&mut self, listed: Result<Vec<String>>) {
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                if std::mem::replace(&mut self.registry_answers, false) {
                    tracing::warn!(%error, hint = error.hint(), "the arms' registry cannot be read");
                }
                return;
            }
        };
        self.registry_answers = true;
        let listed = listed.iter().filter_map(|url| http_client::parse_url(url).ok());
        let mut known: BTreeMap<Url, Address> =
            std::mem::take(&mut self.addresses).into_iter().map(|a| (a.url.clone(), a)).collect();
        self.addresses = unique(self.fixed.iter().cloned().chain(listed))
            .map(|url| known.remove(&url).unwrap_or_else(|| Address::new(url)))
            .collect();
        for arm in known.into_values().filter_map(|address| address.arm) {
            tracing::info!(arm = id(&arm), "the arm has left the registry");
            self.directory.remove(id(&arm));
        }
    }

    async fn look(&mut self, fully: bool) {
        let connector = &self.connector;
        let looks = self.addresses.iter().map(|address| address.look(connector, fully).boxed());
        let looks: Vec<BoxFuture<'_, Seen>> = looks.collect();
        // In the order of the addresses, so that the first of two that claim the same arm is always the same one.
        let seen: Vec<Seen> = stream::iter(looks).buffered(self.concurrency).collect().await;
        for (index, seen) in seen.into_iter().enumerate() {
            self.take_in(index, seen);
        }
    }

    fn take_in(&mut self, index: usize, seen: Seen) {
        let standing = match seen {
            Seen::Nobody(error) => self.nobody(index, &error),
            Seen::SameArm(health) => Standing::Up(health),
            Seen::Arm(arm, health) => match self.enter(index, arm) {
                true => Standing::Up(health),
                false => Standing::Refused,
            },
        };
        let Some(address) = self.addresses.get_mut(index) else { return };
        let before = std::mem::replace(&mut address.standing, standing);
        let Some(arm) = &address.arm else { return };
        let health = match standing {
            Standing::Up(health) => health,
            _ => HealthStatus::Unhealthy,
        };
        self.directory.set_health(id(arm), health);
        if before != standing && matches!(standing, Standing::Up(_)) {
            tracing::info!(arm = id(arm), url = arm.url(), ?health, "the arm answers");
        }
    }

    fn nobody(&self, index: usize, error: &Error) -> Standing {
        let Some(address) = self.addresses.get(index) else { return Standing::Down };
        if address.standing != Standing::Down {
            let arm = address.arm.as_deref().map(id);
            tracing::warn!(arm, url = display_url(&address.url), %error, hint = error.hint(), "no arm answers");
        }
        Standing::Down
    }

    /// Enters the arm that was found at this address, if it is not the one that is entered already. Answers whether an
    /// arm is entered now.
    fn enter(&mut self, index: usize, found: Arc<HttpArm>) -> bool {
        let taken = self.addresses.iter().enumerate().any(|(other, address)| {
            other != index && address.arm.as_deref().is_some_and(|arm| id(arm) == id(&found))
        });
        let directory = Arc::clone(&self.directory);
        let Some(address) = self.addresses.get_mut(index) else { return false };
        if address.arm.as_deref().is_some_and(|arm| arm.descriptor() == found.descriptor()) {
            return true;
        }
        if let Some(before) = address.arm.take_if(|arm| id(arm) != id(&found)) {
            tracing::info!(arm = id(&before), now = id(&found), "another arm answers at this address");
            directory.remove(id(&before));
        }
        let url = found.url();
        let entered = match taken {
            true => Err("another address has an arm of this id; the first one stays".to_owned()),
            false => {
                let added = directory.add(Arc::clone(&found) as Arc<dyn Arm>, Some(url.clone()));
                added.map(|()| found).map_err(|error| error.to_string())
            }
        };
        match entered {
            Ok(arm) => address.arm = Some(arm),
            Err(reason) if address.standing != Standing::Refused => {
                tracing::warn!(url, reason, "the arm is not entered");
            }
            Err(_) => {}
        }
        address.arm.is_some()
    }
}

impl Address {
    fn new(url: Url) -> Self {
        Self { url, arm: None, standing: Standing::Unknown }
    }

    /// Asks how the arm is, and who it is wherever that may have changed: after it was down, and when looking fully.
    async fn look(&self, connector: &Connector, fully: bool) -> Seen {
        match &self.arm {
            Some(arm) if !fully && self.standing != Standing::Down => match arm.ask_health().await {
                Ok(health) => Seen::SameArm(health.status),
                Err(error) => Seen::Nobody(error),
            },
            _ => match connector.connect_at(self.url.clone()).await {
                Ok(arm) => {
                    let health = arm.health().await.status;
                    Seen::Arm(Arc::new(arm), health)
                }
                Err(error) => Seen::Nobody(error),
            },
        }
    }
}

fn id(arm: &HttpArm) -> &str {
    &arm.descriptor().arm_id
}

fn unique(urls: impl Iterator<Item = Url>) -> impl Iterator<Item = Url> {
    let mut seen = std::collections::HashSet::new();
    urls.filter(move |url| seen.insert(url.clone()))
}
