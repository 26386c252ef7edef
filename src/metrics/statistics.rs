//! The tests behind "up", "down" and "same": what plain SQL cannot say.
//!
//! Each test gives a standard normal score, positive when the first side is larger; `p_value` turns
//! it into the two-sided probability of a difference at least as large by chance alone.

use statrs::function::erf::erfc;

/// The share of "up" and "down" that may be chance, over all verdicts of one report.
pub(super) const FALSE_DISCOVERY: f64 = 0.05;

/// Two-sided, of a standard normal score.
pub(super) fn p_value(score: f64) -> f64 {
    erfc(score.abs() / std::f64::consts::SQRT_2)
}

/// How much more counts vary than Poisson's: variance over mean, at least 1.
pub(super) fn dispersion(counts: &[i64]) -> f64 {
    let n = of_usize(counts.len());
    let total: i64 = counts.iter().sum();
    if counts.len() < 2 || total == 0 {
        return 1.0;
    }
    let mean = of(total) / n;
    let squares: f64 = counts.iter().map(|count| (of(*count) - mean).powi(2)).sum();
    (squares / (n - 1.0) / mean).max(1.0)
}

/// A count over some weeks against a baseline's weekly counts: equal Poisson rates, by their score
/// test, its variance widened by the baseline's dispersion. None when there is nothing to compare.
pub(super) fn count_score(count: i64, weeks: f64, baseline: &[i64]) -> Option<f64> {
    let baseline_weeks = of_usize(baseline.len());
    let total: i64 = baseline.iter().sum();
    let pooled = of(count + total) / (weeks + baseline_weeks);
    let variance = dispersion(baseline) * pooled * (1.0 / weeks + 1.0 / baseline_weeks);
    let difference = of(count) / weeks - of(total) / baseline_weeks;
    score(difference, variance)
}

/// `a` of `a_n` against `b` of `b_n`: two proportions, pooled, without continuity correction.
pub(super) fn proportion_score(a: i64, a_n: i64, b: i64, b_n: i64) -> Option<f64> {
    let (a_n, b_n) = (of(a_n), of(b_n));
    let pooled = of(a + b) / (a_n + b_n);
    let variance = pooled * (1.0 - pooled) * (1.0 / a_n + 1.0 / b_n);
    score(of(a) / a_n - of(b) / b_n, variance)
}

/// Whether values of `a` tend to be larger than those of `b`: Mann and Whitney's rank test, normal
/// approximation with correction for ties and continuity.
pub(super) fn rank_score(a: &[i64], b: &[i64]) -> Option<f64> {
    let (a_n, b_n) = (of_usize(a.len()), of_usize(b.len()));
    let n = a_n + b_n;
    let (ranks, ties) = ranks(a, b);
    let above = ranks - a_n * (a_n + 1.0) / 2.0 - a_n * b_n / 2.0;
    let variance = a_n * b_n / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    let corrected = (above.abs() - 0.5).max(0.0).copysign(above);
    score(corrected, variance)
}

/// The sum of `a`'s ranks among both, tied values sharing their mean rank; and the sum of t³ - t
/// over groups of t tied values.
fn ranks(a: &[i64], b: &[i64]) -> (f64, f64) {
    let of_a = a.iter().map(|value| (*value, true));
    let mut all: Vec<(i64, bool)> = of_a.chain(b.iter().map(|value| (*value, false))).collect();
    all.sort_unstable();
    let (mut before, mut sum, mut ties) = (0.0, 0.0, 0.0);
    for tied in all.chunk_by(|x, y| x.0 == y.0) {
        let size = of_usize(tied.len());
        let in_a = of_usize(tied.iter().filter(|(_, is_a)| *is_a).count());
        sum += in_a * (before + f64::midpoint(size, 1.0));
        ties += size.powi(3) - size;
        before += size;
    }
    (sum, ties)
}

/// Which of several tests stand when so many are made at once: Benjamini and Hochberg's step-up
/// procedure at the false discovery rate `rate`.
pub(super) fn discoveries(p_values: &[f64], rate: f64) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let m = of_usize(sorted.len());
    let stands = |(index, p): (usize, &f64)| (*p <= of_usize(index + 1) / m * rate).then_some(*p);
    let limit = sorted.iter().enumerate().filter_map(stands).next_back();
    p_values
        .iter()
        .map(|p| limit.is_some_and(|limit| *p <= limit))
        .collect()
}

