//! Which words to take: those that tell most of what the others do not.

use super::words::Words;

/// What words are to tell apart: groups of items, one each, or all that one user likes.
#[derive(Debug)]
pub(super) struct Groups {
    groups: Vec<Vec<usize>>,
}

impl Groups {
    /// The items themselves.
    pub(super) fn items(items: usize) -> Self {
        Groups {
            groups: (0..items).map(|item| vec![item]).collect(),
        }
    }

    /// The tastes of users, each given by the items that one likes; those with a single one show none.
    pub(super) fn users(likes: impl Iterator<Item = Vec<usize>>) -> Self {
        Groups {
            groups: likes.filter(|items| items.len() > 1).collect(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// What each pair of different items counts in a group of `items`, and each pair of an item with itself.
    fn pair_weights(&self, items: usize) -> (f64, f64) {
        let (n, groups) = (items as f64, self.len() as f64);
        match items {
            1 => (0.0, 1.0 / groups),
            _ => (1.0 / (n * (n - 1.0)) / groups, 0.0),
        }
    }

    /// The covariance over groups of how much of a group has the word `word` with how much of it has each word.
    ///
    /// Of users it is that of their tastes, not of the items that happen to stand for them: the mean over pairs of
    /// two different items of a user, which is unbiased, less the product of the means over users.
    fn covariance_with(&self, words: &Words, word: u32, means: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; means.len()];
        for group in &self.groups {
            let having = group
                .iter()
                .filter(|&&item| words.of_item[item].binary_search(&word).is_ok());
            let count = having.clone().count() as f64;
            if count == 0.0 {
                continue;
            }
            let (different, same) = self.pair_weights(group.len());
            let mut add = |item: usize, weight: f64| {
                words.of_item[item]
                    .iter()
                    .for_each(|&other| sums[other as usize] += weight);
            };
            group.iter().for_each(|&item| add(item, count * different));
            having.for_each(|&item| add(item, same - different));
        }
        let own = means[word as usize];
        sums.iter_mut()
            .zip(means)
            .for_each(|(sum, mean)| *sum -= own * mean);
        sums
    }

    /// The variance of each word, as [`Self::covariance_with`] itself.
    fn variances(&self, words: &Words, means: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; means.len()];
        for group in &self.groups {
            let (different, same) = self.pair_weights(group.len());
            let mut all: Vec<u32> = group
                .iter()
                .flat_map(|&item| words.of_item[item].iter().copied())
                .collect();
            all.sort_unstable();
            for equal in all.chunk_by(|a, b| a == b) {
                let count = equal.len() as f64;
                sums[equal[0] as usize] += count * (count - 1.0) * different + count * same;
            }
        }
        sums.iter_mut()
            .zip(means)
            .for_each(|(sum, mean)| *sum -= mean * mean);
        sums
    }

    /// The share of a group that has each word, mean over groups.
    pub(super) fn means(&self, words: &Words) -> Vec<f64> {
        let mut means = vec![0.0; words.words.len()];
        for group in &self.groups {
            let weight = 1.0 / group.len() as f64 / self.len() as f64;
            let all = group.iter().flat_map(|&item| &words.of_item[item]);
            all.for_each(|&word| means[word as usize] += weight);
        }
        means
    }
}

/// A word that was chosen, and what of the variance of all words it added to what the ones before told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) word: u32,
    pub(super) share: f64,
}

