//! Trait profiles, standardised and laid over the dataset's codes.

use std::path::Path;

use common::schema::at;
use common::schema::profiles::{Kind, Profiles};
use common::schema::states::empty_hash;
use common::{Error, Result, terminal};

use super::log::Dataset;

/// Traits of items and users, row-major over codes; a row of zeros where there is no profile. K traits.
#[derive(Clone, Debug)]
pub(crate) struct ProfileTraits {
    /// K.
    pub(crate) count: usize,
    /// N x K, standardised over the items that have a profile.
    pub(crate) items: Vec<f32>,
    /// Items that have a profile.
    pub(crate) known_items: Vec<u32>,
    /// U x K, standardised over the users that have a profile.
    pub(crate) users: Vec<f32>,
    /// Users that have a profile.
    pub(crate) known_users: Vec<u32>,
    /// What [`super::Traits::fame`] is.
    pub(crate) fame: Option<Vec<f32>>,
}

impl ProfileTraits {
    /// Lays `read` over the codes of `dataset`. `hashes` holds each user's state hash, where known. Where only a part of the
    /// log is read, a user's profile that was read from another state, or does not say from which, is left out: it may tell
    /// of what comes after the part. One that was read from an empty state tells nothing of any log, and fits each.
    ///
    /// # Errors
    /// A user's profile that was read from another state than the one given; no item in common.
    pub(crate) fn new(
        read: &Profiles,
        path: &Path,
        dataset: &Dataset,
        hashes: &[Option<String>],
        states: &Path,
    ) -> Result<Self> {
        let count = read.vocabulary.len();
        let whole = dataset.log.fraction >= 1.0;
        let of_no_state = Some(empty_hash());
        let mut items = vec![0.0; dataset.items.len() * count];
        let mut users = vec![0.0; dataset.users.len() * count];
        let (mut known_items, mut known_users) = (Vec::new(), Vec::new());
        let (mut fame, mut famous) = (vec![0.0; dataset.items.len()], Vec::new());
        for row in 0..read.len() {
            let (dictionary, values, known) = match read.kind[row] {
                Kind::Item => (&dataset.items, &mut items, &mut known_items),
                Kind::User => (&dataset.users, &mut users, &mut known_users),
            };
            let Some(code) = dictionary.code(&read.id[row]) else {
                continue;
            };
            let of_state = read.kind[row] == Kind::User && read.state_hash[row] != of_no_state;
            if of_state && !whole {
                if hashes[code as usize] != read.state_hash[row] {
                    continue;
                }
            } else if of_state
                && let (Some(ours), Some(theirs)) = (&hashes[code as usize], &read.state_hash[row])
                && ours != theirs
            {
                let what = format!(
                    "the profile of user `{}` was read from another state",
                    read.id[row]
                );
                let hint = "make the profiles again from these states with `profiler traits`";
                return Err(at::another_state(path, row, states, &what, hint));
            }
            let at = code as usize * count;
            values[at..at + count].copy_from_slice(read.traits_of(row));
            known.push(code);
            if let Some(value) = read.fame_of(row).filter(|_| read.kind[row] == Kind::Item) {
                fame[code as usize] = value;
                famous.push(code);
            }
        }
        for (known, all, what) in [
            (&mut known_items, dataset.items.len(), "items"),
            (&mut known_users, dataset.users.len(), "users"),
        ] {
            known.sort_unstable();
            known.dedup();
            // Items' traits are worth having without users', but not the other way round.
            if known.is_empty() && what == "items" {
                return Err(
                    Error::usage(format!("no profile is of one of the log's {all} items"))
                        .file(path)
                        .hint("make the profiles from this log's items, or pass --traits none"),
                );
            }
            if known.len() < all {
                let without = match known.len() {
                    0 => format!("none of the {all} {what} has a"),
                    known => format!("{} of {all} {what} have no", all - known),
                };
                terminal::warn(&format!(
                    "{without} profile in {}: their traits are zero",
                    path.display()
                ));
            }
        }
        standardise(&mut items, count, &known_items);
        standardise(&mut users, count, &known_users);
        standardise(&mut fame, 1, &famous);
        Ok(ProfileTraits {
            count,
            items,
            known_items,
            users,
            known_users,
            fame: (!famous.is_empty()).then_some(fame),
        })
    }
}

/// Shifts and scales each of the `width` columns to mean 0 and variance 1 over the rows `known`; a constant
/// column becomes 0.
fn standardise(values: &mut [f32], width: usize, known: &[u32]) {
    for column in 0..width {
        let at = |row: u32| row as usize * width + column;
        let (mean, scale) = mean_and_scale(known.iter().map(|&row| values[at(row)]));
        for &row in known {
            let value = &mut values[at(row)];
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
}

/// What takes `values` to mean 0 and variance 1: (value - mean) * scale, the scale 0 where they are all alike.
pub(crate) fn mean_and_scale(values: impl ExactSizeIterator<Item = f32> + Clone) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / count;
    let variance = values.map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    let scale = if variance > 1e-12 {
        variance.sqrt().recip()
    } else {
        0.0
    };
    (mean, scale)
}

#[cfg(test)]
mod tests {
    use super::standardise;

    #[test]
    fn columns_get_mean_zero_and_variance_one_over_known_rows() {
        let mut values = [1.0, 5.0, 9.0, 9.0, 3.0, 5.0];
        standardise(&mut values, 2, &[0, 2]);
        assert_eq!(values, [-1.0, 0.0, 9.0, 9.0, 1.0, 0.0]);
    }
}
