//! The knowledge graph in SQLite.

use std::fmt;

use async_trait::async_trait;
use serde_json::Map;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use uuid::Uuid;

use super::error::storage;
use super::{SqliteMemory, json};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::graph::paths::{Neighbourhood, check_depth};
use crate::memory::graph::{check_entity, check_relationship, merge_properties, unknown_entity};
use crate::memory::{Entity, KnowledgeGraph, NewEntity, NewRelationship, Path, Relationship};
use crate::task::{Timestamp, now};

const READING: &str = "cannot read the knowledge graph";
const WRITING: &str = "cannot write to the knowledge graph";

/// The knowledge graph in a SQLite file.
#[derive(Clone)]
pub struct SqliteGraph {
    memory: SqliteMemory,
}

impl SqliteGraph {
    /// The graph in this file.
    pub fn new(memory: SqliteMemory) -> Self {
        Self { memory }
    }
}

#[async_trait]
impl KnowledgeGraph for SqliteGraph {
    async fn put_entity(&self, entity: NewEntity) -> Result<Entity> {
        check_entity(&entity)?;
        let mut writer = self.memory.writer().await?;
        let mut transaction = writer.begin().await?;
        let stored = merge_entity(&mut transaction, entity).await?;
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
        Ok(stored)
    }

    async fn put_relationship(&self, relationship: NewRelationship) -> Result<Relationship> {
        check_relationship(&relationship)?;
        let mut writer = self.memory.writer().await?;
        let mut transaction = writer.begin().await?;
        for end in [relationship.from_entity_id, relationship.to_entity_id] {
            if !exists(&mut transaction, end).await? {
                return Err(unknown_entity(end));
            }
        }
        let stored = replace_relationship(&mut transaction, relationship).await?;
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
        Ok(stored)
    }

    async fn entities_named(&self, name: &str) -> Result<Vec<Entity>> {
        let mut reader = self.memory.reader().await?;
        let rows = sqlx::query("SELECT * FROM entities WHERE name = ? ORDER BY entity_type")
            .bind(name)
            .fetch_all(&mut *reader)
            .await
            .map_err(|error| storage(READING, &error))?;
        rows.iter().map(|row| entity(row, 0)).collect()
    }

    async fn search_entities(
        &self,
        text: &str,
        entity_type: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entity>> {
        let mut reader = self.memory.reader().await?;
        let rows = sqlx::query(
            "SELECT * FROM entities
             WHERE instr(lower(name), lower(?1)) > 0 AND (?2 IS NULL OR entity_type = ?2)
             ORDER BY name, entity_type LIMIT ?3",
        )
        .bind(text)
        .bind(entity_type)
        .bind(sql_limit(limit))
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))?;
        rows.iter().map(|row| entity(row, 0)).collect()
    }

    async fn neighbours(&self, id: Uuid, limit: usize) -> Result<Vec<(Relationship, Entity)>> {
        let mut reader = self.memory.reader().await?;
        let rows = sqlx::query(
            "SELECT r.*, e.* FROM (
                 SELECT * FROM relationships WHERE from_entity_id = ?1
                 UNION SELECT * FROM relationships WHERE to_entity_id = ?1
             ) r JOIN entities e
                 ON e.id = CASE r.from_entity_id WHEN ?1 THEN r.to_entity_id ELSE r.from_entity_id END
             ORDER BY r.strength DESC, r.id LIMIT ?2",
        )
        .bind(id.as_bytes().as_slice())
        .bind(sql_limit(limit))
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))?;
        rows.iter().map(|row| Ok((relationship(row)?, entity(row, RELATIONSHIP_COLUMNS)?))).collect()
    }

    async fn paths(&self, from: Uuid, to: Uuid, max_depth: usize, limit: usize) -> Result<Vec<Path>> {
        check_depth(max_depth)?;
        let mut reader = self.memory.reader().await?;
        let mut reader = reader.begin().await.map_err(|error| storage(READING, &error))?;
        let mut reach = Neighbourhood::from(from);
        for _ in 0..max_depth {
            let leaving = leaving(&mut reader, reach.frontier(), reach.room()).await?;
            reach.extend(leaving);
        }
        drop(reader);
        reach.walk(from, to, max_depth, limit).await
    }

    async fn remove_entity(&self, id: Uuid) -> Result<bool> {
        let mut writer = self.memory.writer().await?;
        let mut transaction = writer.begin().await?;
        let removed = sqlx::query("DELETE FROM entities WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(|error| storage(WRITING, &error))?;
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
        Ok(removed.rows_affected() > 0)
    }

    async fn ping(&self) -> Result<()> {
        let mut reader = self.memory.reader().await?;
        let probe = sqlx::query("SELECT id FROM entities LIMIT 1").fetch_optional(&mut *reader);
        probe.await.map(|_| ()).map_err(|error| storage(READING, &error))
    }
}

impl fmt::Debug for SqliteGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteGraph").finish_non_exhaustive()
    }
}

