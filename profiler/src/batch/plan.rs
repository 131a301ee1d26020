//! Which prompts are evaluated together.
//!
//! A *unit* is a set of prompts in one context: what is computed at once, cached at once, and lost at most by a
//! kill. The last bits of a result can depend on what shares the unit with it, so units are a function of the
//! set of prompts alone: prompts are sorted by length, so that units fill evenly, then by content, and a unit
//! ends where the content says so (content-defined chunking, as in LBFS, Muthitacharoen et al. 2001). A prompt
//! that changes therefore disturbs its own unit and perhaps a neighbour, and all others come from the cache.

use common::fingerprint::Fingerprint;

/// Limits of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Tokens of all prompts of a unit together; a longer prompt is a unit of its own.
    pub(super) tokens: usize,
    /// Prompts in a unit.
    pub(super) prompts: usize,
}

/// One in this many prompts may end a unit, once the unit is half full.
const CUT_EVERY: u64 = 4;

/// Cuts `prompts` (tokens of distinct prompts) into units of indices.
pub(super) fn units(prompts: &[Vec<i32>], limits: Limits) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, u64, usize)> = prompts
        .iter()
        .enumerate()
        .map(|(index, tokens)| (tokens.len(), fingerprint(tokens).to_u64(), index))
        .collect();
    // Distinct prompts with one hash would be told apart by their tokens.
    order.sort_by(|a, b| {
        (a.0, a.1)
            .cmp(&(b.0, b.1))
            .then_with(|| prompts[a.2].cmp(&prompts[b.2]))
    });
    let mut units = Vec::new();
    let mut unit = Vec::new();
    let mut filled = 0;
    for (length, hash, index) in order {
        if !unit.is_empty() && (filled + length > limits.tokens || unit.len() == limits.prompts) {
            units.push(std::mem::take(&mut unit));
            filled = 0;
        }
        unit.push(index);
        filled += length;
        let half_full = 2 * filled >= limits.tokens || 2 * unit.len() >= limits.prompts;
        if half_full && hash.is_multiple_of(CUT_EVERY) {
            units.push(std::mem::take(&mut unit));
            filled = 0;
        }
    }
    if !unit.is_empty() {
        units.push(unit);
    }
    units
}

/// The fingerprint of a prompt's tokens.
pub(super) fn fingerprint(tokens: &[i32]) -> Fingerprint {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
    Fingerprint::of_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{RngExt, stream};
    use std::collections::BTreeSet;

    const LIMITS: Limits = Limits {
        tokens: 256,
        prompts: 16,
    };

    fn prompts(count: u64) -> Vec<Vec<i32>> {
        (0..count)
            .map(|i| {
                let mut rng = stream(1, "prompts", &[i]);
                let length = rng.random_range(5..40);
                (0..length).map(|_| rng.random_range(0..50_000)).collect()
            })
            .collect()
    }

    fn contents(prompts: &[Vec<i32>]) -> BTreeSet<Vec<Vec<i32>>> {
        units(prompts, LIMITS)
            .into_iter()
            .map(|u| u.into_iter().map(|i| prompts[i].clone()).collect())
            .collect()
    }

    #[test]
    fn every_prompt_is_in_one_unit_within_the_limits() {
        let prompts = prompts(1000);
        let units = units(&prompts, LIMITS);
        let mut seen: Vec<usize> = units.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..1000));
        for unit in &units {
            let tokens: usize = unit.iter().map(|&i| prompts[i].len()).sum();
            assert!(
                tokens <= LIMITS.tokens && unit.len() <= LIMITS.prompts,
                "{tokens} in {unit:?}"
            );
        }
    }

    #[test]
    fn units_do_not_depend_on_the_order_of_the_prompts() {
        let mut prompts = prompts(300);
        let before = contents(&prompts);
        prompts.reverse();
        assert_eq!(contents(&prompts), before);
    }

    #[test]
    fn one_changed_prompt_leaves_most_units_as_they_are() {
        let mut prompts = prompts(2000);
        let before = contents(&prompts);
        prompts[77][2] += 1;
        prompts[901].push(3);
        let after = contents(&prompts);
        let changed = after.difference(&before).count();
        assert!(
            (1..=8).contains(&changed),
            "{changed} of {} units changed",
            after.len()
        );
    }

    #[test]
    fn a_long_prompt_is_alone_and_nothing_is_fine() {
        let long = vec![vec![1; 300], vec![2; 3], vec![3; 3]];
        assert_eq!(
            units(&long, LIMITS),
            vec![vec![1, 2], vec![0]]
                .into_iter()
                .map(sorted(&long))
                .collect::<Vec<_>>()
        );
        assert!(units(&[], LIMITS).is_empty());
    }

    /// Puts a unit in its order by (length, hash).
    fn sorted(prompts: &[Vec<i32>]) -> impl FnMut(Vec<usize>) -> Vec<usize> {
        |mut unit| {
            unit.sort_by_key(|&i| (prompts[i].len(), fingerprint(&prompts[i]).to_u64()));
            unit
        }
    }
}