fn score(difference: f64, variance: f64) -> Option<f64> {
    let score = difference / variance.sqrt();
    score.is_finite().then_some(score)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and sums of counts, far below 2^53"
)]
pub(super) fn of(count: i64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "lengths, far below 2^53")]
pub(super) fn of_usize(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() < tolerance, "{a} is not {b}");
    }

    /// Two-sided tail probabilities of the standard normal, from printed tables.
    #[test]
    fn tail_probabilities() {
        near(p_value(1.959_963_985), 0.05, 1e-9);
        near(p_value(-2.575_829_304), 0.01, 1e-9);
        near(p_value(0.0), 1.0, 1e-12);
    }

    /// The Physicians' Health Study: 189 of 11,034 against 104 of 11,037 gives a Pearson chi-square
    /// of 25.01, the square of this score (Agresti, An Introduction to Categorical Data Analysis, 2.4).
    #[test]
    fn two_proportions() {
        let score = proportion_score(189, 11_034, 104, 11_037).unwrap();
        near(score * score, 25.01, 0.005);
        assert!(score > 0.0);
        assert_eq!(proportion_score(0, 50, 0, 60), None);
    }

    /// Against statsmodels 0.15.0 (`proportions_ztest`, and `test_poisson_2indep` by score) and scipy
    /// 1.17.1 (`mannwhitneyu`, asymptotic, with many ties).
    #[test]
    fn agrees_with_statsmodels_and_scipy() {
        let score = proportion_score(45, 120, 150, 300).unwrap();
        near(score, -2.320_477_404_461_285_7, 1e-12);
        near(p_value(score), 0.020_315_065_868_384_923, 1e-9);
        let score = count_score(60, 4.0, &[10; 52]).unwrap();
        near(score, 2.994_247_358_081_711_5, 1e-12);
        near(p_value(score), 0.002_751_227_982_318_47, 1e-9);
        let a = [1, 1, 2, 2, 2, 3, 5, 8, 8, 9];
        let b = [2, 2, 3, 3, 4, 5, 5, 5, 8, 10, 12, 12];
        let score = rank_score(&a, &b).unwrap();
        near(p_value(score), 0.161_331_789_780_319_03, 1e-9);
        // `multipletests(…, 0.05, method = "fdr_bh")` keeps eight of these ten.
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
        ];
        let stand = discoveries(&p_values, 0.05);
        assert_eq!(stand.iter().filter(|stands| **stands).count(), 8);
    }

    /// The documented example of `scipy.stats.mannwhitneyu`: p = 0.11134688653314041 by the normal
    /// approximation with continuity correction; and one with ties, p = 0.010411098147110422.
    #[test]
    fn ranks_of_two_samples() {
        let (male, female) = ([19, 22, 16, 29, 24], [20, 11, 17, 12]);
        let score = rank_score(&male, &female).unwrap();
        near(p_value(score), 0.111_346_886_533_140_41, 1e-9);
        assert!(score > 0.0);
        let tied = rank_score(&[1, 2, 3, 4, 5, 6], &[6, 7, 8, 9, 10]).unwrap();
        near(p_value(tied), 0.010_411_098_147_110_422, 1e-9);
        assert!(tied < 0.0);
        assert_eq!(rank_score(&[1, 1], &[1, 1, 1]), None);
    }

    /// Bortkiewicz's horse kicks, the classic Poisson count (200 corps-years: 109, 65, 22, 3 and 1
    /// with 0 to 4 deaths; mean 0.61, variance 0.611), are not overdispersed; doubled counts are, twice.
    #[test]
    fn dispersion_of_horse_kicks() {
        let deaths = [(109, 0), (65, 1), (22, 2), (3, 3), (1, 4)];
        let years: Vec<i64> = deaths
            .iter()
            .flat_map(|(years, deaths)| std::iter::repeat_n(*deaths, *years))
            .collect();
        near(dispersion(&years), 0.611 / 0.61, 0.001);
        let doubled: Vec<i64> = years.iter().map(|deaths| deaths * 2).collect();
        near(dispersion(&doubled), 2.0 * dispersion(&years), 1e-12);
        near(dispersion(&[5, 5, 5, 5]), 1.0, 1e-12);
        near(dispersion(&[0, 0]), 1.0, 1e-12);
    }

    /// 60 in 4 weeks against 10 in each of 52: by hand, pooled rate 580 / 56, difference 5, variance
    /// 580 / 56 x (1/4 + 1/52), score 2.994; wider when the weeks vary more than Poisson's.
    #[test]
    fn counts_against_weeks() {
        let flat = vec![10; 52];
        near(count_score(60, 4.0, &flat).unwrap(), 2.994, 0.001);
        let uneven: Vec<i64> = (0..52)
            .map(|week| if week % 2 == 0 { 0 } else { 20 })
            .collect();
        let wide = dispersion(&uneven).sqrt();
        near(count_score(60, 4.0, &uneven).unwrap(), 2.994 / wide, 0.001);
        assert!(count_score(20, 4.0, &flat).unwrap() < 0.0);
        assert_eq!(count_score(0, 4.0, &[0; 52]), None);
        assert_eq!(count_score(3, 4.0, &[]), None);
    }

    /// Benjamini and Hochberg (1995), section 3: of these fifteen p-values the first four stand at
    /// 0.05, where Bonferroni's procedure keeps three.
    #[test]
    fn false_discoveries() {
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let stand = discoveries(&p_values, 0.05);
        assert_eq!(stand.iter().filter(|stands| **stands).count(), 4);
        assert!(stand[3] && !stand[4]);
        assert!(discoveries(&[], 0.05).is_empty());
    }
}