/// Up to `count` words, `first` before all others. The next is each time the word that varies most between groups
/// beyond what the words before it predict linearly (the pivots of a Cholesky factorisation), of those that `fits`
/// takes. It ends early where no word has any variance left; what few
/// users show soon has none.
pub(super) fn choose(
    words: &Words,
    groups: &Groups,
    first: &[u32],
    count: usize,
    mut fits: impl FnMut(u32) -> bool,
) -> Vec<Chosen> {
    let means = groups.means(words);
    let mut left = groups.variances(words, &means);
    let total: f64 = left.iter().filter(|variance| **variance > 0.0).sum();
    let mut open: Vec<bool> = vec![true; left.len()];
    let mut columns: Vec<Vec<f64>> = Vec::new();
    let mut chosen: Vec<Chosen> = Vec::new();
    while chosen.len() < count {
        let word = match first.get(chosen.len()) {
            Some(&word) => word,
            None => {
                let open = (0..left.len()).filter(|&word| open[word] && left[word] > 0.0);
                match open.max_by(|&a, &b| left[a].total_cmp(&left[b]).then(b.cmp(&a))) {
                    Some(word) => word as u32,
                    None => break,
                }
            }
        };
        open[word as usize] = false;
        if chosen.len() >= first.len() && !fits(word) {
            continue;
        }
        let pivot = left[word as usize];
        let mut added = 0.0;
        if pivot > 0.0 {
            let mut column = groups.covariance_with(words, word, &means);
            for before in &columns {
                let factor = before[word as usize];
                column
                    .iter_mut()
                    .zip(before)
                    .for_each(|(value, other)| *value -= factor * other);
            }
            let scale = pivot.sqrt().recip();
            column.iter_mut().for_each(|value| *value *= scale);
            for (left, value) in left.iter_mut().zip(&column) {
                let told = (value * value).min(left.max(0.0));
                added += told;
                *left -= told;
            }
            columns.push(column);
        }
        chosen.push(Chosen {
            word,
            share: if total > 0.0 { added / total } else { 0.0 },
        });
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(of_item: &[&[u32]], count: usize) -> Words {
        Words {
            words: (0..count).map(|word| format!("word{word}")).collect(),
            items: vec![0; count],
            in_categories: vec![0; count],
            of_item: of_item.iter().map(|words| words.to_vec()).collect(),
        }
    }

    fn order(chosen: &[Chosen]) -> Vec<u32> {
        chosen.iter().map(|chosen| chosen.word).collect()
    }

    /// Words 0 and 1 are in the same items; 2 is independent of them; 3 is in all.
    const ITEMS: [&[u32]; 8] = [
        &[0, 1, 2, 3],
        &[0, 1, 3],
        &[0, 1, 2, 3],
        &[0, 1, 3],
        &[2, 3],
        &[3],
        &[3],
        &[3],
    ];

    #[test]
    fn what_is_told_already_adds_nothing() {
        let words = words(&ITEMS, 4);
        let chosen = choose(&words, &Groups::items(8), &[], 4, |_| true);
        assert_eq!(order(&chosen), [0, 2]);
        // Word 0 tells all of word 1's variance too.
        assert!(chosen[0].share > 0.6, "{chosen:?}");
        assert!((chosen.iter().map(|c| c.share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(
            order(&choose(&words, &Groups::items(8), &[1], 2, |_| true)),
            [1, 2]
        );
        assert_eq!(
            order(&choose(&words, &Groups::items(8), &[], 4, |word| word != 0)),
            [1, 2]
        );
    }

    #[test]
    fn between_users_only_taste_counts() {
        // Four items per user. Word 0 is in three of the first's and of the third's and in one of the others', as chance
        // would have it; word 1 is in all of what the first two like and in nothing else.
        let item = |at: usize| {
            let zero = if (at / 4).is_multiple_of(2) {
                at % 4 < 3
            } else {
                at % 4 < 1
            };
            let words = [(zero, 0), (at < 8, 1)];
            words
                .into_iter()
                .filter(|(has, _)| *has)
                .map(|(_, word)| word)
                .collect::<Vec<u32>>()
        };
        let of_item: Vec<Vec<u32>> = (0..16).map(item).collect();
        let words = words(&of_item.iter().map(Vec::as_slice).collect::<Vec<_>>(), 2);
        let users = (0..4).map(|user| (4 * user..4 * user + 4).collect());
        let groups = Groups::users(users.chain([vec![3]]));
        assert_eq!(groups.len(), 4);
        assert_eq!(order(&choose(&words, &groups, &[], 2, |_| true)), [1]);
        // Between items, both vary alike.
        assert_eq!(
            order(&choose(&words, &Groups::items(16), &[], 2, |_| true)),
            [0, 1]
        );
    }
}
