//! How documents are written: in transactions of bounded size, so that a long one never holds up the journal, and yet
//! at once for everybody who reads.

use std::sync::Arc;

use serde_json::{Map, Value};
use sqlx::{Row, SqliteConnection};

use super::json;
use crate::error::{Error, ErrorKind, Result, Status};
use crate::memory::sqlite::error::storage;
use crate::memory::sqlite::{SqliteMemory, blocking};
use crate::memory::words::for_each_word;
use crate::memory::{Chunk, Document};

const WRITING: &str = "cannot write documents";

/// What one transaction writes at most: a few milliseconds of work.
const BATCH_CHUNKS: usize = 128;
const BATCH_BYTES: usize = 256 << 10;

/// Sources whose documents one transaction marks as gone.
const BATCH_SOURCES: usize = 256;

/// A chunk as it is stored.
struct ChunkRow {
    chunk: Chunk,
    metadata: String,
    words: String,
}

/// Chunks of one document that are written in one transaction.
struct Part<C> {
    document: Arc<Document>,
    /// Of all of the document.
    count: usize,
    chunks: Vec<C>,
    /// Whether the document is whole with them.
    last: bool,
}

/// Writes documents, small ones several to a transaction and a large one in several. Each appears at once for everybody.
pub(super) async fn put(
    memory: &SqliteMemory,
    collection: &str,
    documents: Vec<(Document, Vec<Chunk>)>,
) -> Result<()> {
    // The document of which a part is written already.
    let mut staged = None;
    for portion in portions(documents) {
        let parts = blocking(move || portion.into_iter().map(rows).collect::<Result<Vec<_>>>()).await?;
        let mut writer = memory.writer().await?;
        let mut transaction = writer.begin().await?;
        for Part { document, count, chunks, last } in parts {
            let id = match staged.take() {
                Some(id) => id,
                None => stage(&mut transaction, collection, &document, count).await?,
            };
            insert(&mut transaction, id, chunks).await?;
            if last {
                publish(&mut transaction, id).await?;
                sweep_some(&mut transaction).await?;
            } else {
                staged = Some(id);
            }
        }
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
    }
    sweep(memory).await
}

pub(super) async fn remove(
    memory: &SqliteMemory,
    collection: &str,
    sources: &[String],
) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for sources in sources.chunks(BATCH_SOURCES) {
        let sources = json::text(sources)?;
        let mut writer = memory.writer().await?;
        let mut transaction = writer.begin().await?;
        let chunks: Vec<String> = sqlx::query_scalar(
            "SELECT k.name FROM document_collections c
             JOIN documents d ON d.collection = c.id AND d.state = 1 JOIN chunks k ON k.document = d.id
             WHERE c.name = ? AND d.source IN (SELECT value FROM json_each(?)) ORDER BY k.name",
        )
        .bind(collection)
        .bind(&sources)
        .fetch_all(&mut *transaction)
        .await
        .map_err(|error| storage(WRITING, &error))?;
        sqlx::query(
            "UPDATE documents SET state = 2
             WHERE collection = (SELECT id FROM document_collections WHERE name = ?)
             AND state = 1 AND source IN (SELECT value FROM json_each(?))",
        )
        .bind(collection)
        .bind(&sources)
        .execute(&mut *transaction)
        .await
        .map_err(|error| storage(WRITING, &error))?;
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
        gone.extend(chunks);
    }
    sweep(memory).await?;
    Ok(gone)
}

/// What is written in one transaction each, in order; a document without chunks has one part without any.
fn portions(documents: Vec<(Document, Vec<Chunk>)>) -> Vec<Vec<Part<Chunk>>> {
    let mut portions = vec![Vec::new()];
    let (mut room, mut bytes) = (BATCH_CHUNKS, BATCH_BYTES);
    for (document, chunks) in documents {
        let (document, count) = (Arc::new(document), chunks.len());
        if room == 0 {
            portions.push(Vec::new());
            (room, bytes) = (BATCH_CHUNKS, BATCH_BYTES);
        }
        let part = || Part { document: Arc::clone(&document), count, chunks: Vec::new(), last: false };
        let mut open = part();
        for chunk in chunks {
            let begun = room < BATCH_CHUNKS;
            if begun && (room == 0 || bytes < chunk.content.len()) {
                close(&mut portions, std::mem::replace(&mut open, part()));
                portions.push(Vec::new());
                (room, bytes) = (BATCH_CHUNKS, BATCH_BYTES);
            }
            (room, bytes) = (room - 1, bytes.saturating_sub(chunk.content.len()));
            open.chunks.push(chunk);
        }
        open.last = true;
        room -= usize::from(count == 0);
        close(&mut portions, open);
    }
    portions.retain(|portion| !portion.is_empty());
    portions
}

