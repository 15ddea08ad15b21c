//! What this machine's kernel gives the executor's sandbox, found out by trying.

use octollm_core::config::Config;
use octollm_sandbox::{Level, Sandbox, Status};
use serde::Serialize;

use super::Check;
use crate::cli::exit::Stop;
use crate::cli::output::{Output, plain};
use crate::executor;

/// A sandbox of one strength.
#[derive(Serialize)]
pub(super) struct Strength {
    /// The name by which a policy asks for it.
    level: &'static str,
    available: bool,
    layers: Vec<LayerReport>,
}

/// One mechanism of the kernel.
#[derive(Serialize)]
struct LayerReport {
    layer: &'static str,
    /// `available`, `missing`, or `not_tried` because one before it is missing.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// Sets every sandbox up once.
pub(super) async fn probe() -> Vec<Strength> {
    let probe = || [Level::Full, Level::Landlock, Level::None].map(strength).into();
    tokio::task::spawn_blocking(probe).await.unwrap_or_default()
}

fn strength(level: Level) -> Strength {
    let layers = Sandbox::new(level).probe().into_iter().map(|(layer, status)| match status {
        Status::Available => {
            LayerReport { layer: layer.name(), status: "available", reason: None, hint: None }
        }
        Status::NotReached => {
            LayerReport { layer: layer.name(), status: "not_tried", reason: None, hint: None }
        }
        Status::Missing(error) => LayerReport {
            layer: layer.name(),
            status: "missing",
            reason: Some(error.to_string()),
            hint: Some(error.hint()),
        },
    });
    let layers: Vec<_> = layers.collect();
    Strength { level: level.name(), available: layers.iter().all(|one| one.status == "available"), layers }
}

/// Whether the executor's policy can be read, and whether the sandbox that it asks for is there.
pub(super) async fn check(config: &Config, found: &[Strength]) -> Option<Check> {
    let policy = match executor::policy(config).await {
        Ok(policy) => policy,
        Err(error) => return Some(Check::of::<()>("executor", Err(error), |()| String::new())),
    };
    let wanted = found.iter().find(|one| one.level == policy.sandbox().name())?;
    let missing = wanted.layers.iter().find(|layer| layer.status == "missing");
    let detail = match missing {
        Some(layer) => layer.reason.clone().unwrap_or_default(),
        None => format!("policy {}, sandbox {}: every layer is there", policy.label(), wanted.level),
    };
    let hint = missing.and_then(|layer| layer.hint).map(str::to_owned);
    Some(Check { name: "executor".into(), ok: missing.is_none(), detail, hint })
}

/// One line for each sandbox.
pub(super) fn print(output: Output, found: &[Strength]) -> Result<(), Stop> {
    output.line(format!("\n{}", output.bold("Sandbox")))?;
    for one in found {
        let mark = if one.available { "ok  " } else { "-   " };
        let layers = one.layers.iter().map(|layer| match layer.status {
            "available" => layer.layer.to_owned(),
            "missing" => format!("{} is missing", layer.layer),
            _ => format!("({})", layer.layer),
        });
        output.line(format!(
            "  {mark} {:<26} {}",
            one.level,
            plain(&layers.collect::<Vec<_>>().join(", "))
        ))?;
    }
    Ok(())
}
