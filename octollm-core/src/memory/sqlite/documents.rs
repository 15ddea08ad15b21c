//! Documents in SQLite, found by FTS5.
//!
//! FTS5 gets words, not text: the words of [`for_each_word`], which also know camel case and scripts without spaces.
//! A query goes through the same words, each of them quoted, so that nothing a user writes is FTS5 syntax. FTS5 folds
//! what is left (diacritics), stems English (Porter) and ranks by BM25.

use std::collections::{HashMap, HashSet};
use std::fmt;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};

use super::error::storage;
use super::{SqliteMemory, json};
use crate::error::Result;
use crate::memory::words::{for_each_word, is_stop_word};
use crate::memory::{Chunk, ChunkHit, Document, DocumentInfo, DocumentStore, KeywordQuery};

mod write;

const READING: &str = "cannot read documents";

/// Words of a query beyond this many are not looked for.
const MAX_QUERY_WORDS: usize = 64;

/// Documents in a SQLite file.
#[derive(Clone)]
pub struct SqliteDocuments {
    memory: SqliteMemory,
}

impl SqliteDocuments {
    /// The documents in this file.
    pub fn new(memory: SqliteMemory) -> Self {
        Self { memory }
    }
}

#[async_trait]
impl DocumentStore for SqliteDocuments {
    async fn put(&self, collection: &str, document: Document, chunks: Vec<Chunk>) -> Result<()> {
        Box::pin(write::put(&self.memory, collection, vec![(document, chunks)])).await
    }

    async fn put_all(&self, collection: &str, documents: Vec<(Document, Vec<Chunk>)>) -> Result<()> {
        Box::pin(write::put(&self.memory, collection, documents)).await
    }

    async fn remove(&self, collection: &str, sources: &[String]) -> Result<Vec<String>> {
        Box::pin(write::remove(&self.memory, collection, sources)).await
    }

    async fn documents(&self, collection: &str) -> Result<Vec<DocumentInfo>> {
        let mut reader = self.memory.reader().await?;
        let rows = sqlx::query(
            "SELECT d.source, d.content_hash, d.metadata, d.chunks
             FROM documents d JOIN document_collections c ON c.id = d.collection
             WHERE c.name = ? AND d.state = 1 ORDER BY d.source",
        )
        .bind(collection)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))?;
        rows.iter().map(document_info).collect()
    }

    async fn search(&self, collection: &str, query: KeywordQuery) -> Result<Vec<ChunkHit>> {
        let words = query_words(&query.text);
        if words.is_empty() || query.limit == 0 {
            return Ok(Vec::new());
        }
        let mut reader = self.memory.reader().await?;
        // One view of the database, so that no hit is gone before its text is read.
        let mut reader = reader.begin().await.map_err(|error| storage(READING, &error))?;
        let Some(place) = place(&mut reader, collection).await? else { return Ok(Vec::new()) };
        let ranked = ranked(&mut reader, &place, &words, &query).await?;
        let ids: Vec<i64> = ranked.iter().map(|(id, _)| *id).collect();
        let mut chunks = chunks_by_id(&mut reader, &ids).await?;
        let hits = ranked.into_iter();
        Ok(hits.filter_map(|(id, score)| Some(ChunkHit { chunk: chunks.remove(&id)?, score })).collect())
    }

    async fn chunks(&self, collection: &str, ids: &[String]) -> Result<Vec<Chunk>> {
        let mut reader = self.memory.reader().await?;
        let rows = sqlx::query(
            "SELECT k.name, d.source, k.content, k.start_line, k.end_line, k.metadata
             FROM document_collections c JOIN chunks k ON k.collection = c.id
             JOIN documents d ON d.id = k.document
             WHERE c.name = ? AND d.state = 1 AND k.name IN (SELECT value FROM json_each(?))",
        )
        .bind(collection)
        .bind(json::text(ids)?)
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))?;
        let chunks = rows.iter().map(chunk).map(|chunk| chunk.map(|chunk| (chunk.id.clone(), chunk)));
        let chunks: HashMap<String, Chunk> = chunks.collect::<Result<_>>()?;
        Ok(ids.iter().filter_map(|id| chunks.get(id).cloned()).collect())
    }

    async fn scan(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Chunk>> {
        let mut reader = self.memory.reader().await?;
        let rows = sqlx::query(
            "SELECT k.name, d.source, k.content, k.start_line, k.end_line, k.metadata
             FROM document_collections c JOIN chunks k ON k.collection = c.id
             JOIN documents d ON d.id = k.document
             WHERE c.name = ?1 AND d.state = 1 AND (?2 IS NULL OR k.name > ?2) ORDER BY k.name LIMIT ?3",
        )
        .bind(collection)
        .bind(after)
        .bind(sql_limit(limit))
        .fetch_all(&mut *reader)
        .await
        .map_err(|error| storage(READING, &error))?;
        rows.iter().map(chunk).collect()
    }

    async fn version(&self) -> Result<Option<u64>> {
        let mut reader = self.memory.reader().await?;
        let version: i64 = sqlx::query_scalar("SELECT version FROM documents_version")
            .fetch_one(&mut *reader)
            .await
            .map_err(|error| storage(READING, &error))?;
        Ok(u64::try_from(version).ok())
    }

    async fn ping(&self) -> Result<()> {
        let mut reader = self.memory.reader().await?;
        let probe = sqlx::query("SELECT id FROM documents LIMIT 1").fetch_optional(&mut *reader);
        probe.await.map(|_| ()).map_err(|error| storage(READING, &error))
    }
}

