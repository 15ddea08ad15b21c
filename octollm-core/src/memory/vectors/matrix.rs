//! The vectors of one collection in memory, and the exact search over them that all embedded backends share.
//!
//! A search reads every vector, so there is no index to build, to tune or to corrupt, and a filter costs nothing. It
//! reads them as 8-bit integers first, a quarter of the bytes, and the sum of rounding errors is bounded: with `q` the
//! query, `v` a vector, both of length 1, and `q'`, `v'` their quantised forms,
//!
//! ```text
//! |q.v - q'.v'|  =  |(q - q').v' + q.(v - v')|  <=  |q - q'| |v'| + |v - v'|        (Cauchy-Schwarz)
//! ```
//!
//! Only a vector whose upper bound reaches the k-th best lower bound can be among the k best. Those, a few times k, are
//! scored again from the full vectors: the answer is that of a scan over the full vectors, not an approximation of it.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use serde_json::{Map, Value};
use simsimd::SpatialSimilarity;

use super::{Filter, VectorHit, VectorQuery, VectorRecord};

/// Added to every bound: what the arithmetic of the bounds itself may be off by.
const SLACK: f32 = 1e-5;

/// Vectors with ids and payloads. Payloads are labels, kept in memory so that a filter never reads a disk; texts belong
/// into a document store.
pub(crate) struct Matrix {
    dimensions: usize,
    rows: HashMap<String, usize>,
    ids: Vec<String>,
    payloads: Vec<Map<String, Value>>,
    full: Vec<f32>,
    quantised: Vec<i8>,
    scales: Vec<Scale>,
}

/// How a row was quantised.
#[derive(Clone, Copy)]
struct Scale {
    /// What one step of the integers stands for; 0 for the zero vector.
    step: f32,
    /// Length of what the rounding lost.
    lost: f32,
}

/// A query, prepared once for all rows.
struct Prepared<'a> {
    unit: Vec<f32>,
    quantised: Vec<i8>,
    scale: Scale,
    filter: &'a Filter,
    limit: usize,
    min_score: f32,
}

/// A row that may be among the best: how good it can be at most.
struct Candidate {
    upper: f32,
    row: usize,
}

impl Matrix {
    /// An empty matrix for vectors of this length.
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            rows: HashMap::new(),
            ids: Vec::new(),
            payloads: Vec::new(),
            full: Vec::new(),
            quantised: Vec::new(),
            scales: Vec::new(),
        }
    }

    /// How many vectors there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Bytes that a search reads at least; says whether it belongs on an async thread.
    pub(crate) fn scanned_bytes(&self) -> usize {
        self.quantised.len()
    }

    /// Adds or replaces a record. Its vector was checked: see [`check_vector`](super::check_vector).
    pub(crate) fn upsert(&mut self, record: VectorRecord) {
        let unit = unit(&record.vector);
        let (quantised, scale) = quantise(&unit);
        let Some(&row) = self.rows.get(&record.id) else {
            self.rows.insert(record.id.clone(), self.ids.len());
            self.ids.push(record.id);
            self.payloads.push(record.payload);
            self.full.extend_from_slice(&unit);
            self.quantised.extend_from_slice(&quantised);
            self.scales.push(scale);
            return;
        };
        let range = self.range(row);
        replace(&mut self.payloads, row, record.payload);
        replace(&mut self.scales, row, scale);
        if let Some(full) = self.full.get_mut(range.clone()) {
            full.copy_from_slice(&unit);
        }
        if let Some(old) = self.quantised.get_mut(range) {
            old.copy_from_slice(&quantised);
        }
    }

    /// Whether there is a vector with this id.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    /// Removes a record, if it is there; the last row takes its place.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(row) = self.rows.remove(id) else { return };
        let last = self.range(self.ids.len() - 1);
        self.full.copy_within(last.clone(), row * self.dimensions);
        self.quantised.copy_within(last.clone(), row * self.dimensions);
        self.full.truncate(last.start);
        self.quantised.truncate(last.start);
        self.ids.swap_remove(row);
        self.payloads.swap_remove(row);
        self.scales.swap_remove(row);
        if let Some(moved) = self.ids.get(row).and_then(|id| self.rows.get_mut(id)) {
            *moved = row;
        }
    }

    /// The nearest records that match, best first, ties by id. The query's vector was checked.
    pub(crate) fn search(&self, query: &VectorQuery) -> Vec<VectorHit> {
        let unit = unit(&query.vector);
        let (quantised, scale) = quantise(&unit);
        if query.limit == 0 || scale.step == 0.0 {
            return Vec::new();
        }
        let min_score = query.min_score.unwrap_or(f32::NEG_INFINITY);
        let (filter, limit) = (&query.filter, query.limit);
        let prepared = Prepared { unit, quantised, scale, filter, limit, min_score };
        self.rescored(&prepared, self.candidates(&prepared))
    }

    /// First pass: every row that can be among the best, the most promising first.
    fn candidates(&self, query: &Prepared<'_>) -> Vec<Candidate> {
        let mut lower_bounds = Best::new(query.limit.min(self.len()), query.min_score);
        let mut candidates = Vec::new();
        let rows = self.quantised.chunks_exact(self.dimensions).zip(&self.scales).zip(&self.payloads);
        for (row, ((quantised, scale), payload)) in rows.enumerate() {
            if scale.step == 0.0 {
                continue;
            }
            let (score, error) = query.estimate(quantised, *scale);
            if score + error < lower_bounds.least() || !query.filter.matches(payload) {
                continue;
            }
            lower_bounds.offer(score - error);
            candidates.push(Candidate { upper: score + error, row });
        }
        candidates.retain(|candidate| candidate.upper >= lower_bounds.least());
        candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        candidates
    }

    /// Second pass: the true scores, until no candidate left can be better than what is found.
    fn rescored(&self, query: &Prepared<'_>, candidates: Vec<Candidate>) -> Vec<VectorHit> {
        let mut best = Best::new(query.limit.min(candidates.len()), query.min_score);
        let mut scored = Vec::new();
        for candidate in candidates {
            if candidate.upper < best.least() {
                break;
            }
            let Some(full) = self.full.get(self.range(candidate.row)) else { continue };
            let score = exact(&query.unit, full);
            if score >= best.least() {
                best.offer(score);
                scored.push((score, candidate.row));
            }
        }
        scored.sort_unstable_by(|a, b| self.best_first(*a, *b));
        scored.truncate(query.limit);
        scored.into_iter().filter_map(|(score, row)| self.hit(score, row)).collect()
    }

    fn best_first(&self, a: (f32, usize), b: (f32, usize)) -> Ordering {
        b.0.total_cmp(&a.0).then_with(|| self.ids.get(a.1).cmp(&self.ids.get(b.1)))
    }

    fn hit(&self, score: f32, row: usize) -> Option<VectorHit> {
        Some(VectorHit { id: self.ids.get(row)?.clone(), score, payload: self.payloads.get(row)?.clone() })
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        row * self.dimensions..(row + 1) * self.dimensions
    }
}

