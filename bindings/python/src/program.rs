//! The command line and the arm service, for `python -m octollm` and `octollm.serve`.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use octollm_core::{Error, ErrorKind, Result};
use octollm_server::http::{arm_app, run};
use pyo3::prelude::*;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::arm::{PythonArm, Registration};
use crate::errors::raise;
use crate::pending::Pending;

/// Does what this command line says; answers the exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| octollm_server::cli::run_from(arguments))
}

/// Serves an arm until it is given up: the address that it listens on, and the service under way.
#[pyfunction]
pub(crate) fn serve_arm(
    arm: Registration,
    host: &str,
    port: u16,
    insecure: bool,
) -> PyResult<(String, Pending)> {
    let (app, address) = prepare(arm, host, port, insecure).map_err(|error| raise(&error))?;
    let (listener, bound) = listen(address).map_err(|cause| {
        raise(
            &Error::new(ErrorKind::NotConfigured, "the arm cannot listen")
                .with_context("address", address.to_string())
                .with_context("reason", cause.kind().to_string())
                .with_hint("choose another port; 0 takes a free one"),
        )
    })?;
    let service = Pending::start(async move {
        let failed = |cause| {
            Error::new(ErrorKind::Unavailable, "the arm cannot be served any more").with_source(cause)
        };
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        run(listener, app, CancellationToken::new()).await.map_err(failed)?;
        Ok(None)
    })?;
    Ok((bound.to_string(), service))
}

fn listen(address: SocketAddr) -> std::io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn prepare(arm: Registration, host: &str, port: u16, insecure: bool) -> Result<(axum::Router, SocketAddr)> {
    let host: IpAddr = if host == "localhost" { IpAddr::from([127, 0, 0, 1]) } else { parse(host)? };
    if !host.is_loopback() && !insecure {
        return Err(Error::new(ErrorKind::NotConfigured, "the arm would answer everybody who can reach it")
            .with_hint("serve on 127.0.0.1, or say insecure=True where something in front of it checks who is asking"));
    }
    let app = arm_app(Arc::new(PythonArm::new(arm)?), !insecure)?;
    Ok((app, SocketAddr::new(host, port)))
}

fn parse(host: &str) -> Result<IpAddr> {
    host.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the host must be an IP address or `localhost`"))
}
