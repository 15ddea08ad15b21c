//! What the arms have done so far.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::SqliteMemory;
use super::error::storage;
use super::rows::{clamp, column, unsigned};
use crate::error::Result;
use crate::memory::journal::{ArmStats, StatsStore};
use crate::task;

const STATS: &str = "cannot keep the arms' statistics";

#[async_trait]
impl StatsStore for SqliteMemory {
    async fn load_stats(&self) -> Result<BTreeMap<String, ArmStats>> {
        let mut reader = self.reader().await?;
        let sql = "SELECT arm_id, total, success, avg_duration_ms FROM arm_stats";
        let found = sqlx::query(sql).fetch_all(&mut *reader).await.map_err(|error| storage(STATS, &error))?;
        let stats = found.iter().map(|row| {
            let (total, success) = (unsigned(column(row, 1)?), unsigned(column(row, 2)?));
            Ok((column(row, 0)?, ArmStats { total, success, avg_duration_ms: column(row, 3)? }))
        });
        stats.collect()
    }

    async fn save_stats(&self, stats: BTreeMap<String, ArmStats>) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        for (arm_id, stats) in stats {
            let average = if stats.avg_duration_ms.is_finite() { stats.avg_duration_ms } else { 0.0 };
            sqlx::query("INSERT OR REPLACE INTO arm_stats VALUES (?, ?, ?, ?, ?)")
                .bind(arm_id)
                .bind(clamp(stats.total))
                .bind(clamp(stats.success))
                .bind(average)
                .bind(task::now().as_microsecond())
                .execute(&mut *transaction)
                .await
                .map_err(|error| storage(STATS, &error))?;
        }
        transaction.commit().await.map_err(|error| storage(STATS, &error))
    }
}
