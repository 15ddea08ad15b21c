//! `arm`: one of OctoLLM's own arms as an HTTP service.

use octollm_core::{Error, ErrorKind};

use super::App;
use super::args::ArmArgs;
use super::exit::{Exit, Outcome};
use super::serve::{address, announce, bind, cannot_listen};
use super::{interrupt, output};
use crate::arms::OwnArm;
use crate::http;

use crate::settings::Origin;

/// Where each arm is served, unless somebody says otherwise.
const PORTS: [(&str, u16); 6] = [
    ("coder", 8100),
    ("planner", 8101),
    ("judge", 8102),
    ("executor", 8103),
    ("retriever", 8104),
    ("guardian", 8105),
];

/// Serves until it is asked to stop.
pub(super) async fn run(app: &App, args: &ArmArgs) -> Outcome {
    let config = &app.settings.config;
    let usual = usual_port(&args.name)?;
    let port = match app.settings.origin("API_PORT") {
        Origin::Default => usual,
        _ => config.api_port,
    };
    let address = address(config, port, args.insecure)?;
    let own = OwnArm::open(&app.settings, &args.name).await?;
    let listener = bind(address).await?;
    let shutdown = interrupt::listen();
    let routes = http::arm_app(own.arm.clone(), !args.insecure)?;
    announce(app, &listener, address)?;
    http::run(listener, routes, shutdown).await.map_err(|error| cannot_listen(address, error))?;
    own.store.close().await?;
    Ok(Exit::Completed)
}

fn usual_port(name: &str) -> octollm_core::Result<u16> {
    let known = PORTS.iter().find(|(known, _)| *known == name);
    known.map(|(_, port)| *port).ok_or_else(|| {
        let names: Vec<_> = PORTS.iter().map(|(name, _)| *name).collect();
        Error::new(ErrorKind::InvalidInput, "there is no such arm")
            .with_context("arm", output::one_line(name, 40))
            .with_hint(format!("OctoLLM's own arms are {}", names.join(", ")))
    })
}
