//! The profiles of users: those with a history are written of, of the others only what is known is told.

use common::Result;
use common::rng::{RngExt, stream};
use common::schema::items::Items;

use super::Chat;
use super::frame::Frame;
use super::slot::Summary;
use super::task::{Subject, Task};
use super::units::{self, Effort, SAMPLE};
use crate::batch::Cache;
use crate::model::Model;
use crate::profile::{ABOUT, Profile};
use crate::prompt::{Templates, User, clean};
use crate::subjects::{self, warn_of_cut};
use crate::vocab::Domain;

/// Titles in the history of a user who stands for any.
const LIKED: usize = 6;

/// What it takes to write profiles, beside the users.
pub struct Means<'a> {
    /// The language model.
    pub model: &'a Model,
    /// The prompt.
    pub templates: &'a Templates,
    /// The vocabulary.
    pub words: &'a [String],
    /// What the items are.
    pub domain: Domain,
    /// Whether the model's chat template is used.
    pub chat: Chat,
    /// Where finished units are kept.
    pub cache: &'a Cache,
    /// Threads; the result does not depend on it.
    pub workers: usize,
}

/// The profile of each of `users`, in their order; `name` gives a user's name in messages. A user whose prompt does not fit the
/// model's window, even without a history, or of whom the model gives no probabilities, has an error instead.
///
/// # Errors
/// When llama.cpp fails.
pub fn profiles(
    means: &Means,
    catalogue: &Items,
    users: &[User],
    name: impl Fn(usize) -> String,
) -> Result<(Vec<Result<Summary>>, Effort)> {
    let frame = Frame::new(means.model, means.templates, means.chat)?;
    let task = Task::new(means.model, &frame, means.words.to_vec(), means.domain.noun())?;
    let mut subjects = Vec::new();
    // Users of whom nothing but attributes is known are not asked about: a model would make something up.
    let mut places = Vec::with_capacity(users.len());
    let mut cut = 0;
    for user in users {
        if user.liked.is_empty() && user.disliked.is_empty() {
            places.push(Ok(None));
            continue;
        }
        let subject = frame.subject(user, &task)?;
        places.push(subject.map(|(subject, is_cut)| {
            cut += usize::from(is_cut);
            subjects.push(subject);
            Some(subjects.len() - 1)
        }));
    }
    warn_of_cut(cut);
    let others = others(catalogue, &frame, &task)?;
    let (written, effort) = units::write(&task, &subjects, &others, means.cache, means.workers)?;
    let of = |(at, (place, user)): (usize, (Result<Option<usize>>, &User))| match place {
        Ok(Some(place)) => written[place].clone().map_err(|e| e.at(name(at))),
        Ok(None) => Ok(unknown(user)),
        Err(error) => Err(error.at(name(at))),
    };
    Ok((
        places.into_iter().zip(users).enumerate().map(of).collect(),
        effort,
    ))
}

/// Users who like anything of the catalogue.
fn others(catalogue: &Items, frame: &Frame, task: &Task) -> Result<Vec<Subject>> {
    let other = |number| {
        let mut rng = stream(0, "users to compare with", &[number]);
        let mut user = User::default();
        for place in 0..LIKED {
            let item = subjects::item(catalogue, rng.random_range(0..catalogue.ids.len()));
            user.order.push(place > 0);
            if place == 0 {
                user.disliked.push(item.title);
            } else {
                user.liked.push(item.title);
                user.categories.extend(item.categories);
            }
        }
        user.categories = User::frequent(&user.categories);
        Ok(frame.subject(&user, task)??.0)
    };
    (0..SAMPLE as u64).map(other).collect()
}

/// What can be said of a user of whom nothing but attributes is known.
fn unknown(user: &User) -> Summary {
    let known: Vec<String> = user
        .attributes
        .iter()
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    let about = if known.is_empty() {
        "Nothing is known yet.".to_string()
    } else {
        let plain = format!("No history yet: {}.", known.join(", "))
            .replace('"', "'")
            .replace('\\', "/");
        clean(&plain, ABOUT)
    };
    Summary {
        profile: Profile {
            about,
            ..Profile::default()
        },
        confidence: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn of_users_without_history_what_is_known_is_told() {
        assert_eq!(unknown(&User::default()).profile.about, "Nothing is known yet.");
        let attributes = BTreeMap::from([
            ("age".to_string(), "24".to_string()),
            ("note".into(), "a \"b\" \\".into()),
        ]);
        let user = User {
            attributes,
            ..User::default()
        };
        let profile = unknown(&user).profile;
        assert_eq!(profile.about, "No history yet: age 24, note a 'b' /.");
        Profile::check(&profile.to_json(), &[]).unwrap();
        let long = User {
            attributes: (0..99).map(|n| (format!("key{n}"), "value".into())).collect(),
            ..User::default()
        };
        Profile::check(&unknown(&long).profile.to_json(), &[]).unwrap();
    }
}
