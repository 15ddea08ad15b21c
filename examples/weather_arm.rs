//! An arm is one type for its input, one for its output, and one function.
//!
//! `cargo run --example weather_arm` runs one task on it, with everything kept in a database of its own.
//! (`examples/weather_arm/` is the same arm as a service in Python.)
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use octollm_core::arm::{ArmContext, TypedArm};
use octollm_core::memory::{SharedMemory, SqliteMemory, SqliteOptions};
use octollm_core::orchestrator::{LocalOrchestrator, Orchestrator};
use octollm_core::{Result, TaskRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Place {
    /// City.
    location: String,
    /// Days to forecast.
    #[serde(default = "five")]
    days: u32,
}

fn five() -> u32 {
    5
}

#[derive(Serialize, JsonSchema)]
struct Forecast {
    location: String,
    celsius: Vec<f64>,
}

async fn forecast(place: Place, context: ArmContext) -> Result<Forecast> {
    context.progress("reading the sky", 0.5);
    let day = |day: u32| 18.0 + f64::from(day * place.location.len() as u32 % 7);
    Ok(Forecast { celsius: (0..place.days).map(day).collect(), location: place.location })
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = std::env::temp_dir().join("octollm-weather-example.db");
    let memory = SharedMemory::sqlite(SqliteMemory::open(SqliteOptions::new(database)).await?);
    let weather = TypedArm::new("weather", ["weather_forecast"], forecast);
    let octo = LocalOrchestrator::builder().memory(memory).arm(weather).start().await?;

    let mut request = TaskRequest::new("Get the weather forecast for Paris");
    request.context.insert("location".into(), "Paris".into());
    let result = octo.run(request.into()).await?;

    println!("{}: {}", result.status.as_str(), result.result.unwrap_or_default());
    octo.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
