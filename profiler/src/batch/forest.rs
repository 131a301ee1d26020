//! What is to be evaluated: families of prompts that share a stem after the prefix of all.

use common::fingerprint::Fingerprint;

/// What is read of each prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading<'a> {
    /// The log-probability of each of these tokens as the one that follows the prompt.
    Words(&'a [i32]),
    /// The log-probability of the branch after its prefix and stem: of all its tokens, the last included, which
    /// is therefore not evaluated.
    Branch,
}

impl Reading<'_> {
    /// Values read of a prompt.
    pub(super) fn width(self) -> usize {
        match self {
            Reading::Words(words) => words.len(),
            Reading::Branch => 1,
        }
    }

    /// The part of a branch that goes through the model.
    fn evaluated(self, branch: &[i32]) -> &[i32] {
        match self {
            Reading::Words(_) => branch,
            Reading::Branch => &branch[..branch.len().saturating_sub(1)],
        }
    }
}

/// Prompts that share a stem.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// Tokens after the prefix; never empty.
    pub(super) stem: Vec<i32>,
    /// Places among the forest's branches, rising.
    pub(super) branches: Vec<u32>,
}

/// All prompts after one prefix: `prefix`, then a family's stem, then one of its branches.
#[derive(Clone, Debug)]
pub(super) struct Forest<'a> {
    pub(super) prefix: Vec<i32>,
    pub(super) families: Vec<Family>,
    /// Distinct token sequences in rising order, so that neighbours share their beginnings.
    pub(super) branches: &'a [Vec<i32>],
    pub(super) reading: Reading<'a>,
}

/// Some branches of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) family: usize,
    /// Places in the family's list of branches, from `first` up to `end`.
    pub(super) first: usize,
    pub(super) end: usize,
}

impl Piece {
    /// Number of prompts.
    pub(super) fn len(self) -> usize {
        self.end - self.first
    }
}

/// One prompt after the prefix, as far as it is evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'f> {
    pub(super) stem: &'f [i32],
    /// All of the branch.
    pub(super) branch: &'f [i32],
    /// The part of the branch that is evaluated.
    pub(super) evaluated: &'f [i32],
}

impl<'f> Path<'f> {
    /// The evaluated tokens.
    pub(super) fn tokens(self) -> impl Iterator<Item = i32> + 'f {
        self.stem.iter().chain(self.evaluated).copied()
    }

    /// How many there are.
    pub(super) fn len(self) -> usize {
        self.stem.len() + self.evaluated.len()
    }

    /// How many this path and `other` share at their beginnings.
    pub(super) fn shared(self, other: Path) -> usize {
        self.tokens()
            .zip(other.tokens())
            .take_while(|(a, b)| a == b)
            .count()
    }
}

impl Forest<'_> {
    /// The prompts of `piece`.
    pub(super) fn paths(&self, piece: Piece) -> impl Iterator<Item = Path<'_>> {
        let family = &self.families[piece.family];
        family.branches[piece.first..piece.end].iter().map(|&branch| {
            let branch = self.branches[branch as usize].as_slice();
            Path {
                stem: &family.stem,
                branch,
                evaluated: self.reading.evaluated(branch),
            }
        })
    }

    /// Tokens that are evaluated for `pieces` one after the other, what neighbours share counted once.
    pub(super) fn tokens(&self, pieces: &[Piece]) -> usize {
        let mut before: Option<Path> = None;
        let mut count = 0;
        for path in pieces.iter().flat_map(|&piece| self.paths(piece)) {
            count += path.len() - before.map_or(0, |before| before.shared(path));
            before = Some(path);
        }
        count
    }

    /// The content of `piece`: its stem and all its branches.
    pub(super) fn fingerprint(&self, piece: Piece) -> Fingerprint {
        let family = &self.families[piece.family];
        let branches = family.branches[piece.first..piece.end]
            .iter()
            .map(|&branch| bytes(&self.branches[branch as usize]));
        let parts: Vec<Vec<u8>> = std::iter::once(bytes(&family.stem)).chain(branches).collect();
        Fingerprint::of_parts(parts.iter().map(Vec::as_slice))
    }
}

/// Tokens as bytes, to be hashed.
pub(super) fn bytes(tokens: &[i32]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCHES: [&[i32]; 3] = [&[7, 8, 0], &[7, 9, 0], &[8, 0]];

    fn tokens(reading: Reading) -> usize {
        let branches = BRANCHES.map(<[i32]>::to_vec);
        let families = [vec![1, 2], vec![1, 3]].map(|stem| Family {
            stem,
            branches: vec![0, 1, 2],
        });
        let forest = Forest {
            prefix: vec![0],
            families: families.into(),
            branches: &branches,
            reading,
        };
        let piece = |family| Piece {
            family,
            first: 0,
            end: 3,
        };
        forest.tokens(&[piece(0), piece(1)])
    }

    #[test]
    fn shared_tokens_count_once_and_what_is_only_read_not_at_all() {
        // 1 2 7 8 0, 9 0, 8 0, then 3 7 8 0, 9 0, 8 0.
        assert_eq!(tokens(Reading::Words(&[5])), 17);
        // 1 2 7 8, 9, 8, then 3 7 8, 9, 8.
        assert_eq!(tokens(Reading::Branch), 11);
    }
}
