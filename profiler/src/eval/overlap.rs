//! What catalogues say without a language model: categories and words of titles that items share.

use std::collections::BTreeMap;

use common::schema::items::Items;

/// Each item's terms, as codes, each once.
pub(super) struct Terms(Vec<Vec<u32>>);

impl Terms {
    /// The categories; None where no item has one.
    pub(super) fn categories(catalogue: &Items) -> Option<Self> {
        Self::new(
            catalogue
                .categories
                .iter()
                .map(|categories| categories.iter().map(String::clone).collect()),
        )
    }

    /// The words of titles, in lower case; None where no title has one.
    pub(super) fn title_words(catalogue: &Items) -> Option<Self> {
        let words = |title: &String| {
            let words = title.split(|c: char| !c.is_alphanumeric());
            words
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect()
        };
        Self::new(catalogue.title.iter().map(words))
    }

    fn new(items: impl Iterator<Item = Vec<String>>) -> Option<Self> {
        let mut codes = BTreeMap::new();
        let mut coded = Vec::new();
        for terms in items {
            let mut terms: Vec<u32> = terms
                .into_iter()
                .map(|term| {
                    let next = codes.len() as u32;
                    *codes.entry(term).or_insert(next)
                })
                .collect();
            terms.sort_unstable();
            terms.dedup();
            coded.push(terms);
        }
        (!codes.is_empty()).then_some(Terms(coded))
    }

    /// The cosine of how often the items `liked` have each term with the terms of each of `candidates`; 0 where
    /// one of them has none.
    pub(super) fn cosines(&self, liked: &[u32], candidates: &[u32]) -> Vec<f64> {
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        for &term in liked.iter().flat_map(|&item| &self.0[item as usize]) {
            *counts.entry(term).or_default() += 1.0;
        }
        let norm = counts.values().map(|count| count * count).sum::<f64>().sqrt();
        let cosine = |&item: &u32| {
            let terms = &self.0[item as usize];
            let shared: f64 = terms.iter().filter_map(|term| counts.get(term)).sum();
            if shared > 0.0 {
                shared / norm / (terms.len() as f64).sqrt()
            } else {
                0.0
            }
        };
        candidates.iter().map(cosine).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_terms_are_counted_as_a_cosine() {
        let catalogue = Items {
            title: ["Alien (1979)", "Aliens (1986)", "The Alien, the alien", "?"]
                .map(String::from)
                .to_vec(),
            categories: vec![
                vec!["Horror".into(), "War".into()],
                vec!["War".into()],
                vec![],
                vec!["Drama".into()],
            ],
            ..Items::default()
        };
        let categories = Terms::categories(&catalogue).unwrap();
        let cosines = categories.cosines(&[0, 1], &[0, 1, 2, 3]);
        // Liked: Horror 1, War 2.
        let expected = [3.0 / 5_f64.sqrt() / 2_f64.sqrt(), 2.0 / 5_f64.sqrt(), 0.0, 0.0];
        assert!(
            cosines.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12),
            "{cosines:?}"
        );
        let words = Terms::title_words(&catalogue).unwrap();
        assert_eq!(words.cosines(&[0], &[1, 3]), [0.0, 0.0]);
        assert!((words.cosines(&[0], &[2])[0] - 0.5).abs() < 1e-12);
        assert!(
            Terms::categories(&Items {
                categories: vec![vec![]],
                ..Items::default()
            })
            .is_none()
        );
    }
}