fn close(portions: &mut [Vec<Part<Chunk>>], part: Part<Chunk>) {
    if let Some(portion) = portions.last_mut().filter(|_| part.last || !part.chunks.is_empty()) {
        portion.push(part);
    }
}

/// Takes the texts apart. Not for an async thread, and done before the transaction.
fn rows(part: Part<Chunk>) -> Result<Part<ChunkRow>> {
    let Part { document, count, chunks, last } = part;
    let row = |chunk: Chunk| {
        let metadata = json::text(&chunk_labels(&document.source, &document.metadata, &chunk.metadata))?;
        Ok(ChunkRow { metadata, words: words_of(&chunk), chunk })
    };
    let chunks = chunks.into_iter().map(row).collect::<Result<_>>()?;
    Ok(Part { document, count, chunks, last })
}

/// A chunk carries its document's labels and its source.
fn chunk_labels(
    source: &str,
    document: &Map<String, Value>,
    chunk: &Map<String, Value>,
) -> Map<String, Value> {
    let mut labels = document.clone();
    labels.extend(chunk.clone());
    labels.insert("source".to_owned(), source.into());
    labels
}

/// The words that a chunk is found by: those of its headings and of its text.
fn words_of(chunk: &Chunk) -> String {
    let heading = chunk.metadata.get("heading").and_then(Value::as_str).unwrap_or_default();
    let mut words = String::with_capacity(heading.len() + chunk.content.len());
    for text in [heading, &chunk.content] {
        for_each_word(text, |word| {
            words.push_str(word);
            words.push(' ');
        });
    }
    words
}

/// Begins a document that nobody sees yet. What an interrupted writer left of it is given up.
async fn stage(
    connection: &mut SqliteConnection,
    collection: &str,
    document: &Document,
    chunks: usize,
) -> Result<i64> {
    let failed = |error: sqlx::Error| storage(WRITING, &error);
    sqlx::query("INSERT INTO document_collections (name) VALUES (?) ON CONFLICT DO NOTHING")
        .bind(collection)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let collection: i64 = sqlx::query_scalar("SELECT id FROM document_collections WHERE name = ?")
        .bind(collection)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query("UPDATE documents SET state = 2 WHERE collection = ? AND source = ? AND state = 0")
        .bind(collection)
        .bind(&document.source)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query_scalar(
        "INSERT INTO documents (collection, source, content_hash, metadata, chunks, state)
         VALUES (?, ?, ?, ?, ?, 0) RETURNING id",
    )
    .bind(collection)
    .bind(&document.source)
    .bind(&document.content_hash)
    .bind(json::text(&document.metadata)?)
    .bind(i64::try_from(chunks).unwrap_or(i64::MAX))
    .fetch_one(connection)
    .await
    .map_err(failed)
}

async fn insert(connection: &mut SqliteConnection, document: i64, rows: Vec<ChunkRow>) -> Result<()> {
    for row in rows {
        let inserted = sqlx::query(
            "INSERT INTO chunks (document, collection, name, start_line, end_line, metadata, content)
             SELECT id, collection, ?, ?, ?, ?, ? FROM documents WHERE id = ? RETURNING id, collection",
        )
        .bind(&row.chunk.id)
        .bind(row.chunk.start_line)
        .bind(row.chunk.end_line)
        .bind(&row.metadata)
        .bind(&row.chunk.content)
        .bind(document)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| storage(WRITING, &error))?;
        let (id, collection): (i64, i64) = (inserted.get(0), inserted.get(1));
        sqlx::query("INSERT INTO chunk_words (rowid, scope, words) VALUES (?, ?, ?)")
            .bind(id)
            .bind(format!("c{collection}"))
            .bind(&row.words)
            .execute(&mut *connection)
            .await
            .map_err(|error| storage(WRITING, &error))?;
    }
    Ok(())
}

/// Puts the staged document in the place of the one before, at once for everybody.
async fn publish(connection: &mut SqliteConnection, document: i64) -> Result<()> {
    sqlx::query(
        "UPDATE documents SET state = 2 WHERE state = 1
         AND (collection, source) = (SELECT collection, source FROM documents WHERE id = ?)",
    )
    .bind(document)
    .execute(&mut *connection)
    .await
    .map_err(|error| storage(WRITING, &error))?;
    let published = sqlx::query("UPDATE documents SET state = 1 WHERE id = ? AND state = 0")
        .bind(document)
        .execute(connection)
        .await
        .map_err(|error| storage(WRITING, &error))?;
    if published.rows_affected() == 1 { Ok(()) } else { Err(overtaken()) }
}

