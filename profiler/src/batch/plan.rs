//! Which prompts are evaluated together.
//!
//! A *unit* is a set of prompts in one context: what is computed at once, cached at once, and lost at most by a
//! kill. The last bits of a result can depend on what shares the unit with it, so units are a function of the
//! set of prompts alone: families are sorted by content, so that neighbours share their beginnings, and a unit
//! ends where the content says so (content-defined chunking, as in LBFS, Muthitacharoen et al. 2001). A prompt
//! that changes therefore disturbs its own unit and perhaps a neighbour, and all others come from the cache.

use common::fingerprint::Fingerprint;

use super::forest::{Forest, Piece, bytes};

/// Limits of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Tokens of all prompts of a unit together; a larger piece of a family is a unit of its own.
    pub(super) tokens: usize,
    /// Prompts in a unit; a larger family is cut into pieces.
    pub(super) prompts: usize,
}

/// What is evaluated together: pieces of families.
pub(super) type Unit = Vec<Piece>;

/// One in this many pieces may end a unit, once the unit is half full.
const CUT_EVERY: u64 = 4;

/// Cuts `forest`, whose families have distinct stems, into units.
pub(super) fn units(forest: &Forest, limits: Limits) -> Vec<Unit> {
    let mut order: Vec<usize> = (0..forest.families.len()).collect();
    order.sort_by(|&a, &b| forest.families[a].stem.cmp(&forest.families[b].stem));
    let mut units = Vec::new();
    let mut unit = Unit::new();
    let (mut tokens, mut prompts) = (0, 0);
    for piece in order
        .into_iter()
        .flat_map(|family| pieces(forest, family, limits))
    {
        let more = forest.tokens(&[piece]);
        if !unit.is_empty() && (tokens + more > limits.tokens || prompts + piece.len() > limits.prompts) {
            units.push(std::mem::take(&mut unit));
            (tokens, prompts) = (0, 0);
        }
        unit.push(piece);
        tokens += more;
        prompts += piece.len();
        let half_full = 2 * tokens >= limits.tokens || 2 * prompts >= limits.prompts;
        if half_full && forest.fingerprint(piece).to_u64().is_multiple_of(CUT_EVERY) {
            units.push(std::mem::take(&mut unit));
            (tokens, prompts) = (0, 0);
        }
    }
    if !unit.is_empty() {
        units.push(unit);
    }
    units
}

/// The pieces of a family: all of it where the limit allows, else cut where the branches' content says so.
fn pieces(forest: &Forest, family: usize, limits: Limits) -> Vec<Piece> {
    let branches = &forest.families[family].branches;
    let mut pieces = Vec::new();
    let mut first = 0;
    for end in 1..=branches.len() {
        let length = end - first;
        let may_end = || {
            let branch = bytes(&forest.branches[branches[end - 1] as usize]);
            Fingerprint::of_bytes(&branch).to_u64().is_multiple_of(CUT_EVERY)
        };
        let is_cut = branches.len() > limits.prompts && 2 * length >= limits.prompts && may_end();
        if end == branches.len() || length == limits.prompts || is_cut {
            pieces.push(Piece { family, first, end });
            first = end;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::super::forest::{Family, Reading};
    use super::*;
    use common::rng::{RngExt, stream};
    use std::collections::BTreeSet;

    const LIMITS: Limits = Limits {
        tokens: 256,
        prompts: 16,
    };

    fn stems(count: u64) -> Vec<Vec<i32>> {
        (0..count)
            .map(|i| {
                let mut rng = stream(1, "prompts", &[i]);
                let length = rng.random_range(5..40);
                (0..length).map(|_| rng.random_range(0..50_000)).collect()
            })
            .collect()
    }

    fn forest<'a>(stems: &[Vec<i32>], branches: &'a [Vec<i32>]) -> Forest<'a> {
        let family = |stem: &Vec<i32>| Family {
            stem: stem.clone(),
            branches: (0..branches.len() as u32).collect(),
        };
        Forest {
            prefix: vec![],
            families: stems.iter().map(family).collect(),
            branches,
            reading: Reading::Words(&[]),
        }
    }

    fn contents(stems: &[Vec<i32>]) -> BTreeSet<Vec<Vec<i32>>> {
        units(&forest(stems, &[vec![]]), LIMITS)
            .into_iter()
            .map(|unit| {
                unit.into_iter()
                    .map(|piece| stems[piece.family].clone())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn every_prompt_is_in_one_unit_within_the_limits() {
        let (stems, branches) = (stems(300), [vec![1], vec![1, 2], vec![3]]);
        let forest = forest(&stems, &branches);
        let mut seen = BTreeSet::new();
        for unit in units(&forest, LIMITS) {
            assert!(forest.tokens(&unit) <= LIMITS.tokens, "{unit:?}");
            assert!(unit.iter().map(|piece| piece.len()).sum::<usize>() <= LIMITS.prompts);
            for piece in unit {
                assert!((piece.first..piece.end).all(|branch| seen.insert((piece.family, branch))));
            }
        }
        assert_eq!(seen.len(), 900);
    }

    #[test]
    fn units_do_not_depend_on_the_order_of_the_prompts() {
        let mut stems = stems(300);
        let before = contents(&stems);
        stems.reverse();
        assert_eq!(contents(&stems), before);
    }

    #[test]
    fn one_changed_prompt_leaves_most_units_as_they_are() {
        let mut stems = stems(2000);
        let before = contents(&stems);
        stems[77][2] += 1;
        stems[901].push(3);
        let after = contents(&stems);
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
        let units = contents(&long);
        assert!(units.contains(&vec![vec![1; 300]]), "{units:?}");
        assert!(contents(&[]).is_empty());
    }

    #[test]
    fn a_branch_more_of_a_large_family_leaves_most_pieces_as_they_are() {
        let pieces = |without: i32| -> BTreeSet<Vec<i32>> {
            let branches: Vec<Vec<i32>> = (0..400)
                .filter(|token| *token != without)
                .map(|token| vec![token])
                .collect();
            let units = units(&forest(&[vec![1]], &branches), LIMITS);
            let tokens = |piece: Piece| (piece.first..piece.end).map(|at| branches[at][0]).collect();
            units.into_iter().flatten().map(tokens).collect()
        };
        let (all, fewer) = (pieces(-1), pieces(200));
        assert_eq!(all.iter().map(Vec::len).sum::<usize>(), 400);
        assert!(all.iter().all(|piece| piece.len() <= LIMITS.prompts));
        assert!((1..=4).contains(&fewer.difference(&all).count()) && all.len() > 25);
    }
}
