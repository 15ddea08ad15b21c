//! Shared memory as calls in JSON, for hosts that speak JSON: the knowledge graph, the cache, and texts found by their
//! meaning.

use std::time::Duration;

use bytes::Bytes;
use octollm_core::memory::{
    CacheKey, Filter, NewEntity, NewRelationship, SharedMemory, VectorHit, VectorQuery, VectorRecord,
};
use octollm_core::schema::from_value;
use octollm_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Rows that one call answers at most.
const MOST: usize = 1000;
/// Texts or vectors that one call brings at most.
const MOST_RECORDS: usize = 10_000;
/// The largest value that is cached, in bytes of JSON.
const LARGEST: usize = 4 << 20;

/// One call, told by its `call`.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum MemoryCall {
    /// Adds an entity or merges its properties; answers the entity.
    PutEntity(NewEntity),
    /// Adds or replaces a relationship; answers it.
    PutRelationship(NewRelationship),
    /// Answers the entities with exactly this name.
    EntitiesNamed {
        /// The name.
        name: String,
    },
    /// Answers entities whose name contains a text.
    SearchEntities {
        /// A part of the name.
        text: String,
        /// Only of this type.
        #[serde(default)]
        entity_type: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// Answers `[{relationship, entity}]`, strongest first.
    Neighbours {
        /// The entity.
        id: Uuid,
        /// At most so many.
        limit: usize,
    },
    /// Answers ways from one entity to another, shortest first.
    Paths {
        /// Where they begin.
        from: Uuid,
        /// Where they end.
        to: Uuid,
        /// Relationships of a path at most, 1..=6.
        max_depth: usize,
        /// At most so many.
        limit: usize,
    },
    /// Removes an entity and its relationships; answers whether it was there.
    RemoveEntity {
        /// The entity.
        id: Uuid,
    },
    /// Answers `{"value": ...}`, or null where nothing is kept.
    CacheGet {
        /// What the value depends on.
        key: Value,
    },
    /// Keeps a value.
    CacheSet {
        /// What the value depends on.
        key: Value,
        /// Any JSON.
        value: Value,
        /// How long it is kept.
        ttl_seconds: f64,
    },
    /// Forgets a value.
    CacheRemove {
        /// What the value depends on.
        key: Value,
    },
    /// Keeps texts or vectors, replacing those with the same id.
    Remember {
        /// Made if it is not there.
        collection: String,
        /// What is kept.
        records: Vec<Record>,
    },
    /// Answers what is near: `[{id, score, text?, payload}]`, nearest first.
    Recall {
        /// Where to look.
        collection: String,
        /// Near this text, by the embedder's lights.
        #[serde(default)]
        text: Option<String>,
        /// Near this vector.
        #[serde(default)]
        vector: Option<Vec<f32>>,
        /// At most so many.
        limit: usize,
        /// Conditions on the payload.
        #[serde(default)]
        filter: Filter,
        /// Only those at least this similar, -1..=1.
        #[serde(default)]
        min_score: Option<f32>,
    },
    /// Removes records by id.
    Forget {
        /// Where.
        collection: String,
        /// Which.
        ids: Vec<String>,
    },
    /// Answers how many records a collection has.
    Count {
        /// Which.
        collection: String,
    },
    /// Removes a collection and everything in it.
    DropCollection {
        /// Which.
        collection: String,
    },
    /// Answers one vector for each text.
    Embed {
        /// The texts.
        texts: Vec<String>,
    },
}

/// Something to keep, with a text that is embedded or with a vector.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Unique in its collection.
    pub id: String,
    /// What it says; kept beside the vector.
    #[serde(default)]
    pub text: Option<String>,
    /// Its vector; the text's by default.
    #[serde(default)]
    pub vector: Option<Vec<f32>>,
    /// Labels; filters look here.
    #[serde(default)]
    pub payload: Map<String, Value>,
}

/// The payload's entry that keeps the text.
const TEXT: &str = "text";

impl MemoryCall {
    /// Reads a call.
    ///
    /// # Errors
    /// `invalid_input` says what is wrong.
    pub fn from_value(call: Value) -> Result<Self> {
        let call: Self = from_value(call, "the call of memory")?;
        match &call {
            Self::Remember { records, .. } if records.len() > MOST_RECORDS => Err(too_many(MOST_RECORDS)),
            Self::Embed { texts } if texts.len() > MOST_RECORDS => Err(too_many(MOST_RECORDS)),
            _ => Ok(call),
        }
    }