async fn merge_entity(connection: &mut SqliteConnection, new: NewEntity) -> Result<Entity> {
    let found = sqlx::query("SELECT * FROM entities WHERE name = ? AND entity_type = ?")
        .bind(&new.name)
        .bind(&new.entity_type)
        .fetch_optional(&mut *connection)
        .await
        .map_err(|error| storage(READING, &error))?;
    let time = now();
    let mut stored = match found {
        Some(row) => entity(&row, 0)?,
        None => Entity {
            id: Uuid::now_v7(),
            entity_type: new.entity_type,
            name: new.name,
            properties: Map::new(),
            created_at: time,
            updated_at: time,
        },
    };
    merge_properties(&mut stored.properties, new.properties);
    stored.updated_at = time;
    sqlx::query(
        "INSERT INTO entities (id, entity_type, name, properties, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET properties = excluded.properties, updated_at = excluded.updated_at",
    )
    .bind(stored.id.as_bytes().as_slice())
    .bind(&stored.entity_type)
    .bind(&stored.name)
    .bind(json::text(&stored.properties)?)
    .bind(stored.created_at.as_microsecond())
    .bind(stored.updated_at.as_microsecond())
    .execute(connection)
    .await
    .map_err(|error| storage(WRITING, &error))?;
    Ok(stored)
}

async fn replace_relationship(
    connection: &mut SqliteConnection,
    new: NewRelationship,
) -> Result<Relationship> {
    let mut properties = Map::new();
    merge_properties(&mut properties, new.properties);
    let row = sqlx::query(
        "INSERT INTO relationships
             (id, from_entity_id, to_entity_id, relationship_type, properties, strength, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (from_entity_id, to_entity_id, relationship_type) DO UPDATE
         SET properties = excluded.properties, strength = excluded.strength RETURNING *",
    )
    .bind(Uuid::now_v7().as_bytes().to_vec())
    .bind(new.from_entity_id.as_bytes().as_slice())
    .bind(new.to_entity_id.as_bytes().as_slice())
    .bind(&new.relationship_type)
    .bind(json::text(&properties)?)
    .bind(new.strength)
    .bind(now().as_microsecond())
    .fetch_one(connection)
    .await
    .map_err(|error| storage(WRITING, &error))?;
    relationship(&row)
}

async fn exists(connection: &mut SqliteConnection, id: Uuid) -> Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM entities WHERE id = ?)")
        .bind(id.as_bytes().as_slice())
        .fetch_one(connection)
        .await
        .map_err(|error| storage(READING, &error))
}

async fn leaving(
    connection: &mut SqliteConnection,
    entities: &[Uuid],
    limit: usize,
) -> Result<Vec<Relationship>> {
    if entities.is_empty() {
        return Ok(Vec::new());
    }
    let entities: Vec<String> = entities.iter().map(|id| id.simple().to_string()).collect();
    let rows = sqlx::query(
        "SELECT * FROM relationships WHERE from_entity_id IN (SELECT unhex(value) FROM json_each(?))
         ORDER BY strength DESC, id LIMIT ?",
    )
    .bind(json::text(&entities)?)
    .bind(sql_limit(limit))
    .fetch_all(connection)
    .await
    .map_err(|error| storage(READING, &error))?;
    rows.iter().map(relationship).collect()
}

/// Columns of `relationships`: those of an entity that was joined to it come after.
const RELATIONSHIP_COLUMNS: usize = 7;

fn entity(row: &SqliteRow, first: usize) -> Result<Entity> {
    Ok(Entity {
        id: id(row, first)?,
        entity_type: get(row, first + 1)?,
        name: get(row, first + 2)?,
        properties: json::object(get(row, first + 3)?)?,
        created_at: time(row, first + 4)?,
        updated_at: time(row, first + 5)?,
    })
}

fn relationship(row: &SqliteRow) -> Result<Relationship> {
    Ok(Relationship {
        id: id(row, 0)?,
        from_entity_id: id(row, 1)?,
        to_entity_id: id(row, 2)?,
        relationship_type: get(row, 3)?,
        properties: json::object(get(row, 4)?)?,
        strength: get(row, 5)?,
        created_at: time(row, 6)?,
    })
}

fn get<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Result<T> {
    row.try_get(column).map_err(|error| storage(READING, &error))
}

fn id(row: &SqliteRow, column: usize) -> Result<Uuid> {
    Uuid::from_slice(get(row, column)?).map_err(|_| damaged())
}

fn time(row: &SqliteRow, column: usize) -> Result<Timestamp> {
    Timestamp::from_microsecond(get(row, column)?).map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::new(ErrorKind::Storage, READING)
        .with_hint("the stored row is damaged or from another program; restore it from a backup")
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph::graph_suite;

    #[tokio::test]
    async fn behaves_as_a_knowledge_graph() {
        graph_suite(|| async { SqliteGraph::new(SqliteMemory::in_memory().await.unwrap()) }).await;
    }
}