fn overtaken() -> Error {
    Error::new(ErrorKind::Conflict, "another writer replaced the document at the same time")
        .with_status(Status::Temporary)
        .with_hint("write it again if this content is the newer one")
}

/// Takes away what is dead, a portion at a time.
async fn sweep(memory: &SqliteMemory) -> Result<()> {
    while has_dead(memory).await? {
        let mut writer = memory.writer().await?;
        let mut transaction = writer.begin().await?;
        sweep_some(&mut transaction).await?;
        transaction.commit().await.map_err(|error| storage(WRITING, &error))?;
    }
    Ok(())
}

async fn has_dead(memory: &SqliteMemory) -> Result<bool> {
    let mut reader = memory.reader().await?;
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM documents WHERE state = 2)")
        .fetch_one(&mut *reader)
        .await
        .map_err(|error| storage(WRITING, &error))
}

async fn sweep_some(connection: &mut SqliteConnection) -> Result<()> {
    let failed = |error: sqlx::Error| storage(WRITING, &error);
    let dead: Vec<i64> = sqlx::query_scalar(
        "SELECT k.id FROM documents d JOIN chunks k ON k.document = d.id WHERE d.state = 2 LIMIT ?",
    )
    .bind(BATCH_CHUNKS as i64)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let dead = json::text(&dead)?;
    for statement in [
        "DELETE FROM chunk_words WHERE rowid IN (SELECT value FROM json_each(?))",
        "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?))",
    ] {
        sqlx::query(statement).bind(&dead).execute(&mut *connection).await.map_err(failed)?;
    }
    let empty = "DELETE FROM documents
                 WHERE state = 2 AND NOT EXISTS (SELECT 1 FROM chunks WHERE document = documents.id)";
    sqlx::query(empty).execute(connection).await.map_err(failed)?;
    Ok(())
}

/// What a writer leaves that dies after its first transaction.
#[cfg(test)]
pub(super) async fn stage_for_test(
    memory: &SqliteMemory,
    collection: &str,
    document: &Document,
    content: &str,
) {
    let chunk = Chunk {
        id: "0".into(),
        source: document.source.clone(),
        content: content.into(),
        start_line: 1,
        end_line: 1,
        metadata: Map::new(),
    };
    let part = Part { document: Arc::new(document.clone()), count: 1, chunks: vec![chunk], last: false };
    let rows = rows(part).unwrap().chunks;
    let mut writer = memory.writer().await.unwrap();
    let mut transaction = writer.begin().await.unwrap();
    let id = stage(&mut transaction, collection, document, 1).await.unwrap();
    insert(&mut transaction, id, rows).await.unwrap();
    transaction.commit().await.unwrap();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(bytes: usize) -> Chunk {
        let content = "x".repeat(bytes);
        Chunk {
            id: String::new(),
            source: String::new(),
            content,
            start_line: 1,
            end_line: 1,
            metadata: Map::new(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What the journal has to wait for: a batch, or a single chunk that is larger than one.
        #[test]
        fn no_transaction_writes_more_than_a_batch(
            documents in prop::collection::vec(prop::collection::vec(0_usize..200_000, 0..200), 0..5),
        ) {
            let document = |source: usize| Document {
                source: source.to_string(),
                content_hash: String::new(),
                metadata: Map::new(),
            };
            let all = documents.iter().enumerate();
            let all = all.map(|(source, sizes)| (document(source), sizes.iter().map(|bytes| chunk(*bytes)).collect()));
            let portions = portions(all.collect());
            for portion in &portions {
                let sizes = || portion.iter().flat_map(|part| &part.chunks).map(|chunk| chunk.content.len());
                let (count, bytes) = (sizes().count(), sizes().sum::<usize>());
                prop_assert!(count <= BATCH_CHUNKS && (bytes <= BATCH_BYTES || count == 1));
            }
            let mut written: Vec<Vec<usize>> = vec![Vec::new()];
            for part in portions.into_iter().flatten() {
                prop_assert_eq!(part.document.source.clone(), (written.len() - 1).to_string());
                prop_assert_eq!(part.count, documents[written.len() - 1].len());
                if let Some(document) = written.last_mut() {
                    document.extend(part.chunks.iter().map(|chunk| chunk.content.len()));
                }
                if part.last {
                    written.push(Vec::new());
                }
            }
            written.pop();
            prop_assert_eq!(written, documents);
        }
    }
}