    /// Does it, and answers JSON.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn on(self, memory: &SharedMemory) -> Result<Value> {
        match self {
            Self::CacheGet { .. } | Self::CacheSet { .. } | Self::CacheRemove { .. } => {
                self.on_cache(memory).await
            }
            Self::Remember { .. }
            | Self::Recall { .. }
            | Self::Forget { .. }
            | Self::Count { .. }
            | Self::DropCollection { .. }
            | Self::Embed { .. } => self.on_vectors(memory).await,
            _ => self.on_graph(memory).await,
        }
    }

    async fn on_graph(self, memory: &SharedMemory) -> Result<Value> {
        let graph = &memory.graph;
        match self {
            Self::PutEntity(entity) => to_json(&graph.put_entity(entity).await?),
            Self::PutRelationship(relationship) => to_json(&graph.put_relationship(relationship).await?),
            Self::EntitiesNamed { name } => to_json(&graph.entities_named(&name).await?),
            Self::SearchEntities { text, entity_type, limit } => {
                let limit = limit.min(MOST);
                to_json(&graph.search_entities(&text, entity_type.as_deref(), limit).await?)
            }
            Self::Neighbours { id, limit } => {
                let found = graph.neighbours(id, limit.min(MOST)).await?;
                let found = found.into_iter();
                Ok(found
                    .map(|(relationship, entity)| json!({"relationship": relationship, "entity": entity}))
                    .collect())
            }
            Self::Paths { from, to, max_depth, limit } => {
                to_json(&graph.paths(from, to, max_depth, limit.min(MOST)).await?)
            }
            Self::RemoveEntity { id } => Ok(graph.remove_entity(id).await?.into()),
            _ => Ok(Value::Null),
        }
    }

    async fn on_cache(self, memory: &SharedMemory) -> Result<Value> {
        let cache = &memory.cache;
        match self {
            Self::CacheGet { key } => match cache.get(&cache_key(&key)).await? {
                None => Ok(Value::Null),
                Some(bytes) => {
                    let value: Value = serde_json::from_slice(&bytes).map_err(|cause| {
                        Error::new(ErrorKind::Storage, "what is cached is no JSON").with_source(cause)
                    })?;
                    Ok(json!({"value": value}))
                }
            },
            Self::CacheSet { key, value, ttl_seconds } => {
                let ttl = Duration::try_from_secs_f64(ttl_seconds).map_err(|_| {
                    Error::new(ErrorKind::InvalidInput, "`ttl_seconds` must be a number of seconds")
                })?;
                let bytes = value.to_string();
                if bytes.len() > LARGEST {
                    return Err(Error::new(ErrorKind::TooLarge, "the value is too large to be cached")
                        .with_context("most_bytes", LARGEST.to_string()));
                }
                cache.set(&cache_key(&key), Bytes::from(bytes), ttl).await?;
                Ok(Value::Null)
            }
            Self::CacheRemove { key } => {
                cache.remove(&cache_key(&key)).await?;
                Ok(Value::Null)
            }
            _ => Ok(Value::Null),
        }
    }

    async fn on_vectors(self, memory: &SharedMemory) -> Result<Value> {
        let vectors = &memory.vectors;
        match self {
            Self::Remember { collection, records } => {
                vectors.ensure(&collection, &memory.embedder.spec()).await?;
                let records = embedded(memory, records).await?;
                vectors.upsert(&collection, records).await?;
                Ok(Value::Null)
            }
            Self::Recall { collection, text, vector, limit, filter, min_score } => {
                let vector = match (vector, text) {
                    (Some(vector), None) => vector,
                    (None, Some(text)) => one(memory.embedder.embed(&[&text]).await?),
                    _ => {
                        return Err(Error::new(
                            ErrorKind::InvalidInput,
                            "give either a `text` or a `vector` to look for",
                        ));
                    }
                };
                let query = VectorQuery { vector, limit: limit.min(MOST), filter, min_score };
                let hits = vectors.search(&collection, query).await?;
                Ok(hits.into_iter().map(hit).collect())
            }
            Self::Forget { collection, ids } => {
                vectors.delete(&collection, &ids).await?;
                Ok(Value::Null)
            }
            Self::Count { collection } => Ok(vectors.count(&collection).await?.into()),
            Self::DropCollection { collection } => {
                vectors.drop_collection(&collection).await?;
                Ok(Value::Null)
            }
            Self::Embed { texts } => {
                let texts: Vec<_> = texts.iter().map(String::as_str).collect();
                to_json(&memory.embedder.embed(&texts).await?)
            }
            _ => Ok(Value::Null),
        }
    }
}

/// A key of the program's own: it never meets one of OctoLLM's, and nothing of it can be read in the store.
fn cache_key(key: &Value) -> CacheKey {
    CacheKey::new("program", [key.to_string()])
}

