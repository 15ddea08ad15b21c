//! Paths between two entities, the same for every backend: a backend answers the relationships that leave some
//! entities, and the walk happens here, over memory.
//!
//! The walk is bounded whatever the graph looks like. It looks at [`MAX_EDGES`] relationships at most, and it only
//! follows one where the goal is still within reach, so that a dense neighbourhood that leads nowhere costs nothing.

use std::collections::{HashMap, HashSet, VecDeque};

use uuid::Uuid;

use super::{Path, Relationship};
use crate::error::{Error, ErrorKind, Result};

/// Relationships that one question looks at, at most. Beyond it the nearest and strongest are what counts.
pub(crate) const MAX_EDGES: usize = 10_000;

/// Steps of the walk at most; each extends one path by one relationship.
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

    /// Paths that visit no entity twice, shortest first.
    pub(crate) fn paths(&self, from: Uuid, to: Uuid, max_depth: usize, limit: usize) -> Vec<Path> {
        let distances = self.distances_to(to, max_depth);
        let mut paths = Vec::new();
        let mut open: VecDeque<Vec<&Relationship>> = VecDeque::from([Vec::new()]);
        let mut steps = 0;
        while paths.len() < limit {
            let Some(path) = open.pop_front() else { break };
            let end = path.last().map_or(from, |last| last.to_entity_id);
            if end == to && !path.is_empty() {
                paths.push(Path { relationships: path.into_iter().cloned().collect() });
                continue;
            }
            for next in self.leaving.get(&end).into_iter().flatten() {
                let left = max_depth - path.len();
                let in_reach = distances.get(&next.to_entity_id).is_some_and(|distance| *distance < left);
                let visited = next.to_entity_id == from
                    || path.iter().any(|relationship| relationship.to_entity_id == next.to_entity_id);
                if in_reach && !visited && steps < MAX_STEPS {
                    steps += 1;
                    open.push_back(path.iter().copied().chain([next]).collect());
                }
            }
        }
        paths
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
            let before = frontier.iter().flat_map(|entity| arriving.get(entity).into_iter().flatten());
            let before: Vec<Uuid> = before.copied().collect();
            frontier = before.into_iter().filter(|entity| !distances.contains_key(entity)).collect();
            distances.extend(frontier.iter().map(|entity| (*entity, distance)));
        }
        distances
    }
}