impl Prepared<'_> {
    /// The score from the quantised vectors, and how far off it is at most.
    fn estimate(&self, row: &[i8], scale: Scale) -> (f32, f32) {
        let product = i8::dot(&self.quantised, row).unwrap_or_default();
        let score = product as f32 * self.scale.step * scale.step;
        (score, self.scale.lost * (1.0 + scale.lost) + scale.lost + SLACK)
    }
}

/// The k greatest of the values that were offered.
struct Best {
    k: usize,
    floor: f32,
    values: BinaryHeap<std::cmp::Reverse<Score>>,
}

impl Best {
    fn new(k: usize, floor: f32) -> Self {
        Self { k, floor, values: BinaryHeap::with_capacity(k + 1) }
    }

    fn offer(&mut self, value: f32) {
        if self.values.len() < self.k {
            self.values.push(std::cmp::Reverse(Score(value)));
        } else if value > self.least() {
            self.values.pop();
            self.values.push(std::cmp::Reverse(Score(value)));
        }
    }

    /// What a value must reach to be among them.
    fn least(&self) -> f32 {
        match self.values.peek() {
            Some(least) if self.values.len() >= self.k => least.0.0.max(self.floor),
            _ => self.floor,
        }
    }
}

#[derive(PartialEq)]
struct Score(f32);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

fn replace<T>(values: &mut [T], row: usize, value: T) {
    if let Some(old) = values.get_mut(row) {
        *old = value;
    }
}

/// The vector with length 1; the zero vector stays as it is.
fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    let norm = if norm > 0.0 { norm } else { 1.0 };
    vector.iter().map(|value| (f64::from(*value) / norm) as f32).collect()
}

/// -127..=127 with a step of its own for every vector, so that its largest value uses the whole range.
fn quantise(unit: &[f32]) -> (Vec<i8>, Scale) {
    let largest = unit.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let step = largest / 127.0;
    if step == 0.0 {
        return (vec![0; unit.len()], Scale { step, lost: 0.0 });
    }
    let quantised: Vec<i8> = unit.iter().map(|value| (value / step).round() as i8).collect();
    let lost = unit.iter().zip(&quantised).map(|(value, q)| f64::from(value - f32::from(*q) * step).powi(2));
    let lost = lost.sum::<f64>().sqrt() as f32;
    (quantised, Scale { step, lost })
}

/// The dot product of two full vectors. Added up in 64 bits, so that equal vectors score the same on every machine.
fn exact(a: &[f32], b: &[f32]) -> f32 {
    let product: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    product.clamp(-1.0, 1.0) as f32
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
