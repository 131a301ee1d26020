//! Traits of a profiles file, laid over the catalogue and the states.

use std::path::Path;

use common::rng;
use common::schema::at;
use common::schema::items::Items;
use common::schema::profiles::{self, Kind};
use common::schema::states::States;
use common::stats::cosine;
use common::{Error, Result, terminal};

use super::transform::Transform;

/// Transformed traits, row-major; zeros where there is no profile.
pub(super) struct Traits {
    width: usize,
    /// By code of the catalogue.
    items: Vec<f64>,
    /// By row of the states.
    users: Vec<f64>,
}

impl Traits {
    /// Reads `path` and transforms items and users, each kind over those of it that have a profile.
    ///
    /// # Errors
    /// When they are not profiles, of none of these items or users, or of a user in another state.
    pub(super) fn read(
        path: &Path,
        catalogue: &Items,
        states: &States,
        states_path: &Path,
        transform: Transform,
    ) -> Result<Self> {
        let read = profiles::read(path)?;
        let width = read.vocabulary.len();
        let mut items = Rows::new(width, catalogue.ids.len());
        let mut users = Rows::new(width, states.users.len());
        for row in 0..read.len() {
            match read.kind[row] {
                Kind::Item => items.place(catalogue.ids.code(&read.id[row]), read.traits_of(row)),
                Kind::User => {
                    let place = states.users.code(&read.id[row]);
                    if let (Some(place), Some(hash)) = (place, &read.state_hash[row])
                        && states.state_hash[place as usize] != *hash
                    {
                        return Err(another_state(path, states_path, &read.id[row], row));
                    }
                    users.place(place, read.traits_of(row));
                }
            }
        }
        Ok(Traits {
            width,
            items: items.finish(transform, "items of the catalogue", path)?,
            users: users.finish(transform, "users of the states", path)?,
        })
    }

    /// The same with the traits of items and of users handed to others of their kind: what is left of a signal
    /// then is not in the traits.
    pub(super) fn shuffled(&self, seed: u64, shuffle: u64) -> Self {
        let hand_out = |values: &[f64], kind: u64| {
            let mut order: Vec<usize> = (0..values.len() / self.width).collect();
            rng::shuffle(
                &mut rng::stream(seed, "eval: shuffled traits", &[shuffle, kind]),
                &mut order,
            );
            let row = |&at: &usize| values[at * self.width..(at + 1) * self.width].iter().copied();
            order.iter().flat_map(row).collect()
        };
        Traits {
            width: self.width,
            items: hand_out(&self.items, 0),
            users: hand_out(&self.users, 1),
        }
    }

    /// The cosine of the mean of the traits of `liked` with the traits of each of `candidates`.
    pub(super) fn by_liked(&self, liked: &[u32], candidates: &[u32]) -> Vec<f64> {
        // The sum has the direction of the mean.
        let mut mean = vec![0.0; self.width];
        for &item in liked {
            mean.iter_mut()
                .zip(self.item(item))
                .for_each(|(sum, value)| *sum += value);
        }
        self.cosines(&mean, candidates)
    }

    /// The cosine of the traits of the user in `row` with those of each of `candidates`.
    pub(super) fn by_user(&self, row: usize, candidates: &[u32]) -> Vec<f64> {
        self.cosines(&self.users[row * self.width..(row + 1) * self.width], candidates)
    }

    fn item(&self, code: u32) -> &[f64] {
        &self.items[code as usize * self.width..(code as usize + 1) * self.width]
    }

    fn cosines(&self, with: &[f64], candidates: &[u32]) -> Vec<f64> {
        candidates
            .iter()
            .map(|&item| cosine(with, self.item(item)))
            .collect()
    }
}

/// Rows of traits in the making.
struct Rows {
    width: usize,
    values: Vec<f64>,
    known: Vec<bool>,
}

impl Rows {
    fn new(width: usize, rows: usize) -> Self {
        Rows {
            width,
            values: vec![0.0; rows * width],
            known: vec![false; rows],
        }
    }

    fn place(&mut self, row: Option<u32>, traits: &[f32]) {
        if let Some(row) = row {
            let at = row as usize * self.width;
            let values = &mut self.values[at..at + self.width];
            values
                .iter_mut()
                .zip(traits)
                .for_each(|(value, &is)| *value = f64::from(is));
            self.known[row as usize] = true;
        }
    }

    /// The transformed rows. Says how many there are no traits of.
    fn finish(mut self, transform: Transform, what: &str, path: &Path) -> Result<Vec<f64>> {
        let known: Vec<usize> = (0..self.known.len()).filter(|&row| self.known[row]).collect();
        if known.is_empty() {
            return Err(
                Error::usage(format!("no profile is of one of the {} {what}", self.known.len()))
                    .file(path)
                    .hint("make the profiles from these items and states with `profiler traits`"),
            );
        }
        if known.len() < self.known.len() {
            terminal::warn(&format!(
                "{}: {} of {} {what} have no profile: their traits are zero",
                path.display(),
                self.known.len() - known.len(),
                self.known.len()
            ));
        }
        let span = |row: usize| row * self.width..(row + 1) * self.width;
        let mut values: Vec<f64> = known
            .iter()
            .flat_map(|&row| self.values[span(row)].to_vec())
            .collect();
        transform.apply(&mut values, self.width);
        for (&row, transformed) in known.iter().zip(values.chunks_exact(self.width)) {
            self.values[row * self.width..(row + 1) * self.width].copy_from_slice(transformed);
        }
        Ok(self.values)
    }
}

fn another_state(profiles: &Path, states: &Path, user: &str, row: usize) -> Error {
    let what = format!("the profile of user `{user}` was read from another state");
    let hint = "make the profiles again from these states with `profiler traits`";
    at::another_state(profiles, row, states, &what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits() -> Traits {
        Traits {
            width: 2,
            items: vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0],
            users: vec![-1.0, 0.0],
        }
    }

    #[test]
    fn cosines_with_the_mean_liked_item_and_with_the_user() {
        let by_liked = traits().by_liked(&[0, 1], &[0, 2, 3]);
        assert!((by_liked[0] - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!((by_liked[1] - 1.0).abs() < 1e-12);
        assert_eq!(by_liked[2], 0.0, "no traits, no opinion");
        assert_eq!(traits().by_user(0, &[0, 1]), [-1.0, 0.0]);
    }

    #[test]
    fn shuffling_hands_the_same_traits_to_others() {
        let many = Traits {
            width: 1,
            items: (0..50).map(f64::from).collect(),
            users: (0..50).map(f64::from).collect(),
        };
        let shuffled = many.shuffled(1, 0);
        let mut sorted = shuffled.items.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sorted, many.items);
        assert_ne!(shuffled.items, many.items);
        assert_ne!(shuffled.items, shuffled.users);
    }
}
