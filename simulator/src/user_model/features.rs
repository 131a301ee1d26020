//! What is known of users and items, as sets of on-off features.

use std::collections::{BTreeMap, BTreeSet};

use common::schema::items::Items;
use common::schema::users::Users;

use crate::sparse::SparseRows;

/// The features of the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// Each row's features, by code.
    pub rows: SparseRows,
    /// Names in code order, such as `category=Comedy`.
    pub names: Vec<String>,
}

/// An attribute of numbers with more distinct values than this is cut into as many groups of about equal size.
const NUMBER_GROUPS: usize = 10;

impl Features {
    /// Users: every attribute and value ("gender=F") that at least `support` users have. Attributes of many
    /// different numbers ("age") are cut into ten groups of about equal size.
    pub fn of_users(users: &Users, support: usize) -> Self {
        let cuts = cuts(&users.attributes);
        let named = |of_user: &BTreeMap<String, String>| {
            let name = |(name, value): (&String, &String)| match (cuts.get(name.as_str()), number(value)) {
                (Some(cuts), Some(number)) => {
                    format!(
                        "{name}={} of {NUMBER_GROUPS}",
                        cuts.partition_point(|&cut| cut <= number) + 1
                    )
                }
                _ => format!("{name}={value}"),
            };
            of_user.iter().map(name).collect()
        };
        Self::from_names(users.attributes.iter().map(named).collect(), support)
    }

    /// Items: every category, the year that closes a title in brackets, and with `title_words` the words of
    /// titles, that at least `support` items have.
    pub fn of_items(items: &Items, title_words: bool, support: usize) -> Self {
        let named = |(title, categories): (&String, &Vec<String>)| {
            let categories = categories.iter().map(|category| format!("category={category}"));
            let words = if title_words {
                words(title)
            } else {
                BTreeSet::new()
            };
            categories
                .chain(year(title).map(|year| format!("year={year}")))
                .chain(words.into_iter().map(|word| format!("word={word}")))
                .collect()
        };
        Self::from_names(
            items.title.iter().zip(&items.categories).map(named).collect(),
            support,
        )
    }

    fn from_names(rows: Vec<Vec<String>>, support: usize) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in rows.iter().flatten() {
            *counts.entry(name).or_default() += 1;
        }
        let kept = counts
            .iter()
            .filter(|(_, count)| **count >= support)
            .map(|(name, _)| *name);
        let codes: BTreeMap<&str, u32> = kept.zip(0..).collect();
        let pairs = rows.iter().zip(0..).flat_map(|(names, row)| {
            let codes = &codes;
            names
                .iter()
                .filter_map(move |name| codes.get(name.as_str()).map(|&code| (row, code)))
        });
        Features {
            rows: SparseRows::from_pairs(rows.len(), pairs),
            names: codes.keys().map(|name| (*name).to_string()).collect(),
        }
    }
}

fn number(value: &str) -> Option<f64> {
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Where to cut the attributes that hold numbers alone, more than [`NUMBER_GROUPS`] different ones: rising, so
/// that a number's group is the count of cuts that it reaches.
fn cuts(attributes: &[BTreeMap<String, String>]) -> BTreeMap<&str, Vec<f64>> {
    let mut values: BTreeMap<&str, Option<Vec<f64>>> = BTreeMap::new();
    for (name, value) in attributes.iter().flatten() {
        let numbers = values.entry(name).or_insert_with(|| Some(Vec::new()));
        match (numbers.as_mut(), number(value)) {
            (Some(numbers), Some(number)) => numbers.push(number),
            _ => *numbers = None,
        }
    }
    let of_attribute = |(name, numbers): (_, Option<Vec<f64>>)| {
        let mut sorted = numbers?;
        sorted.sort_by(f64::total_cmp);
        let distinct = 1 + sorted.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let cut = |group: usize| sorted[group * sorted.len() / NUMBER_GROUPS];
        (distinct > NUMBER_GROUPS).then(|| (name, (1..NUMBER_GROUPS).map(cut).collect()))
    };
    values.into_iter().filter_map(of_attribute).collect()
}

/// The different words of a text in lower case; single characters say little and are left out.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().nth(1).is_some())
        .map(str::to_lowercase)
        .collect()
}

fn year(title: &str) -> Option<&str> {
    let (_, year) = title.strip_suffix(')')?.rsplit_once('(')?;
    (year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())).then_some(year)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(name: &str, values: impl Iterator<Item = String>) -> Users {
        Users {
            attributes: values
                .map(|value| BTreeMap::from([(name.to_string(), value)]))
                .collect(),
            ..Users::default()
        }
    }

    #[test]
    fn rare_values_are_left_out() {
        let users = users("gender", ["F", "M", "F"].map(String::from).into_iter());
        let features = Features::of_users(&users, 2);
        assert_eq!(features.names, ["gender=F"]);
        assert_eq!(features.rows.row(0), [0]);
        assert!(features.rows.row(1).is_empty());
    }

    #[test]
    fn many_numbers_are_cut_into_ten_groups() {
        let ages = Features::of_users(&users("age", (0..100).map(|age| age.to_string())), 1);
        assert_eq!(ages.names.len(), 10);
        assert!(
            ages.names.contains(&"age=10 of 10".to_string()),
            "{:?}",
            ages.names
        );
        assert_eq!(ages.rows.row(0), ages.rows.row(9));
        assert_ne!(ages.rows.row(9), ages.rows.row(10));
        let few = Features::of_users(&users("rooms", (0..100).map(|n| (n % 5).to_string())), 1);
        assert_eq!(few.names, ["rooms=0", "rooms=1", "rooms=2", "rooms=3", "rooms=4"]);
        let mixed = (0..100).map(|n| if n == 0 { "none".into() } else { n.to_string() });
        assert_eq!(Features::of_users(&users("age", mixed), 1).names.len(), 100);
    }

    #[test]
    fn items_have_categories_the_year_of_their_title_and_its_words() {
        let items = Items {
            title: vec!["Heat (1995)".into(), "A Heat, again".into()],
            categories: vec![vec!["Crime".into()], vec![]],
            ..Items::default()
        };
        let features = Features::of_items(&items, false, 1);
        assert_eq!(features.names, ["category=Crime", "year=1995"]);
        assert_eq!(features.rows.row(0), [0, 1]);
        assert!(features.rows.row(1).is_empty());
        let features = Features::of_items(&items, true, 2);
        assert_eq!(features.names, ["word=heat"]);
        assert_eq!(
            (features.rows.row(0), features.rows.row(1)),
            ([0].as_slice(), [0].as_slice())
        );
    }
}