impl fmt::Debug for SqliteDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDocuments").finish_non_exhaustive()
    }
}

/// Where a search looks.
struct Place {
    collection: i64,
    /// Whether there is no other collection.
    alone: bool,
}

async fn place(connection: &mut SqliteConnection, collection: &str) -> Result<Option<Place>> {
    let row = sqlx::query(
        "SELECT id, (SELECT count(*) FROM document_collections) = 1 AS alone
         FROM document_collections WHERE name = ?",
    )
    .bind(collection)
    .fetch_optional(connection)
    .await
    .map_err(|error| storage(READING, &error))?;
    row.map(|row| Ok(Place { collection: get(&row, "id")?, alone: get(&row, "alone")? })).transpose()
}

/// The best chunks that match, with their scores; of equally good ones, what was written first.
async fn ranked(
    connection: &mut SqliteConnection,
    place: &Place,
    words: &[String],
    query: &KeywordQuery,
) -> Result<Vec<(i64, f32)>> {
    let expression = match_expression(place, words);
    if query.filter.is_empty() {
        let most = sql_limit(query.limit);
        let (found, read) = best(connection, &expression, query, most).await?;
        if found.len() == query.limit || read < query.limit {
            return Ok(found);
        }
        // Some are of a document that is being replaced.
    }
    Ok(best(connection, &expression, query, -1).await?.0)
}

/// Those of the `most` best matches that can be seen and fit the filter, and how many were looked at for it.
///
/// Everything that matches is ranked out of the index alone, and rows are read for the best only: a row of `chunks` is a
/// page of text, and a question's most frequent word stands in half of them. The limit keeps SQLite from dropping the
/// inner order.
async fn best(
    connection: &mut SqliteConnection,
    expression: &str,
    query: &KeywordQuery,
    most: i64,
) -> Result<(Vec<(i64, f32)>, usize)> {
    let mut rows = sqlx::query(
        "SELECT k.id, k.metadata, best.cost, d.state FROM (
             SELECT rowid AS id, bm25(chunk_words, 0.0, 1.0) AS cost FROM chunk_words
             WHERE chunk_words MATCH ? ORDER BY cost, id LIMIT ?
         ) best CROSS JOIN chunks k ON k.id = best.id CROSS JOIN documents d ON d.id = k.document",
    )
    .bind(expression)
    .bind(most)
    .fetch(connection);
    let (mut found, mut read) = (Vec::new(), 0);
    while found.len() < query.limit {
        let Some(row) = rows.try_next().await.map_err(|error| storage(READING, &error))? else { break };
        read += 1;
        let live = get::<i64>(&row, "state")? == 1;
        if live && (query.filter.is_empty() || query.filter.matches(&json::object(get(&row, "metadata")?)?)) {
            let cost: f64 = get(&row, "cost")?;
            found.push((get(&row, "id")?, -cost as f32));
        }
    }
    Ok((found, read))
}

async fn chunks_by_id(connection: &mut SqliteConnection, ids: &[i64]) -> Result<HashMap<i64, Chunk>> {
    let rows = sqlx::query(
        "SELECT k.id, k.name, d.source, k.content, k.start_line, k.end_line, k.metadata
         FROM chunks k JOIN documents d ON d.id = k.document
         WHERE k.id IN (SELECT value FROM json_each(?))",
    )
    .bind(json::text(ids)?)
    .fetch_all(connection)
    .await
    .map_err(|error| storage(READING, &error))?;
    rows.iter().map(|row| Ok((get(row, "id")?, chunk(row)?))).collect()
}

/// The words to look for, each once. Stop words match nearly everything and say nothing: they count only where there
/// is nothing else.
fn query_words(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let (mut telling, mut stop) = (Vec::new(), Vec::new());
    for_each_word(text, |word| {
        let words = if is_stop_word(word) { &mut stop } else { &mut telling };
        if words.len() < MAX_QUERY_WORDS && seen.insert(word.to_owned()) {
            words.push(word.to_owned());
        }
    });
    if telling.is_empty() { stop } else { telling }
}

/// Any of the words, in this collection. Where there is no other, its own word is left out: every entry has it, and
/// going through all of them can cost more than the search.
fn match_expression(place: &Place, words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
    let words = format!("words : ({})", quoted.join(" OR "));
    if place.alone { words } else { format!("(scope : \"c{}\") AND ({words})", place.collection) }
}

fn document_info(row: &SqliteRow) -> Result<DocumentInfo> {
    let chunks: i64 = get(row, "chunks")?;
    let document = Document {
        source: get(row, "source")?,
        content_hash: get(row, "content_hash")?,
        metadata: json::object(get(row, "metadata")?)?,
    };
    Ok(DocumentInfo { document, chunks: usize::try_from(chunks).unwrap_or_default() })
}

fn chunk(row: &SqliteRow) -> Result<Chunk> {
    Ok(Chunk {
        id: get(row, "name")?,
        source: get(row, "source")?,
        content: get(row, "content")?,
        start_line: get(row, "start_line")?,
        end_line: get(row, "end_line")?,
        metadata: json::object(get(row, "metadata")?)?,
    })
}

fn get<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
    row: &'r SqliteRow,
    column: &'static str,
) -> Result<T> {
    row.try_get(column).map_err(|error| storage(READING, &error))
}

fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
