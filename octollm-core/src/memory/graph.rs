//! The knowledge graph: named things and how they relate.

pub(crate) mod paths;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::task::Timestamp;

/// Entities and relationships between them.
#[async_trait]
pub trait KnowledgeGraph: Send + Sync {
    /// Adds an entity, or merges the properties into the one with this name and type: a property that is given replaces
    /// the one that was there, `null` removes it, the others stay.
    ///
    /// # Errors
    /// `invalid_input` for an empty name or type.
    async fn put_entity(&self, entity: NewEntity) -> Result<Entity>;

    /// Adds a relationship, or replaces properties and strength of the one with these ends and this type.
    ///
    /// # Errors
    /// `not_found` if an end does not exist; `invalid_input` for an empty type or a strength outside 0..=1. A `null`
    /// property is left out.
    async fn put_relationship(&self, relationship: NewRelationship) -> Result<Relationship>;

    /// The entities with exactly this name, by type.
    ///
    /// # Errors
    /// `storage`.
    async fn entities_named(&self, name: &str) -> Result<Vec<Entity>>;

    /// Entities whose name contains `text` (case-insensitively for ASCII), by name, `limit` at most.
    ///
    /// # Errors
    /// `storage`.
    async fn search_entities(
        &self,
        text: &str,
        entity_type: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entity>>;

    /// The relationships of an entity in both directions, strongest first, each with the entity at the other end.
    ///
    /// # Errors
    /// `storage`.
    async fn neighbours(&self, id: Uuid, limit: usize) -> Result<Vec<(Relationship, Entity)>>;

    /// Paths from one entity to another along the direction of the relationships, shortest first, without visiting an
    /// entity twice; `max_depth` (1..=6) relationships and `limit` paths at most. From an entity to itself there is none.
    /// The work is bounded: where more than 10,000 relationships are within reach, paths over the nearest and strongest
    /// of them are found.
    ///
    /// # Errors
    /// `invalid_input` for a depth outside 1..=6.
    async fn paths(&self, from: Uuid, to: Uuid, max_depth: usize, limit: usize) -> Result<Vec<Path>>;

    /// Removes an entity and every relationship that it has; answers whether it was there.
    ///
    /// # Errors
    /// `storage`.
    async fn remove_entity(&self, id: Uuid) -> Result<bool>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// `storage`.
    async fn ping(&self) -> Result<()>;
}

/// An entity to add.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewEntity {
    /// What kind of thing it is: `person`, `library`.
    pub entity_type: String,
    /// Its name; unique together with the type.
    pub name: String,
    /// What is known about it.
    #[serde(default)]
    pub properties: Map<String, Value>,
}

/// A thing that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entity {
    /// Names it for good.
    pub id: Uuid,
    /// What kind of thing it is.
    pub entity_type: String,
    /// Its name; unique together with the type.
    pub name: String,
    /// What is known about it.
    pub properties: Map<String, Value>,
    /// When it was first known.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A relationship to add.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewRelationship {
    /// From this entity.
    pub from_entity_id: Uuid,
    /// To this entity.
    pub to_entity_id: Uuid,
    /// How they relate: `wrote`, `depends_on`.
    pub relationship_type: String,
    /// What is known about it.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// 0..=1.
    pub strength: f64,
}

/// How two things relate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Relationship {
    /// Names it for good.
    pub id: Uuid,
    /// From this entity.
    pub from_entity_id: Uuid,
    /// To this entity.
    pub to_entity_id: Uuid,
    /// How they relate.
    pub relationship_type: String,
    /// What is known about it.
    pub properties: Map<String, Value>,
    /// 0..=1.
    pub strength: f64,
    /// When it was first known.
    pub created_at: Timestamp,
}

/// A way from one entity to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Path {
    /// The relationships, in order; the first starts where the path does.
    pub relationships: Vec<Relationship>,
}

/// Refuses an entity that could not be found again.
pub(crate) fn check_entity(entity: &NewEntity) -> Result<()> {
    named("the entity's name", &entity.name)?;
    named("the entity's type", &entity.entity_type)
}

/// Refuses a relationship that says nothing.
pub(crate) fn check_relationship(relationship: &NewRelationship) -> Result<()> {
    named("the relationship's type", &relationship.relationship_type)?;
    if (0.0..=1.0).contains(&relationship.strength) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "the relationship's strength must be 0 to 1"))
}

/// An end of a relationship does not exist.
pub(crate) fn unknown_entity(id: Uuid) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such entity").with_context("entity", id.to_string())
}

/// Property by property: a value replaces, `null` removes.
pub(crate) fn merge_properties(properties: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            properties.remove(&name);
        } else {
            properties.insert(name, value);
        }
    }
}

fn named(what: &'static str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{what} must not be empty")));
    }
    Ok(())
}
