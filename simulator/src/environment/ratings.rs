//! A matrix of ratings without gaps, and how far apart items are in it: the ground of [`super::easyrl4rec`].
//!
//! Either it is given as a text file, as the library's own of Coat, or it is what the user model expects: a pair of user and
//! item whose probability of a like is p has the rating (1 - p) n + p l, where n and l are the mean held-out ratings of what
//! users did not like and of what they liked.

use std::path::Path;

use common::stats::dot;
use common::{Error, Result, input};
use rayon::prelude::*;

use super::Environment;
use super::easyrl4rec::Protocol;

/// Most ratings, and most pairs of items: both are held in memory.
const MOST: usize = 1 << 26;

/// The share of pairs of items that are too close under the library's own settings, by the name of the dataset. Coat: counted in
/// its matrix, where 748 of 44,850 pairs are closer than its threshold of 6. MovieLens: 75 lies between two percentiles that
/// `MovieLensEnv` notes of its own matrix, 72.51 (the 25th) and 78.04 (the 30th).
const TOO_CLOSE: [(&str, f64); 2] = [("coat", 748.0 / 44_850.0), ("movielens", 0.2725)];

/// The ratings of all users and items, and the distances of items.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratings {
    users: usize,
    /// A row an item, a number a user.
    rating: Vec<f32>,
    /// The distance of each item to each before it, item by item.
    distance: Vec<f32>,
    /// Below it two items are too close.
    threshold: f32,
}

impl Ratings {
    /// The ratings in `file`, a line a user and a number an item, in the environment's order, with blanks or commas between
    /// them; without a file those that the user model expects.
    ///
    /// Without a threshold in `protocol` it is set so that as large a share of the pairs of items is too close as in the
    /// library's own matrix under its own threshold: a distance means nothing in a matrix of another spread.
    ///
    /// # Errors
    /// A file of another shape or with something that is no number; no file where the data held no ratings; too many users
    /// and items; no threshold for a dataset that the library has no setting of.
    pub fn new(environment: &Environment, protocol: &Protocol, file: Option<&Path>) -> Result<Self> {
        let (users, items) = (environment.users.len(), environment.items.len());
        if users.max(items).saturating_mul(items) > MOST {
            return Err(Error::usage(format!(
                "the rule `easyrl4rec` holds a rating of every user and item and a distance of every two items in memory: \
                 {users} users and {items} items are too many"
            )));
        }
        let rating = match file {
            Some(file) => read(file, users, items)?,
            None => expected(environment)?,
        };
        let distance = distances(&rating, users, items);
        let threshold = match protocol.threshold {
            Some(threshold) => threshold,
            None => usual_threshold(&environment.name, distance.clone())?,
        };
        Ok(Ratings {
            users,
            rating,
            distance,
            threshold,
        })
    }

    /// The rating of `item` by `user`.
    pub fn of(&self, user: u32, item: u32) -> f32 {
        self.rating[item as usize * self.users + user as usize]
    }

    /// Whether the two are closer than the threshold.
    pub fn too_close(&self, one: u32, other: u32) -> bool {
        let (low, high) = (one.min(other) as usize, one.max(other) as usize);
        let distance = if low == high {
            0.0
        } else {
            self.distance[high * (high - 1) / 2 + low]
        };
        distance < self.threshold
    }
}

/// What the user model expects, a row an item.
fn expected(environment: &Environment) -> Result<Vec<f32>> {
    let Some([not_liked, liked]) = environment.mean_ratings else {
        return Err(Error::usage(format!(
            "the environment `{}` knows no ratings, which the rule `easyrl4rec` gives as rewards",
            environment.name
        ))
        .hint(
            "fit it with this version on data with ratings (coat, movielens; `simulator fit --overwrite`), or give --ratings",
        ));
    };
    let users = environment.users.len() as u32;
    Ok((0..environment.items.len() as u32)
        .into_par_iter()
        .flat_map_iter(|item| {
            (0..users)
                .map(move |user| not_liked + environment.model.probability(user, item) * (liked - not_liked))
        })
        .collect())
}

/// Reads a matrix; gives a row an item.
fn read(file: &Path, users: usize, items: usize) -> Result<Vec<f32>> {
    let text = input::read_text("read the ratings", file)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let shape =
        || format!("the environment has {users} users and {items} items: a line a user, a number an item");
    if lines.len() != users {
        let what = format!("the matrix has {} lines", lines.len());
        return Err(Error::data(what).file(file).hint(shape()));
    }
    let mut rating = vec![0.0; users * items];
    for (user, line) in lines.into_iter().enumerate() {
        let fields: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|field| !field.is_empty())
            .collect();
        let bad = |what: String| Error::data(what).file(file).line(user + 1).hint(shape());
        if fields.len() != items {
            return Err(bad(format!("the line has {} numbers", fields.len())));
        }
        for (item, field) in fields.into_iter().enumerate() {
            rating[item * users + user] = match field.parse::<f32>() {
                Ok(rating) if rating.is_finite() => rating,
                _ => return Err(bad(format!("{field:?} is no rating"))),
            };
        }
    }
    Ok(rating)
}

