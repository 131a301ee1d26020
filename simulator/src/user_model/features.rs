//! What is known of users and items, as sets of on-off features.

use std::collections::BTreeMap;

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

impl Features {
    /// Users: every attribute and value ("gender=F") that at least `support` users have.
    pub fn of_users(users: &Users, support: usize) -> Self {
        let named = |of_user: &BTreeMap<String, String>| {
            of_user
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        Self::from_names(users.attributes.iter().map(named).collect(), support)
    }

    /// Items: every category, and the year that closes a title in brackets, that at least `support` items have.
    pub fn of_items(items: &Items, support: usize) -> Self {
        let named = |(title, categories): (&String, &Vec<String>)| {
            let categories = categories.iter().map(|category| format!("category={category}"));
            categories
                .chain(year(title).map(|year| format!("year={year}")))
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

fn year(title: &str) -> Option<&str> {
    let (_, year) = title.strip_suffix(')')?.rsplit_once('(')?;
    (year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())).then_some(year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_values_are_left_out() {
        let users = Users {
            attributes: ["F", "M", "F"]
                .map(|gender| BTreeMap::from([("gender".to_string(), gender.to_string())]))
                .to_vec(),
            ..Users::default()
        };
        let features = Features::of_users(&users, 2);
        assert_eq!(features.names, ["gender=F"]);
        assert_eq!(features.rows.row(0), [0]);
        assert!(features.rows.row(1).is_empty());
    }

    #[test]
    fn items_have_categories_and_the_year_of_their_title() {
        let items = Items {
            title: vec!["Heat (1995)".into(), "Heat (again)".into()],
            categories: vec![vec!["Crime".into()], vec![]],
            ..Items::default()
        };
        let features = Features::of_items(&items, 1);
        assert_eq!(features.names, ["category=Crime", "year=1995"]);
        assert_eq!(features.rows.row(0), [0, 1]);
        assert!(features.rows.row(1).is_empty());
    }
}
