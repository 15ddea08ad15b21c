//! `serve`: tasks over HTTP, or the reflexes alone, until somebody asks it to stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use octollm_core::config::Config;
use octollm_core::reflex::ReflexChain;
use octollm_core::{Error, ErrorKind, Result};
use tokio::net::TcpListener;

use super::App;
use super::args::ServeArgs;
use super::exit::{Exit, Outcome, Stop};
use super::interrupt;
use crate::http::{self, AppState, Door, ReflexService};
use crate::session::{LocalOptions, Session};
use crate::settings::Origin;

/// Where the reflexes alone are served.
const REFLEX_PORT: u16 = 8001;

/// Serves until it is asked to stop.
pub(super) async fn run(app: &App, args: &ServeArgs) -> Outcome {
    let reflexes = ReflexService::new(Arc::new(ReflexChain::new(app.settings.config.policy()?)?));
    if args.reflex { reflexes_alone(app, args, reflexes).await } else { tasks(app, args, reflexes).await }
}

async fn tasks(app: &App, args: &ServeArgs, reflexes: ReflexService) -> Outcome {
    let config = &app.settings.config;
    let address = address(config, config.api_port, args.insecure)?;
    let listener = bind(address).await?;
    let options = LocalOptions { arms: Some(Vec::new()), take_over: true, ..LocalOptions::default() };
    let session = Session::local(&app.settings, &options).await?;
    let shutdown = interrupt::listen();

    let state = AppState::new(session.orchestrator().clone(), reflexes, shutdown.clone());
    let state = state.behind(door(config, args));
    announce(app, &listener, address)?;
    http::run(listener, http::app(state), shutdown).await.map_err(|error| cannot_listen(address, error))?;
    session.close().await?;
    Ok(Exit::Completed)
}

/// Opens no store and asks no arm.
async fn reflexes_alone(app: &App, args: &ServeArgs, reflexes: ReflexService) -> Outcome {
    let config = &app.settings.config;
    let port = match app.settings.origin("API_PORT") {
        Origin::Default => REFLEX_PORT,
        _ => config.api_port,
    };
    let address = address(config, port, args.insecure)?;
    let listener = bind(address).await?;
    let shutdown = interrupt::listen();
    announce(app, &listener, address)?;
    let routes = http::reflex_app(reflexes, shutdown.clone(), &door(config, args));
    http::run(listener, routes, shutdown).await.map_err(|error| cannot_listen(address, error))?;
    Ok(Exit::Completed)
}

fn door(config: &Config, args: &ServeArgs) -> Door {
    if config.rate_limit_key.is_some() {
        tracing::warn!(
            "RATE_LIMIT_KEY limits nobody: this version checks no keys; RATE_LIMIT_CLIENT limits by address"
        );
    }
    let door = Door::default().with_limit(config.rate_limit());
    if args.insecure { door.for_any_host() } else { door }
}

pub(super) fn announce(app: &App, listener: &TcpListener, address: SocketAddr) -> Result<(), Stop> {
    let bound = listener.local_addr().map_err(|error| cannot_listen(address, error))?;
    app.output.line(format!("listening on http://{bound}"))
}

/// The address to serve on. Without keys nobody proves who they are, so only this machine is served.
pub(super) fn address(config: &Config, port: u16, insecure: bool) -> Result<SocketAddr> {
    let host = match config.api_host.parse::<IpAddr>() {
        Ok(host) => host,
        Err(_) => Ipv4Addr::LOCALHOST.into(),
    };
    if !host.is_loopback() && !insecure {
        let error = Error::new(
            ErrorKind::NotConfigured,
            "the server would let everybody in who can reach it",
        )
        .with_context("API_HOST", host.to_string())
        .with_hint(
            "serve on 127.0.0.1, or say --insecure where something in front of it checks who is asking",
        );
        return Err(error);
    }
    Ok(SocketAddr::new(host, port))
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(address, error))
}

pub(super) fn cannot_listen(address: SocketAddr, error: std::io::Error) -> Error {
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there: stop it, or choose a port with --port"
        }
        std::io::ErrorKind::PermissionDenied => "choose a port from 1024 on with --port",
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address: choose one with --host"
        }
        _ => "choose another address with --host and --port",
    };
    Error::new(ErrorKind::NotConfigured, "the server cannot listen")
        .with_context("address", address.to_string())
        .with_context("reason", error.kind().to_string())
        .with_hint(hint)
}
