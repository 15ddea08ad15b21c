//! How far a figure can be trusted: the same figure over rows drawn again and again (percentile bootstrap; Efron, 1979).

use std::collections::BTreeMap;

use super::figures::Counts;

/// Draws of the whole file.
const DRAWS: usize = 1000;

type Figure = fn(Counts) -> Option<f64>;

/// 95% intervals of recall, precision and F1. The seed is fixed: a file always has the same.
pub(super) fn intervals(rows: &[Counts]) -> BTreeMap<&'static str, [f64; 2]> {
    const FIGURES: [(&str, Figure); 3] =
        [("recall", Counts::recall), ("precision", Counts::precision), ("f1", Counts::f1)];
    let mut random = SplitMix(0x0c70_11a9);
    let draws: Vec<Counts> = (0..DRAWS).map(|_| draw(rows, &mut random)).collect();
    FIGURES.into_iter().filter_map(|(name, figure)| Some((name, interval(&draws, figure)?))).collect()
}

fn draw(rows: &[Counts], random: &mut SplitMix) -> Counts {
    let mut total = Counts::default();
    for _ in rows {
        if let Some(row) = rows.get(random.below(rows.len())) {
            total.add(*row);
        }
    }
    total
}

fn interval(draws: &[Counts], figure: Figure) -> Option<[f64; 2]> {
    let mut values: Vec<f64> = draws.iter().filter_map(|counts| figure(*counts)).collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((values.len().checked_sub(1)? as f64 * share).round() as usize).copied();
    Some([at(0.025)?, at(0.975)?])
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * most as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_figure() {
        let found = |found| Counts { positives: 1.0, found, spurious: 0.0 };
        let rows: Vec<Counts> = (0..200).map(|at| found(f64::from(u8::from(at % 4 != 0)))).collect();
        let [low, high] = intervals(&rows)["recall"];
        assert!(low < 0.75 && 0.75 < high && high - low < 0.2, "{low} {high}");
        assert!(intervals(&[]).is_empty());
    }
}