/// Gives the records that have none their vectors, all in one go.
async fn embedded(memory: &SharedMemory, records: Vec<Record>) -> Result<Vec<VectorRecord>> {
    let texts: Vec<_> = records.iter().filter(|record| record.vector.is_none()).collect();
    if texts.iter().any(|record| record.text.is_none()) {
        return Err(Error::new(ErrorKind::InvalidInput, "a record needs a `text` or a `vector`"));
    }
    let texts: Vec<_> = texts.into_iter().filter_map(|record| record.text.as_deref()).collect();
    let made = if texts.is_empty() { Vec::new() } else { memory.embedder.embed(&texts).await? };
    let mut made = made.into_iter();
    let complete = |record: Record| {
        let vector = record.vector.or_else(|| made.next()).unwrap_or_default();
        let mut payload = record.payload;
        if let Some(text) = record.text {
            payload.insert(TEXT.into(), text.into());
        }
        VectorRecord { id: record.id, vector, payload }
    };
    Ok(records.into_iter().map(complete).collect())
}

fn one(vectors: Vec<Vec<f32>>) -> Vec<f32> {
    vectors.into_iter().next().unwrap_or_default()
}

fn hit(hit: VectorHit) -> Value {
    let VectorHit { id, score, mut payload } = hit;
    let text = payload.remove(TEXT);
    json!({"id": id, "score": score, "text": text, "payload": payload})
}

fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|cause| Error::new(ErrorKind::Internal, "an answer is no JSON").with_source(cause))
}

fn too_many(most: usize) -> Error {
    Error::new(ErrorKind::TooLarge, "one call brings too much")
        .with_context("most", most.to_string())
        .with_hint("divide it")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn on(memory: &SharedMemory, call: Value) -> Result<Value> {
        MemoryCall::from_value(call)?.on(memory).await
    }

    #[tokio::test]
    async fn the_graph_answers_what_was_told() {
        let memory = SharedMemory::in_process().await.unwrap();
        let put = |name: &str| json!({"call": "put_entity", "entity_type": "person", "name": name});
        let ada = on(&memory, put("Ada")).await.unwrap();
        let mary = on(&memory, put("Mary")).await.unwrap();
        let knows = json!({"call": "put_relationship", "from_entity_id": ada["id"], "to_entity_id": mary["id"],
            "relationship_type": "knows", "strength": 0.5});
        on(&memory, knows).await.unwrap();
        let near = on(&memory, json!({"call": "neighbours", "id": ada["id"], "limit": 5})).await.unwrap();
        assert_eq!(near[0]["entity"]["name"], "Mary");
        let paths = json!({"call": "paths", "from": ada["id"], "to": mary["id"], "max_depth": 2, "limit": 5});
        assert_eq!(on(&memory, paths).await.unwrap().as_array().unwrap().len(), 1);
        let removed = on(&memory, json!({"call": "remove_entity", "id": mary["id"]})).await.unwrap();
        assert_eq!(removed, true);
        assert_eq!(on(&memory, json!({"call": "entities_named", "name": "Mary"})).await.unwrap(), json!([]));
    }

    #[tokio::test]
    async fn null_is_a_value_of_the_cache_too() {
        let memory = SharedMemory::in_process().await.unwrap();
        let get = || json!({"call": "cache_get", "key": ["a", 1]});
        assert_eq!(on(&memory, get()).await.unwrap(), Value::Null);
        let set = json!({"call": "cache_set", "key": ["a", 1], "value": null, "ttl_seconds": 60});
        on(&memory, set).await.unwrap();
        assert_eq!(on(&memory, get()).await.unwrap(), json!({"value": null}));
        on(&memory, json!({"call": "cache_remove", "key": ["a", 1]})).await.unwrap();
        assert_eq!(on(&memory, get()).await.unwrap(), Value::Null);
    }

    #[tokio::test]
    async fn texts_are_found_by_what_they_say() {
        let memory = SharedMemory::in_process().await.unwrap();
        let records = json!([
            {"id": "1", "text": "An octopus has three hearts", "payload": {"kind": "fact"}},
            {"id": "2", "text": "The train leaves at noon"},
        ]);
        on(&memory, json!({"call": "remember", "collection": "notes", "records": records})).await.unwrap();
        let recall =
            json!({"call": "recall", "collection": "notes", "text": "hearts of an octopus", "limit": 1});
        let found = on(&memory, recall).await.unwrap();
        assert_eq!((&found[0]["id"], &found[0]["payload"]), (&json!("1"), &json!({"kind": "fact"})));
        assert_eq!(found[0]["text"], "An octopus has three hearts");
        on(&memory, json!({"call": "forget", "collection": "notes", "ids": ["1"]})).await.unwrap();
        assert_eq!(on(&memory, json!({"call": "count", "collection": "notes"})).await.unwrap(), 1);
        let wrong = json!({"call": "remember", "collection": "notes", "records": [{"id": "3"}]});
        assert_eq!(on(&memory, wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for call in [json!({"call": "drop_database"}), json!({"call": "count"}), json!("count")] {
            assert_eq!(MemoryCall::from_value(call).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
