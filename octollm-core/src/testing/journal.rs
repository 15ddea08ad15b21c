//! The contract of a journal.

mod cases;
mod script;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::memory::{ArmStats, Journal, StatsStore};
pub use script::Script;

/// One empty store that the suite opens as often as it needs engines.
#[async_trait]
pub trait JournalBackend: Send + Sync {
    /// A new handle, with an engine of its own, on this store. Dropping the handle is that engine's death.
    async fn open(&self) -> Arc<dyn Journal>;
}

/// Runs every case, each over a store that `make` makes anew.
///
/// # Panics
/// Where the journal breaks its contract.
pub async fn journal_suite<B: JournalBackend>(make: impl AsyncFn() -> B) {
    cases::events_come_back_as_they_were(&make().await).await;
    cases::events_are_read_in_pages(&make().await).await;
    cases::unknown_ids_are_no_error(&make().await).await;
    cases::a_malformed_append_is_refused(&make().await).await;
    cases::a_taken_number_is_a_conflict(&make().await).await;
    cases::an_append_is_kept_whole_or_not_at_all(&make().await).await;
    cases::a_vault_comes_with_its_task_and_goes_with_it(&make().await).await;
    cases::a_key_is_claimed_once(&make().await).await;
    cases::a_row_follows_its_task(&make().await).await;
    cases::a_list_is_newest_first_and_paged(&make().await).await;
    cases::a_list_is_filtered(&make().await).await;
    cases::a_bad_filter_names_its_fault(&make().await).await;
    cases::a_living_engines_tasks_are_not_claimed(&make().await).await;
    cases::a_dead_engines_tasks_are_claimed_once(&make().await).await;
    cases::one_task_is_claimed(&make().await).await;
    cases::rebuilding_changes_nothing(&make().await).await;
    cases::pruning_keeps_the_newest(&make().await).await;
    cases::pruning_by_age_spares_the_young(&make().await).await;
    cases::many_tasks_append_at_once(&make().await).await;
}

/// The contract of a store of arms' statistics.
///
/// # Panics
/// Where the store breaks its contract.
pub async fn stats_suite(store: &dyn StatsStore) {
    assert!(store.load_stats().await.unwrap().is_empty(), "a new store has no statistics");
    let stats = |total| ArmStats { total, success: total / 2, avg_duration_ms: 0.1 + total as f64 };
    let first = BTreeMap::from([("weather".to_owned(), stats(4)), ("coder".to_owned(), stats(6))]);
    store.save_stats(first).await.unwrap();
    store.save_stats(BTreeMap::from([("coder".to_owned(), stats(8))])).await.unwrap();
    let expected = BTreeMap::from([("weather".to_owned(), stats(4)), ("coder".to_owned(), stats(8))]);
    assert_eq!(store.load_stats().await.unwrap(), expected, "saving replaces these arms and no others");
}
