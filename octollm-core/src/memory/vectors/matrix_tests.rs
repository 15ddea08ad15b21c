use proptest::prelude::*;
use serde_json::json;

use super::*;

fn record(id: usize, vector: Vec<f32>) -> VectorRecord {
    let payload = json!({"parity": id % 2, "source": format!("docs/{id}.md")});
    VectorRecord { id: format!("{id:04}"), vector, payload: payload.as_object().unwrap().clone() }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

fn brute_force(records: &[VectorRecord], query: &VectorQuery) -> Vec<f64> {
    let mut scores: Vec<f64> = records
        .iter()
        .filter(|record| query.filter.matches(&record.payload))
        .map(|record| cosine(&record.vector, &query.vector))
        .filter(|score| !score.is_nan())
        .collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(query.limit);
    scores
}

fn filled(records: &[VectorRecord]) -> Matrix {
    let mut matrix = Matrix::new(records[0].vector.len());
    records.iter().cloned().for_each(|record| matrix.upsert(record));
    matrix
}

/// Rank by rank the same score as a scan with plain cosine; equal scores may stand for different records.
fn assert_same_as_brute_force(records: &[VectorRecord], query: &VectorQuery) {
    let hits = filled(records).search(query);
    let wanted = brute_force(records, query);
    assert_eq!(hits.len(), wanted.len());
    for (hit, wanted) in hits.iter().zip(wanted) {
        assert!((f64::from(hit.score) - wanted).abs() < 1e-6, "{} instead of {wanted}", hit.score);
        let record = records.iter().find(|record| record.id == hit.id).unwrap();
        assert!((cosine(&record.vector, &query.vector) - f64::from(hit.score)).abs() < 1e-6);
        assert!(query.filter.matches(&hit.payload));
    }
}

/// Values of very different sizes, many of them zero or alike: what quantisation finds hardest.
fn value() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => -1.0_f32..1.0,
        2 => Just(0.0),
        1 => -1e-4_f32..1e-4,
        1 => prop_oneof![Just(1e30_f32), Just(-1e-30), Just(1.0)],
    ]
}

fn vectors() -> impl Strategy<Value = (Vec<Vec<f32>>, Vec<f32>)> {
    (1_usize..48).prop_flat_map(|dimensions| {
        let vector = || prop::collection::vec(value(), dimensions);
        (prop::collection::vec(vector(), 1..80), vector())
    })
}

proptest! {
    #[test]
    fn finds_exactly_what_a_scan_finds(
        (vectors, query) in vectors(),
        limit in 1_usize..12,
        filtered: bool,
    ) {
        let records: Vec<_> = vectors.into_iter().enumerate().map(|(id, vector)| record(id, vector)).collect();
        let mut query = VectorQuery { vector: query, limit, ..VectorQuery::default() };
        if filtered {
            query.filter.0.insert("parity".into(), json!(1));
        }
        assert_same_as_brute_force(&records, &query);
    }

    #[test]
    fn the_estimate_is_never_further_off_than_it_says((vectors, query) in vectors()) {
        let query_unit = unit(&query);
        let (quantised, scale) = quantise(&query_unit);
        let filter = Filter::default();
        let prepared =
            Prepared { unit: query_unit, quantised, scale, filter: &filter, limit: 1, min_score: -2.0 };
        for vector in vectors {
            let row_unit = unit(&vector);
            let (row, scale) = quantise(&row_unit);
            let (score, error) = prepared.estimate(&row, scale);
            prop_assert!((exact(&prepared.unit, &row_unit) - score).abs() <= error);
        }
    }

    #[test]
    fn rows_stay_consistent_over_upserts_and_removals(steps in prop::collection::vec((0_usize..12, 0_u8..3), 1..60)) {
        let mut matrix = Matrix::new(3);
        let mut model = std::collections::BTreeMap::new();
        for (turn, (id, action)) in steps.into_iter().enumerate() {
            if action == 0 {
                matrix.remove(&format!("{id:04}"));
                model.remove(&id);
            } else {
                let record = record(id, vec![1.0 + turn as f32, id as f32, -1.0]);
                matrix.upsert(record.clone());
                model.insert(id, record);
            }
        }
        let query = VectorQuery { vector: vec![1.0, 0.5, 0.0], limit: 100, ..VectorQuery::default() };
        let records: Vec<_> = model.into_values().collect();
        let hits = matrix.search(&query);
        prop_assert_eq!(hits.len(), records.len());
        for hit in hits {
            let record = records.iter().find(|record| record.id == hit.id).unwrap();
            prop_assert!((cosine(&record.vector, &query.vector) - f64::from(hit.score)).abs() < 1e-6);
            prop_assert_eq!(&hit.payload, &record.payload);
        }
    }
}

/// A few hundred rows of realistic length; a tiny generator keeps them the same in every run.
#[test]
fn many_dense_vectors_are_searched_exactly_and_mostly_skipped() {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let records: Vec<_> = (0..2_000).map(|id| record(id, (0..384).map(|_| next()).collect())).collect();
    let query = VectorQuery { vector: records[17].vector.clone(), limit: 10, ..VectorQuery::default() };
    assert_same_as_brute_force(&records, &query);
    let matrix = filled(&records);
    let (unit, filter) = (unit(&query.vector), Filter::default());
    let (quantised, scale) = quantise(&unit);
    let prepared = Prepared { unit, quantised, scale, filter: &filter, limit: 10, min_score: -2.0 };
    assert!(matrix.candidates(&prepared).len() < 200);
}

#[test]
fn equal_scores_come_by_id() {
    let records: Vec<_> = (0..20).rev().map(|id| record(id, vec![2.0, 1.0])).collect();
    let query = VectorQuery { vector: vec![1.0, 1.0], limit: 3, ..VectorQuery::default() };
    let ids: Vec<_> = filled(&records).search(&query).into_iter().map(|hit| hit.id).collect();
    assert_eq!(ids, ["0000", "0001", "0002"]);
}