/// The Euclidean distance of each item's ratings to those of each item before it.
fn distances(rating: &[f32], users: usize, items: usize) -> Vec<f32> {
    let of = |item: usize| &rating[item * users..][..users];
    (0..items)
        .into_par_iter()
        .flat_map_iter(|item| {
            let mut difference = vec![0.0; users];
            (0..item).map(move |before| {
                for ((d, a), b) in difference.iter_mut().zip(of(item)).zip(of(before)) {
                    *d = a - b;
                }
                dot(&difference, &difference).sqrt()
            })
        })
        .collect()
}

/// The threshold below which the dataset's share of `distances` lies.
fn usual_threshold(name: &str, mut distances: Vec<f32>) -> Result<f32> {
    let Some((_, share)) = TOO_CLOSE.iter().find(|(dataset, _)| *dataset == name) else {
        return Err(Error::usage(format!(
            "EasyRL4Rec has no setting for `{name}`: from which distance on are two items not too close?"
        ))
        .hint("give --threshold"));
    };
    let at = (share * distances.len() as f64).round() as usize;
    if distances.is_empty() {
        return Ok(0.0);
    }
    let at = at.min(distances.len() - 1);
    Ok(*distances.select_nth_unstable_by(at, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::super::easyrl4rec::Mode;
    use super::super::tests::small;
    use super::*;

    fn protocol(threshold: Option<f32>) -> Protocol {
        Protocol {
            mode: Mode::Free,
            window: 7,
            threshold,
        }
    }

    fn from(text: &str) -> Result<Ratings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ratings");
        std::fs::write(&file, text).unwrap();
        Ratings::new(&small(), &protocol(Some(1.5)), Some(&file))
    }

    #[test]
    fn a_matrix_is_read_by_users_and_items() {
        let ratings = from("1 2 3 4 5 1\n2,2,2,2,2,2\r\n3 3 3 3 3 3\n4 4 4 4 4 4.5\n\n").unwrap();
        assert_eq!(
            (ratings.of(0, 4), ratings.of(1, 0), ratings.of(3, 5)),
            (5.0, 2.0, 4.5)
        );
        // Items 0 and 1 differ by one in user 0 alone, items 0 and 2 by two, items 1 and 3 by two.
        assert!(ratings.too_close(0, 1) && ratings.too_close(1, 0) && ratings.too_close(3, 2));
        assert!(!ratings.too_close(0, 2) && !ratings.too_close(3, 1) && ratings.too_close(3, 3));
    }

    #[test]
    fn a_matrix_of_another_shape_is_bad_data_with_its_place() {
        let row = "1 1 1 1 1 1\n";
        for (text, words) in [
            (row.repeat(3), "3 lines"),
            (format!("{}1 1\n", row.repeat(3)), "2 numbers"),
            (format!("{}1 1 1 1 1 x\n", row.repeat(3)), "\"x\" is no rating"),
            (
                format!("{}1 1 1 1 1 NaN\n", row.repeat(3)),
                "\"NaN\" is no rating",
            ),
        ] {
            let error = from(&text).unwrap_err();
            assert_eq!(error.class().code(), 42);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().contains("4 users and 6 items"), "{error}");
        }
    }

    #[test]
    fn the_user_model_expects_between_what_is_not_liked_and_what_is() {
        let mut environment = small();
        let error = Ratings::new(&environment, &protocol(Some(1.0)), None).unwrap_err();
        assert!(error.to_string().contains("knows no ratings"), "{error}");
        environment.mean_ratings = Some([2.0, 4.5]);
        let ratings = Ratings::new(&environment, &protocol(Some(1.0)), None).unwrap();
        // The log does not count: user 2 has consumed item 2.
        for (user, item) in [(0, 5), (2, 2), (3, 1)] {
            let p = environment.model.probability(user, item);
            assert!((ratings.of(user, item) - (2.0 * (1.0 - p) + 4.5 * p)).abs() < 1e-6);
        }
    }

    #[test]
    fn without_a_threshold_the_librarys_share_of_pairs_is_too_close() {
        let mut environment = small();
        environment.mean_ratings = Some([1.0, 5.0]);
        let error = Ratings::new(&environment, &protocol(None), None).unwrap_err();
        assert!(error.to_string().contains("--threshold"), "{error}");
        environment.name = "movielens".into();
        let ratings = Ratings::new(&environment, &protocol(None), None).unwrap();
        // 27.25 % of 15 pairs are four.
        let pairs = (0..6).flat_map(|one| (0..one).map(move |other| (one, other)));
        assert_eq!(
            pairs
                .filter(|&(one, other)| ratings.too_close(one, other))
                .count(),
            4
        );
    }
}
