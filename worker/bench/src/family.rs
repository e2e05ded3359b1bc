//! Many benchmarks at once. Of 20 comparisons of which nothing changed, one is "significant at 5%" by chance; so the
//! verdicts of a report are made together, such that the whole report holds a false one in at most 5% of cases.
//!
//! Holm's method (1979), because it holds whatever the benchmarks have to do with each other: those of one run share the
//! machine's mood. Benjamini and Hochberg's would find a little more, but lets 5% of what it calls changed be wrong, and
//! a reviewer that accuses wrongly once is not believed again.

use crate::rank::NullDistribution;
use crate::units::MAX_UNITS;

/// The adjusted p of each: to be compared with the level as it is. Holm's step-down.
pub(crate) fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 0.0_f64;
    for (rank, index) in order.iter().enumerate() {
        least = least.max(p[*index] * (p.len() - rank) as f64).min(1.0);
        adjusted[*index] = least;
    }
    adjusted
}

/// Which of these comparisons can come to a verdict at all, by the least p that their numbers of samples allow. Those that
/// can't are no part of the family: that is decided before a sample is looked at.
pub(crate) fn decidable(least_p: &[f64], level: f64) -> Vec<bool> {
    let mut sorted = least_p.to_vec();
    sorted.sort_by(f64::total_cmp);
    let bound = (1..=sorted.len())
        .rev()
        .find(|size| {
            let whole = sorted.get(*size).is_none_or(|next| *next > sorted[size - 1]); // all of one size, or none of them
            whole && sorted[size - 1] * *size as f64 <= level
        })
        .map_or(-1.0, |size| sorted[size - 1]);
    least_p.iter().map(|p| *p <= bound).collect()
}

/// The fewest samples (or rounds) of each side with which every one of `family` benchmarks could be called changed.
pub fn samples_needed(family: usize, level: f64) -> Option<usize> {
    (2..=MAX_UNITS).find(|n| NullDistribution::of(*n, *n).least_p() * family.max(1) as f64 <= level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_s_steps() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.5, 0.9]), [1.0, 1.0]);
        assert_eq!(holm(&[0.02]), [0.02]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    #[test]
    fn the_samples_that_a_family_needs() {
        let needed: Vec<_> = [0, 1, 2, 6, 7, 20, 23, 24, 85, 86, 321, 1_000, 5_000]
            .map(|family| samples_needed(family, 0.05).unwrap())
            .into();
        assert_eq!(needed, [4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 11]);
        assert_eq!(samples_needed(1, 0.0), None);
    }

    #[test]
    fn who_has_too_few_samples_is_left_out_of_the_family() {
        let p = |n| NullDistribution::of(n, n).least_p();
        // Six with five samples can, seven can't.
        assert_eq!(decidable(&[p(5); 6], 0.05), [true; 6]);
        assert_eq!(decidable(&[p(5); 7], 0.05), [false; 7]);
        // Seven with five samples don't hold up those with ten, which are a family of their own then.
        let mixed: Vec<f64> = std::iter::repeat_n(p(5), 7).chain([p(10), p(10)]).collect();
        assert_eq!(decidable(&mixed, 0.05), [[false; 7].as_slice(), &[true; 2]].concat());
        assert_eq!(decidable(&[p(2)], 0.05), [false]);
    }
}
