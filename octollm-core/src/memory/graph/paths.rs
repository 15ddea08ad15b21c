//! Paths between two entities, the same for every backend: a backend answers the relationships that leave some
//! entities, and the walk happens here, over memory.
//!
//! The walk is bounded whatever the graph looks like. It looks at [`MAX_EDGES`] relationships at most, and it only
//! follows one where the goal is still within reach, so that a dense neighbourhood that leads nowhere costs nothing.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Path, Relationship};
use crate::error::{Error, ErrorKind, Result};

/// Relationships that one question looks at, at most. Beyond it the nearest and strongest are what counts.
pub(crate) const MAX_EDGES: usize = 10_000;

/// Relationships that the walk tries at most, counting each time it comes by.
const MAX_STEPS: usize = 100_000;

/// Longest path, in relationships.
const MAX_DEPTH: usize = 6;

/// Refuses a depth that the trait does not allow.
pub(crate) fn check_depth(max_depth: usize) -> Result<()> {
    if (1..=MAX_DEPTH).contains(&max_depth) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, "the depth of a path must be 1 to 6")
        .with_context("max_depth", max_depth.to_string()))
}

/// The part of a graph that can be reached from an entity, gathered level by level.
pub(crate) struct Neighbourhood {
    leaving: HashMap<Uuid, Vec<Relationship>>,
    seen: HashSet<Uuid>,
    frontier: Vec<Uuid>,
    edges: usize,
}

impl Neighbourhood {
    /// Nothing but the start.
    pub(crate) fn from(start: Uuid) -> Self {
        Self { leaving: HashMap::new(), seen: HashSet::from([start]), frontier: vec![start], edges: 0 }
    }

    /// The entities whose leaving relationships are wanted next; none if there is nothing left to look at.
    pub(crate) fn frontier(&self) -> &[Uuid] {
        &self.frontier
    }

    /// How many more relationships may be added.
    pub(crate) fn room(&self) -> usize {
        MAX_EDGES - self.edges
    }

    /// Adds what leaves the frontier, and moves the frontier to the entities that are new.
    pub(crate) fn extend(&mut self, leaving: Vec<Relationship>) {
        self.frontier.clear();
        for relationship in leaving.into_iter().take(self.room()) {
            self.edges += 1;
            if self.seen.insert(relationship.to_entity_id) {
                self.frontier.push(relationship.to_entity_id);
            }
            self.leaving.entry(relationship.from_entity_id).or_default().push(relationship);
        }
        if self.room() == 0 {
            self.frontier.clear();
        }
    }

    /// Paths that visit no entity twice, shortest first; found where it holds up nobody.
    ///
    /// # Errors
    /// `internal` if the walk broke off.
    pub(crate) async fn walk(
        self,
        from: Uuid,
        to: Uuid,
        max_depth: usize,
        limit: usize,
    ) -> Result<Vec<Path>> {
        tokio::task::spawn_blocking(move || self.paths(from, to, max_depth, limit))
            .await
            .map_err(|cause| Error::new(ErrorKind::Internal, "the walk broke off").with_source(cause))
    }

    fn paths(&self, from: Uuid, to: Uuid, max_depth: usize, limit: usize) -> Vec<Path> {
        let distances = self.distances_to(to, max_depth);
        let shortest = distances.get(&from).copied().unwrap_or(usize::MAX);
        let mut walk =
            Walk { reach: self, distances, from, to, limit, steps: 0, path: Vec::new(), found: Vec::new() };
        for length in shortest.max(1)..=max_depth {
            walk.extend(from, length);
        }
        walk.found
    }

    /// How many relationships every entity is away from `to`.
    fn distances_to(&self, to: Uuid, max_depth: usize) -> HashMap<Uuid, usize> {
        let mut arriving: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for relationship in self.leaving.values().flatten() {
            arriving.entry(relationship.to_entity_id).or_default().push(relationship.from_entity_id);
        }
        let mut distances = HashMap::from([(to, 0)]);
        let mut frontier = vec![to];
        for distance in 1..=max_depth {
            let mut before = Vec::new();
            for entity in frontier.iter().flat_map(|entity| arriving.get(entity).into_iter().flatten()) {
                if let Entry::Vacant(unseen) = distances.entry(*entity) {
                    unseen.insert(distance);
                    before.push(*entity);
                }
            }
            frontier = before;
        }
        distances
    }
}

/// Walks depth first, once for every length: so the shortest come first, and only one path is held at a time.
struct Walk<'a> {
    reach: &'a Neighbourhood,
    distances: HashMap<Uuid, usize>,
    from: Uuid,
    to: Uuid,
    limit: usize,
    steps: usize,
    path: Vec<&'a Relationship>,
    found: Vec<Path>,
}

impl Walk<'_> {
    /// Finds the paths that go on from `end` with exactly `left` relationships.
    fn extend(&mut self, end: Uuid, left: usize) {
        if left == 0 {
            self.found.push(Path { relationships: self.path.iter().copied().cloned().collect() });
            return;
        }
        for next in self.reach.leaving.get(&end).into_iter().flatten() {
            if self.found.len() >= self.limit || self.steps >= MAX_STEPS {
                return;
            }
            self.steps += 1;
            if self.leads_on(next, left - 1) {
                self.path.push(next);
                self.extend(next.to_entity_id, left - 1);
                self.path.pop();
            }
        }
    }

    /// Whether the goal is within reach after this, and this is no entity where the path was before.
    fn leads_on(&self, next: &Relationship, left: usize) -> bool {
        let entity = next.to_entity_id;
        let arrives = entity == self.to;
        self.distances.get(&entity).is_some_and(|distance| *distance <= left)
            && arrives == (left == 0)
            && entity != self.from
            && self.path.iter().all(|before| before.to_entity_id != entity)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::task::now;

    fn edge(from: Uuid, to: Uuid) -> Relationship {
        Relationship {
            id: Uuid::now_v7(),
            from_entity_id: from,
            to_entity_id: to,
            relationship_type: "leads_to".into(),
            properties: Map::new(),
            strength: 1.0,
            created_at: now(),
        }
    }

    /// Five layers of 40 entities, each leading to all of the next: 100 million paths, of which a few are wanted.
    #[test]
    fn a_layered_graph_is_walked_in_bounded_work() {
        let layers: Vec<Vec<Uuid>> = (0..5).map(|_| (0..40).map(|_| Uuid::now_v7()).collect()).collect();
        let (from, to) = (Uuid::now_v7(), Uuid::now_v7());
        let mut reach = Neighbourhood::from(from);
        reach.extend(layers[0].iter().map(|first| edge(from, *first)).collect());
        for pair in layers.windows(2) {
            reach.extend(pair[0].iter().flat_map(|a| pair[1].iter().map(|b| edge(*a, *b))).collect());
        }
        reach.extend(layers[4].iter().map(|last| edge(*last, to)).collect());
        assert!(reach.room() > 0);
        let distances = reach.distances_to(to, 6);
        assert_eq!((distances.len(), distances[&from]), (202, 6));
        let paths = reach.paths(from, to, 6, 10);
        assert_eq!(paths.iter().map(|path| path.relationships.len()).collect::<Vec<_>>(), [6; 10]);
        assert!(reach.paths(from, to, 5, 10).is_empty());
    }

    #[test]
    fn no_more_relationships_are_kept_than_allowed() {
        let start = Uuid::now_v7();
        let mut reach = Neighbourhood::from(start);
        reach.extend((0..MAX_EDGES + 10).map(|_| edge(start, Uuid::now_v7())).collect());
        assert_eq!((reach.room(), reach.frontier().len()), (0, 0));
    }
}
