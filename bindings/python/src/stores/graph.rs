//! The knowledge graph in Python. Names, strengths and depths are checked here, so that a store need not.

use async_trait::async_trait;
use octollm_core::memory::{Entity, KnowledgeGraph, NewEntity, NewRelationship, Path, Relationship};
use octollm_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Store;
use crate::arm::Registration;

/// Relationships that a path has at most.
const MAX_DEPTH: usize = 6;

pub(crate) struct PythonGraph(Store);

impl PythonGraph {
    pub(crate) fn new(part: Registration) -> Self {
        Self(Store::new("graph", part))
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[async_trait]
impl KnowledgeGraph for PythonGraph {
    async fn put_entity(&self, entity: NewEntity) -> Result<Entity> {
        if entity.name.trim().is_empty() || entity.entity_type.trim().is_empty() {
            return Err(invalid("the entity's name and type must not be empty"));
        }
        self.0.ask(json!({"call": "put_entity", "entity": entity})).await
    }

    async fn put_relationship(&self, mut relationship: NewRelationship) -> Result<Relationship> {
        if relationship.relationship_type.trim().is_empty() {
            return Err(invalid("the relationship's type must not be empty"));
        }
        if !(0.0..=1.0).contains(&relationship.strength) {
            return Err(invalid("the relationship's strength must be 0 to 1"));
        }
        relationship.properties.retain(|_, value| !value.is_null());
        let put = json!({"call": "put_relationship", "relationship": relationship});
        let put: Option<Relationship> = self.0.ask(put).await?;
        put.ok_or_else(|| Error::new(ErrorKind::NotFound, "an end of the relationship does not exist"))
    }

    async fn entities_named(&self, name: &str) -> Result<Vec<Entity>> {
        self.0.ask(json!({"call": "entities_named", "name": name})).await
    }

    async fn search_entities(
        &self,
        text: &str,
        entity_type: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entity>> {
        let asked =
            json!({"call": "search_entities", "text": text, "entity_type": entity_type, "limit": limit});
        self.0.ask(asked).await
    }

    async fn neighbours(&self, id: Uuid, limit: usize) -> Result<Vec<(Relationship, Entity)>> {
        self.0.ask(json!({"call": "neighbours", "id": id, "limit": limit})).await
    }

    async fn paths(&self, from: Uuid, to: Uuid, max_depth: usize, limit: usize) -> Result<Vec<Path>> {
        if !(1..=MAX_DEPTH).contains(&max_depth) {
            return Err(invalid("the depth of paths must be 1 to 6"));
        }
        if from == to {
            return Ok(Vec::new());
        }
        let asked = json!({"call": "paths", "from": from, "to": to, "max_depth": max_depth, "limit": limit});
        let paths: Vec<Vec<Value>> = self.0.ask(asked).await?;
        paths.into_iter().map(|hops| self.path(hops)).collect()
    }

    async fn remove_entity(&self, id: Uuid) -> Result<bool> {
        self.0.ask(json!({"call": "remove_entity", "id": id})).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}

impl PythonGraph {
    fn path(&self, hops: Vec<Value>) -> Result<Path> {
        octollm_core::schema::from_value(json!({"relationships": hops}), "a path of the program's own graph")
    }
}
