//! New items in a policy that serves, without training.
//!
//! A new item stands where the items stand that it is like: its row of every table of items (embedding, bias, traits, what a like
//! or a dislike of it adds to a user's memory) is the mean of theirs, each weighed by the share of categories that both have
//! (Jaccard). One that shares none, or of which nothing is known, is the mean of the tenth of the items with the fewest
//! likes: what is known of unknown items. All else of the policy stays as it is, so that old items keep their logits.

use std::collections::BTreeMap;

use common::manifest::Manifest;
use common::policy_artifact::{Encoder, POLICY, Policy as Artifact};

/// An item that is to be added: its id and categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Its id.
    pub id: String,
    /// Its categories; none where they are not known.
    pub categories: Vec<String>,
}

/// The policy with those of the new items that it does not have; none where it has all. `categories` are those of items by id.
pub(crate) fn extended(
    mut policy: Artifact,
    new: &[NewItem],
    categories: &BTreeMap<String, Vec<String>>,
) -> Option<Artifact> {
    let known = policy.items.ids.len();
    let lacks = |item: &&NewItem| policy.items.ids.code(&item.id).is_none();
    let new: Vec<&NewItem> = new.iter().filter(lacks).collect();
    if new.is_empty() {
        return None;
    }
    let none = Vec::new();
    let of_known: Vec<&Vec<String>> = policy
        .items
        .ids
        .ids()
        .map(|id| categories.get(id).unwrap_or(&none))
        .collect();
    let unknown = unknown(&policy.items.popularity);
    let likes: Vec<Vec<(usize, f32)>> = new
        .iter()
        .map(|item| {
            let alike = of_known.iter().enumerate();
            let alike: Vec<(usize, f32)> = alike
                .filter_map(|(code, theirs)| Some((code, jaccard(&item.categories, theirs)?)))
                .collect();
            if alike.is_empty() { unknown.clone() } else { alike }
        })
        .collect();
    let network = policy.config.network.clone();
    let Artifact { weights, items, .. } = &mut policy;
    let mut tables = vec![
        (&mut weights.item_embedding, network.dims),
        (&mut weights.item_bias, 1),
        (&mut items.traits, network.traits),
    ];
    if network.encoder == Encoder::History {
        // What a like and a dislike of an item add to a memory.
        tables.extend(
            weights
                .encoder
                .iter_mut()
                .take(2)
                .map(|table| (table, network.hidden)),
        );
    }
    for (table, width) in tables {
        for alike in &likes {
            let row = mean(&table[..known * width], width, alike);
            table.extend(row);
        }
    }
    for item in &new {
        policy.items.ids.intern(&item.id);
        policy.items.popularity.push(0.0);
    }
    policy.config.network.items = policy.items.ids.len();
    policy.manifest = Manifest::new(POLICY, "online serve")
        .seed(policy.manifest.seed.unwrap_or(0))
        .input(
            "policy",
            common::fingerprint::Fingerprint::of_bytes(policy.manifest.to_json().as_bytes()),
        );
    Some(policy)
}

/// The tenth of the items with the fewest likes, at least one, each with the same weight; of equals the first.
fn unknown(popularity: &[f32]) -> Vec<(usize, f32)> {
    let mut order: Vec<usize> = (0..popularity.len()).collect();
    order.sort_by(|&a, &b| popularity[a].total_cmp(&popularity[b]).then(a.cmp(&b)));
    let tenth = popularity.len().div_ceil(10);
    order.into_iter().take(tenth).map(|item| (item, 1.0)).collect()
}

/// The share of the categories of either that both have; none where they share none.
fn jaccard(ours: &[String], theirs: &[String]) -> Option<f32> {
    let shared = ours.iter().filter(|category| theirs.contains(category)).count();
    let either = ours.len() + theirs.len() - shared;
    (shared > 0).then(|| shared as f32 / either as f32)
}

/// The weighted mean of rows of a table.
fn mean(table: &[f32], width: usize, rows: &[(usize, f32)]) -> Vec<f32> {
    let mut sums = vec![0.0f64; width];
    let mut total = 0.0f64;
    for &(row, weight) in rows {
        total += f64::from(weight);
        let numbers = table[row * width..(row + 1) * width].iter();
        let terms = numbers.map(|number| f64::from(weight) * f64::from(*number));
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    sums.into_iter().map(|sum| (sum / total) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::{Dictionary, IdKind};
    use common::policy_artifact::{NetworkConfig, PolicyConfig, PolicyItems, Weights};

    fn policy(encoder: Encoder) -> Artifact {
        let network = NetworkConfig {
            items: 4,
            dims: 3,
            hidden: 5,
            traits: 2,
            window: 3,
            encoder,
        };
        Artifact {
            manifest: Manifest::new(POLICY, "test"),
            weights: Weights::init(&network, 1),
            items: PolicyItems {
                ids: Dictionary::from_values(IdKind::Text, ["a", "b", "c", "d"].map(String::from)).unwrap(),
                popularity: vec![5.0, 2.0, 1.0, 3.0],
                traits: (0..8).map(|number| number as f32).collect(),
            },
            users: Default::default(),
            config: PolicyConfig {
                network,
                method: "none".into(),
                traits: "none".into(),
                gamma: 0.9,
                likes: None,
                training: Default::default(),
            },
        }
    }

    fn item(id: &str, categories: &[&str]) -> NewItem {
        NewItem {
            id: id.into(),
            categories: categories.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_new_item_stands_where_those_stand_that_it_is_like() {
        let categories = BTreeMap::from([
            ("a".to_string(), vec!["x".to_string()]),
            ("b".to_string(), vec!["x".to_string(), "y".to_string()]),
            ("d".to_string(), vec!["z".to_string()]),
        ]);
        for encoder in [Encoder::Gru, Encoder::History] {
            let before = policy(encoder);
            let new = [
                item("e", &["x"]),
                item("a", &[]),
                item("f", &["w"]),
                item("g", &[]),
            ];
            let after = extended(policy(encoder), &new, &categories).unwrap();
            assert!(after.items.ids.ids().eq(["a", "b", "c", "d", "e", "f", "g"]));
            assert_eq!(after.weights.item_embedding[..12], before.weights.item_embedding);
            let row = |of: &Artifact, item: usize| of.weights.item_embedding[item * 3..][..3].to_vec();
            // `e` is like a (1) and b (1/2); `f` and `g` are like c, which has the fewest likes.
            for (number, found) in row(&after, 4).into_iter().enumerate() {
                let expected = (row(&before, 0)[number] + 0.5 * row(&before, 1)[number]) / 1.5;
                assert!((found - expected).abs() < 1e-6);
            }
            assert_eq!(
                (row(&after, 5), row(&after, 6)),
                (row(&before, 2), row(&before, 2))
            );
            assert_eq!(after.items.traits[10..12], before.items.traits[4..6]);
            assert_eq!(after.items.popularity[4..], [0.0; 3]);
            if encoder == Encoder::History {
                assert_eq!(after.weights.encoder[1].len(), 7 * 5);
                assert_eq!(
                    after.weights.encoder[0][25..30],
                    before.weights.encoder[0][10..15]
                );
            }
            // It is a policy: it can be written and read.
            let folder = tempfile::tempdir().unwrap();
            after.save(&folder.path().join("p")).unwrap();
            let read = Artifact::load(&folder.path().join("p")).unwrap();
            assert_eq!(read.weights, after.weights);
        }
        assert!(extended(policy(Encoder::Gru), &[item("b", &[])], &categories).is_none());
    }
}
