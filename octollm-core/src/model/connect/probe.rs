//! Whether a local server runs: asked for its models on its usual port.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::time::timeout;

use super::settings::Access;
use crate::http_client::{self, ClientOptions};
use crate::model::vendors::Vendors;

/// A server on this machine answers at once, or is not there.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes of a list of models that are read.
const MAX_LIST: usize = 4 * 1024 * 1024;

/// The first local server that answers with a list of models, and a model out of it.
pub(super) async fn find(vendors: &Vendors, access: &BTreeMap<String, Access>) -> Option<(String, String)> {
    // Asked over plain HTTP on this machine, at every start: no need for certificates.
    let options = ClientOptions { system_certificates: false, ..ClientOptions::default() };
    let client = &http_client::client(&options).ok()?;
    let local = vendors.names().into_iter().filter(|name| vendors.get(name).is_ok_and(|row| row.local));
    let asked = local.filter_map(|name| Some((name, access.get(name)?.base.as_ref()?)));
    let asked = asked.map(|(name, base)| async move {
        let model = timeout(PATIENCE, first_model(client, base)).await.ok().flatten()?;
        Some((name.to_owned(), model))
    });
    join_all(asked).await.into_iter().flatten().next()
}

async fn first_model(client: &Client, base: &Url) -> Option<String> {
    let response = client.get(http_client::join(base, "models")).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let body = http_client::read_body(response, MAX_LIST).await.ok()?;
    let list: Value = serde_json::from_slice(&body).ok()?;
    let ids = list.get("data")?.as_array()?.iter().filter_map(|model| model.get("id")?.as_str());
    // Lists mix models that talk with models that only embed.
    ids.filter(|id| !id.to_lowercase().contains("embed")).map(str::to_owned).next()
}
