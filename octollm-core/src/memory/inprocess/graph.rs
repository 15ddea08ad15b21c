//! A knowledge graph in this process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Map;
use uuid::Uuid;

use crate::error::Result;
use crate::memory::graph::paths::{Neighbourhood, check_depth};
use crate::memory::graph::{check_entity, check_relationship, merge_properties, unknown_entity};
use crate::memory::{Entity, KnowledgeGraph, NewEntity, NewRelationship, Path, Relationship};
use crate::task::now;

/// A knowledge graph in this process. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct InProcessGraph {
    graph: Arc<Mutex<Graph>>,
}

#[derive(Default)]
struct Graph {
    entities: HashMap<Uuid, Entity>,
    /// By name, then by type: the order in which they are listed.
    by_name: BTreeMap<(String, String), Uuid>,
    relationships: HashMap<Uuid, Relationship>,
    /// From, to, type.
    by_ends: BTreeMap<(Uuid, Uuid, String), Uuid>,
    /// The relationships of an entity, in both directions.
    touching: HashMap<Uuid, BTreeSet<Uuid>>,
}

impl InProcessGraph {
    /// A graph without entities.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, run: impl FnOnce(&mut Graph) -> T) -> T {
        run(&mut self.graph.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Graph {
    fn put_entity(&mut self, new: NewEntity) -> Entity {
        let time = now();
        let key = (new.name.clone(), new.entity_type.clone());
        let id = *self.by_name.entry(key).or_insert_with(Uuid::now_v7);
        let entity = self.entities.entry(id).or_insert_with(|| Entity {
            id,
            entity_type: new.entity_type,
            name: new.name,
            properties: Map::new(),
            created_at: time,
            updated_at: time,
        });
        merge_properties(&mut entity.properties, new.properties);
        entity.updated_at = time;
        entity.clone()
    }

    fn put_relationship(&mut self, new: NewRelationship) -> Result<Relationship> {
        let (from, to) = (new.from_entity_id, new.to_entity_id);
        for end in [from, to] {
            if !self.entities.contains_key(&end) {
                return Err(unknown_entity(end));
            }
        }
        let ends = (from, to, new.relationship_type.clone());
        let id = *self.by_ends.entry(ends).or_insert_with(Uuid::now_v7);
        let relationship = self.relationships.entry(id).or_insert_with(|| Relationship {
            id,
            from_entity_id: from,
            to_entity_id: to,
            relationship_type: new.relationship_type,
            properties: Map::new(),
            strength: new.strength,
            created_at: now(),
        });
        relationship.strength = new.strength;
        relationship.properties.clear();
        merge_properties(&mut relationship.properties, new.properties);
        for end in [from, to] {
            self.touching.entry(end).or_default().insert(id);
        }
        Ok(relationship.clone())
    }

    fn touching(&self, id: Uuid) -> Vec<&Relationship> {
        let ids = self.touching.get(&id).into_iter().flatten();
        let mut found: Vec<_> = ids.filter_map(|id| self.relationships.get(id)).collect();
        found.sort_by(|a, b| b.strength.total_cmp(&a.strength).then_with(|| a.id.cmp(&b.id)));
        found
    }

    fn neighbours(&self, id: Uuid, limit: usize) -> Vec<(Relationship, Entity)> {
        let other = |found: &Relationship| {
            if found.from_entity_id == id { found.to_entity_id } else { found.from_entity_id }
        };
        let pairs = self.touching(id).into_iter().filter_map(|found| {
            self.entities.get(&other(found)).map(|entity| (found.clone(), entity.clone()))
        });
        pairs.take(limit).collect()
    }

    fn leaving(&self, entities: &[Uuid], limit: usize) -> Vec<Relationship> {
        let leaving = |id: &Uuid| {
            let id = *id;
            self.touching(id).into_iter().filter(move |found| found.from_entity_id == id).cloned()
        };
        entities.iter().flat_map(leaving).take(limit).collect()
    }

    fn neighbourhood(&self, from: Uuid, depth: usize) -> Neighbourhood {
        let mut reach = Neighbourhood::from(from);
        for _ in 0..depth {
            let leaving = self.leaving(reach.frontier(), reach.room());
            reach.extend(leaving);
        }
        reach
    }

    fn remove_entity(&mut self, id: Uuid) -> bool {
        let Some(entity) = self.entities.remove(&id) else { return false };
        self.by_name.remove(&(entity.name, entity.entity_type));
        for relationship in self.touching.remove(&id).into_iter().flatten() {
            let Some(gone) = self.relationships.remove(&relationship) else { continue };
            for end in [gone.from_entity_id, gone.to_entity_id] {
                if let Some(touching) = self.touching.get_mut(&end) {
                    touching.remove(&relationship);
                }
            }
            self.by_ends.remove(&(gone.from_entity_id, gone.to_entity_id, gone.relationship_type));
        }
        true
    }
}

#[async_trait]
impl KnowledgeGraph for InProcessGraph {
    async fn put_entity(&self, entity: NewEntity) -> Result<Entity> {
        check_entity(&entity)?;
        Ok(self.with(|graph| graph.put_entity(entity)))
    }

    async fn put_relationship(&self, relationship: NewRelationship) -> Result<Relationship> {
        check_relationship(&relationship)?;
        self.with(|graph| graph.put_relationship(relationship))
    }

    async fn entities_named(&self, name: &str) -> Result<Vec<Entity>> {
        let first = (name.to_owned(), String::new());
        Ok(self.with(|graph| {
            let named = graph.by_name.range(first..).take_while(|((found, _), _)| found == name);
            named.filter_map(|(_, id)| graph.entities.get(id).cloned()).collect()
        }))
    }

    async fn search_entities(
        &self,
        text: &str,
        entity_type: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entity>> {
        let text = text.to_ascii_lowercase();
        Ok(self.with(|graph| {
            let ids = graph.by_name.iter().filter(|((name, found_type), _)| {
                entity_type.is_none_or(|wanted| wanted == found_type)
                    && name.to_ascii_lowercase().contains(&text)
            });
            ids.filter_map(|(_, id)| graph.entities.get(id).cloned()).take(limit).collect()
        }))
    }

    async fn neighbours(&self, id: Uuid, limit: usize) -> Result<Vec<(Relationship, Entity)>> {
        Ok(self.with(|graph| graph.neighbours(id, limit)))
    }

    async fn paths(&self, from: Uuid, to: Uuid, max_depth: usize, limit: usize) -> Result<Vec<Path>> {
        check_depth(max_depth)?;
        let reach = self.with(|graph| graph.neighbourhood(from, max_depth));
        reach.walk(from, to, max_depth, limit).await
    }

    async fn remove_entity(&self, id: Uuid) -> Result<bool> {
        Ok(self.with(|graph| graph.remove_entity(id)))
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for InProcessGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessGraph").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph::graph_suite;

    #[tokio::test]
    async fn behaves_as_a_knowledge_graph() {
        graph_suite(|| async { InProcessGraph::new() }).await;
    }
}
