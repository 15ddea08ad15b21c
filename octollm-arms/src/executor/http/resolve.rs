//! Names to addresses, once for each hop.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use octollm_core::{Error, ErrorKind, Result};
use reqwest::Url;

use super::address::{Reach, reach};

/// Looks up names.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of a name.
    ///
    /// # Errors
    /// Where the name cannot be looked up.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Looks names up as the system does.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Where a hop connects to: addresses that were all checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::executor) struct Target {
    /// The host as the URL has it, if it is a name.
    pub(super) name: Option<String>,
    pub(in crate::executor) addresses: Vec<SocketAddr>,
}

/// Looks up the host of `url` and checks every address.
///
/// # Errors
/// `unauthorized` if an address is not out in the world; `private` lets this machine and private networks pass, and
/// nothing else. `unavailable` if the name cannot be looked up.
pub(in crate::executor) async fn target(
    resolver: &Arc<dyn Resolve>,
    url: &Url,
    private: bool,
) -> Result<Target> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let (name, addresses) = match literal {
        Some(address) => (None, vec![address]),
        None => {
            let unknown = |cause: Option<io::Error>| {
                let error = Error::new(ErrorKind::Unavailable, "the host's name cannot be looked up");
                cause.map_or_else(
                    || error.with_hint("check the name"),
                    |cause| {
                        Error::new(ErrorKind::Unavailable, "the host's name cannot be looked up")
                            .with_hint("check the name and this machine's name service")
                            .with_source(cause)
                    },
                )
            };
            let addresses = resolver.addresses(host).await.map_err(|cause| unknown(Some(cause)))?;
            if addresses.is_empty() {
                return Err(unknown(None));
            }
            (Some(host.to_owned()), addresses)
        }
    };
    // One bad address among good ones is reason enough: whoever answers so wants it to be taken some time.
    addresses.iter().try_for_each(|address| check(*address, private))?;
    let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    Ok(Target { name, addresses })
}

fn check(address: IpAddr, private: bool) -> Result<()> {
    let what = match reach(address) {
        Reach::Public => return Ok(()),
        Reach::Private(_) if private => return Ok(()),
        Reach::Private(what) | Reach::Never(what) => what,
    };
    Err(Error::new(ErrorKind::Unauthorized, "the host is at an address that is not out in the world")
        .with_context("address is", what)
        .with_hint("a rule of the policy with `private = true` and a `port` lets one host be on this machine or a private network"))
}
