//! The words of a catalogue: which items have which, in categories, title or text.

use std::collections::{BTreeMap, BTreeSet};

use common::schema::items::Items;

/// Letters of a word.
const LETTERS: std::ops::RangeInclusive<usize> = 3..=20;
/// Items that a word must be in: this many, and one in [`RARE`].
const FEWEST: usize = 5;
const RARE: usize = 500;
/// A word of titles and texts in more than one of so many items says nothing of them ("pack", "includes").
const COMMON: usize = 4;

/// The words that could be traits, and the items that have them.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The words, in lower case.
    pub(super) words: Vec<String>,
    /// How many items have each.
    pub(super) items: Vec<usize>,
    /// In how many of them it is in a category.
    pub(super) in_categories: Vec<usize>,
    /// The words of each item, in rising order.
    pub(super) of_item: Vec<Vec<u32>>,
}

impl Words {
    /// Those of `catalogue` that are neither too rare nor too common, and `kept` ones in any case.
    pub(super) fn new(catalogue: &Items, kept: &[String]) -> Self {
        let stop: BTreeSet<&str> = include_str!("stop.txt").split_whitespace().collect();
        let split = |text: &str, found: &mut BTreeSet<String>| found.extend(split(text, &stop));
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let mut of_items = Vec::with_capacity(catalogue.ids.len());
        for item in 0..catalogue.ids.len() {
            let (mut categories, mut all) = (BTreeSet::new(), BTreeSet::new());
            catalogue.categories[item]
                .iter()
                .for_each(|category| split(category, &mut categories));
            split(&catalogue.title[item], &mut all);
            split(catalogue.text[item].as_deref().unwrap_or_default(), &mut all);
            all.extend(categories.iter().cloned());
            for word in &all {
                let (items, in_categories) = counts.entry(word.clone()).or_default();
                *items += 1;
                *in_categories += usize::from(categories.contains(word));
            }
            of_items.push(all);
        }
        let names = one_of_each_number(&counts);
        let mut words = Words::default();
        let codes = words.choose(&counts, &names, catalogue.ids.len(), kept);
        for all in of_items {
            let known = all
                .iter()
                .filter_map(|word| codes.get(names.get(word).unwrap_or(word)));
            let mut of_item: Vec<u32> = known.copied().collect();
            of_item.sort_unstable();
            of_item.dedup();
            for &word in &of_item {
                words.items[word as usize] += 1;
            }
            words.of_item.push(of_item);
        }
        words
    }

    /// Gives codes to the words that are in enough items, and not in too many.
    fn choose(
        &mut self,
        counts: &BTreeMap<String, (usize, usize)>,
        names: &BTreeMap<String, String>,
        items: usize,
        kept: &[String],
    ) -> BTreeMap<String, u32> {
        let mut joint: BTreeMap<&str, (usize, usize)> =
            kept.iter().map(|word| (word.as_str(), (0, 0))).collect();
        for (word, (all, in_categories)) in counts {
            let sum = joint.entry(names.get(word).unwrap_or(word)).or_default();
            *sum = (sum.0 + all, sum.1 + in_categories);
        }
        let mut codes = BTreeMap::new();
        for (word, (all, in_categories)) in joint {
            let enough = all >= FEWEST.max(items / RARE);
            let few_enough = all * COMMON <= items || in_categories * 2 >= all;
            if enough && few_enough || kept.iter().any(|kept| kept == word) {
                codes.insert(word.to_string(), self.words.len() as u32);
                self.words.push(word.to_string());
                self.in_categories.push(in_categories);
                self.items.push(0);
            }
        }
        codes
    }
}

/// The words of `text` that could be traits.
fn split<'a>(text: &'a str, stop: &'a BTreeSet<&str>) -> impl Iterator<Item = String> + 'a {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '\'' || c == '\u{2019}'));
    parts.filter_map(|part| {
        let lower = part.to_lowercase();
        let possessor = lower.strip_suffix("'s").or(lower.strip_suffix("\u{2019}s"));
        let whole = possessor
            .unwrap_or(&lower)
            .trim_matches(|c: char| !c.is_alphanumeric());
        // Of `film-noir` the second half tells something, of `sci-fi` both together.
        let word = match whole.split_once('-') {
            Some((first, _)) if first.chars().count() < 3 || stop.contains(first) => {
                whole.rsplit('-').next().unwrap_or_default()
            }
            _ => whole,
        };
        let decade = word
            .strip_suffix('s')
            .is_some_and(|number| number.parse::<u32>().is_ok());
        let letters = word.chars().all(|c| c.is_alphabetic() || c == '-');
        let fits = LETTERS.contains(&word.chars().count()) && (letters || decade) && !stop.contains(word);
        fits.then(|| word.to_string())
    })
}

/// From each word of which both singular and plural occur to the one that more items have.
fn one_of_each_number(counts: &BTreeMap<String, (usize, usize)>) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (plural, (plurals, _)) in counts {
        let singulars = [plural.strip_suffix("es"), plural.strip_suffix('s')];
        for singular in singulars.into_iter().flatten() {
            if let Some((singles, _)) = counts.get(singular) {
                let (from, to) = if singles >= plurals {
                    (plural.as_str(), singular)
                } else {
                    (singular, plural.as_str())
                };
                names.insert(from.to_string(), to.to_string());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::{Dictionary, IdKind};

    fn words_of(text: &str) -> Vec<String> {
        split(text, &["film", "the"].into()).collect()
    }

    #[test]
    fn text_is_split_into_words_that_tell_something() {
        assert_eq!(words_of("The Toy's Story, 1995: a FILM"), ["toy", "story"]);
        assert_eq!(
            words_of("Film-Noir; Sci-Fi; j-rock; 80s hits"),
            ["noir", "sci-fi", "rock", "80s", "hits"]
        );
        assert!(words_of("-- 12 x' 3d an").is_empty());
    }

    #[test]
    fn rare_and_common_words_are_left_out_and_plurals_joined() {
        let title = |item: usize| match item {
            0..8 => "set glove warm",
            8..12 => "set gloves",
            12 => "set odd",
            _ => "set",
        };
        let catalogue = Items {
            ids: Dictionary::from_values(IdKind::Integer, (0..60).map(|n| n.to_string())).unwrap(),
            title: (0..60).map(|item| title(item).to_string()).collect(),
            text: vec![None; 60],
            categories: vec![vec!["wearable".into()]; 60],
        };
        let words = Words::new(&catalogue, &["odd".into(), "new".into()]);
        assert_eq!(words.words, ["glove", "new", "odd", "warm", "wearable"]);
        assert_eq!(words.items, [12, 0, 1, 8, 60]);
        assert_eq!(words.in_categories, [0, 0, 0, 0, 60]);
        assert_eq!(words.of_item[9], [0, 4]);
    }
}
