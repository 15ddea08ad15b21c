//! Reciprocal rank fusion: two rankings made into one without comparing their scores.
//!
//! A BM25 score and a cosine have nothing in common but the order that each makes. Each ranking gives `1 / (60 + rank)`
//! to what it found, as Cormack, Clarke and Büttcher proposed (SIGIR 2009, k = 60). The sum is divided by what the
//! first of every ranking would get, so that 1 means "first everywhere" and a threshold can be understood.

use std::collections::HashMap;

const K: f32 = 60.0;

/// Fuses rankings of distinct ids, best first. Ties keep the order of the first ranking, then of the id.
pub(super) fn fuse(rankings: &[Vec<String>]) -> Vec<(String, f32)> {
    let mut scores: HashMap<&str, (f32, usize)> = HashMap::new();
    for ranking in rankings {
        for (at, id) in ranking.iter().enumerate() {
            let entry = scores.entry(id).or_insert((0.0, at));
            entry.0 += (K + 1.0) / (K + 1.0 + at as f32);
        }
    }
    let most = rankings.len().max(1) as f32;
    let mut fused: Vec<_> =
        scores.into_iter().map(|(id, (score, first))| (id, score / most, first)).collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.cmp(&b.2)).then(a.0.cmp(b.0)));
    fused.into_iter().map(|(id, score, _)| (id.to_owned(), score)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn first_everywhere_is_one() {
        let fused = fuse(&[ranking(&["a", "b"]), ranking(&["a", "c"])]);
        assert_eq!(fused[0], ("a".to_owned(), 1.0));
    }

    #[test]
    fn found_twice_beats_first_once() {
        let fused = fuse(&[ranking(&["a", "b"]), ranking(&["c", "b"])]);
        assert_eq!(fused[0].0, "b");
        let expected = 61.0 / 62.0;
        assert!((fused[0].1 - expected).abs() < 1e-6);
    }

    #[test]
    fn ties_are_always_broken_alike() {
        for _ in 0..20 {
            let fused = fuse(&[ranking(&["b", "x"]), ranking(&["a", "y"])]);
            let order: Vec<_> = fused.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(order, ["a", "b", "x", "y"]);
        }
    }

    #[test]
    fn nothing_fused_is_nothing() {
        assert!(fuse(&[]).is_empty());
        assert!(fuse(&[Vec::new(), Vec::new()]).is_empty());
    }
}
