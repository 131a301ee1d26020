//! Groups of users by an attribute.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::ids::Dictionary;
use crate::schema::users;
use crate::{Error, Result, terminal};

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
pub struct Group {
    /// `gender=F`.
    pub name: String,
    /// Of each user whether they are in it; none where the attribute is not known.
    pub member: Vec<Option<bool>>,
}

impl Group {
    /// The sum of `values` of the users of the group, or of all others whose attribute is known, and how many there are; `users` has
    /// the user of each value.
    pub fn sum(&self, values: &[f64], users: &[u32], member: bool) -> (f64, f64) {
        let of = values.iter().zip(users);
        let of = of.filter(|(_, user)| self.member[**user as usize] == Some(member));
        of.fold((0.0, 0.0), |(sum, count), (value, _)| (sum + value, count + 1.0))
    }
}

impl By {
    /// The groups of the users `of`, in the order of attributes and values.
    ///
    /// # Errors
    /// Users that cannot be read, an attribute that none of these users has.
    pub fn groups(&self, of: &Dictionary) -> Result<Vec<Group>> {
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
                return Err(
                    Error::usage(format!("none of these users has the attribute `{attribute}`"))
                        .file(&self.users)
                        .hint("name an attribute that the users' file has, as --by gender"),
                );
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
