//! Groups of users by an attribute, and how the users of each fare beside all others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::ids::Dictionary;
use common::schema::users;
use common::{Error, Result, terminal};

use super::interval::Interval;

/// Which attributes tell groups, and where users have them.
#[derive(Clone, Debug)]
pub struct By {
    /// Users with their attributes.
    pub users: PathBuf,
    /// Names of attributes.
    pub attributes: Vec<String>,
}

/// Users of a group, at least: of fewer an interval says little.
const LEAST: usize = 20;

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// `gender=F`.
    pub(super) name: String,
    /// Of each user of the held-out log whether they are in it; none where the attribute is not known.
    pub(super) member: Vec<Option<bool>>,
}

impl By {
    /// The groups of the users `of`, in the order of attributes and values.
    ///
    /// # Errors
    /// Users that cannot be read, an attribute that none of these users has.
    pub(super) fn groups(&self, of: &Dictionary) -> Result<Vec<Group>> {
        let users = users::read(&self.users)?;
        let mut groups = Vec::new();
        for attribute in &self.attributes {
            let value = |id| {
                let row = users.ids.code(id)?;
                users.attributes[row as usize].get(attribute)
            };
            let values: Vec<Option<&String>> = of.ids().map(value).collect();
            let mut sizes: BTreeMap<&String, usize> = BTreeMap::new();
            values
                .iter()
                .flatten()
                .for_each(|value| *sizes.entry(value).or_default() += 1);
            if sizes.is_empty() {
                return Err(Error::usage(format!(
                    "no user of the held-out log has the attribute `{attribute}`"
                ))
                .file(&self.users)
                .hint("name an attribute that the users' file has, as --by gender"));
            }
            let small: Vec<&str> = sizes
                .iter()
                .filter(|(_, size)| **size < LEAST)
                .map(|(value, _)| value.as_str())
                .collect();
            if !small.is_empty() {
                terminal::info(&format!(
                    "{attribute}: {} values of fewer than {LEAST} users each are not shown by themselves",
                    small.len()
                ));
            }
            for value in sizes
                .iter()
                .filter(|(_, size)| **size >= LEAST)
                .map(|(value, _)| value)
            {
                groups.push(Group {
                    name: format!("{attribute}={value}"),
                    member: values
                        .iter()
                        .map(|of_user| of_user.map(|of_user| of_user == *value))
                        .collect(),
                });
            }
        }
        Ok(groups)
    }
}

impl Group {
    /// The mean of the group's `values`, one of a list of the user at the same place of `user`, and how many there are.
    pub(super) fn mean(&self, values: &[f64], user: &[u32], confidence: f64) -> (Interval, usize) {
        let own = values
            .iter()
            .zip(user)
            .filter(|(_, user)| self.member[**user as usize] == Some(true));
        let (values, users): (Vec<f64>, Vec<u32>) = own.map(|(value, user)| (*value, *user)).unzip();
        (Interval::of_mean(&values, &users, confidence), values.len())
    }

    /// The group's mean minus that of all others whose attribute is known.
    pub(super) fn beside_others(&self, values: &[f64], user: &[u32], confidence: f64) -> Interval {
        let mean = |member: bool| {
            let of = values
                .iter()
                .zip(user)
                .filter(|(_, user)| self.member[**user as usize] == Some(member));
            let (sum, count) = of.fold((0.0, 0.0), |(sum, count), (value, _)| (sum + value, count + 1.0));
            (sum / count, count)
        };
        let ((own, own_count), (others, other_count)) = (mean(true), mean(false));
        let all = values.len() as f64;
        let influence = values
            .iter()
            .zip(user)
            .map(|(value, user)| match self.member[*user as usize] {
                Some(true) => all / own_count * (value - own),
                Some(false) => -all / other_count * (value - others),
                None => 0.0,
            });
        Interval::of(own - others, &influence.collect::<Vec<_>>(), user, confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_held_against_all_others() {
        let group = Group {
            name: "gender=F".into(),
            member: vec![Some(true), Some(false), Some(true), None, Some(false)],
        };
        let (values, user) = ([0.5, 0.25, 1.0, 9.0, 0.75, 0.5], [0, 1, 2, 3, 4, 4]);
        let (mean, lists) = group.mean(&values, &user, 0.95);
        assert_eq!((mean.estimate, lists), (0.75, 2));
        let difference = group.beside_others(&values, &user, 0.95);
        assert_eq!(difference.estimate, 0.25);
        assert!(difference.low < 0.0 && difference.high > 0.5, "{difference:?}");
        // The same values of many users leave no doubt.
        let many = Group {
            name: "x".into(),
            member: (0..1000).map(|user| Some(user % 2 == 0)).collect(),
        };
        let values: Vec<f64> = (0..1000).map(|user| f64::from(user % 2 + user % 3)).collect();
        let user: Vec<u32> = (0..1000).collect();
        let difference = many.beside_others(&values, &user, 0.95);
        assert!(
            (difference.estimate + 1.0).abs() < 0.01 && difference.high < -0.85,
            "{difference:?}"
        );
    }
}
