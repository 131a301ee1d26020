//! Made-up users and films, in the built-in templates.

use std::collections::BTreeMap;

use common::Result;
use common::rng::{ChaCha8Rng, RngExt, stream};

use crate::batch::{Prompt, Question};
use crate::prompt::{Template, Templates, User};
use crate::vocab::Domain;

const FIRST: [&str; 24] = [
    "The Last",
    "A Quiet",
    "Midnight",
    "The Silent",
    "Broken",
    "Golden",
    "The Secret",
    "Dangerous",
    "Lost",
    "Blue",
    "The Perfect",
    "American",
    "Forever",
    "The Hidden",
    "Burning",
    "Cold",
    "The Long",
    "Wild",
    "Dark",
    "Sweet",
    "The Invisible",
    "Little",
    "Crimson",
    "The Great",
];
const SECOND: [&str; 24] = [
    "Garden",
    "Mountain",
    "Summer",
    "Stranger",
    "Heart",
    "Highway",
    "River",
    "Promise",
    "Detective",
    "Mirror",
    "Wedding",
    "Soldier",
    "Island",
    "Dream",
    "Letter",
    "Storm",
    "Family",
    "Express",
    "Window",
    "Kingdom",
    "Dance",
    "Harbor",
    "Conspiracy",
    "Paradise",
];
const THIRD: [&str; 8] = [
    "",
    "",
    "",
    "",
    " of Love",
    " Returns",
    " in the Rain",
    ": The Movie",
];
const GENRES: [&str; 12] = [
    "Action",
    "Adventure",
    "Animation",
    "Comedy",
    "Crime",
    "Drama",
    "Horror",
    "Musical",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
];
const OCCUPATIONS: [&str; 8] = [
    "student",
    "writer",
    "engineer",
    "educator",
    "lawyer",
    "artist",
    "programmer",
    "retired",
];
/// As in MovieLens-100K: about so many films, and ten interactions in a state.
const FILMS: usize = 1500;
const LIKED: usize = 6;
const DISLIKED: usize = 4;

/// All that is asked.
pub(super) struct Made {
    /// What preference prompts begin with.
    pub(super) beginning: String,
    /// One for each user.
    pub(super) questions: Vec<Question>,
    /// A title and the new line after it, for each film.
    pub(super) continuations: Vec<String>,
    /// What trait prompts begin with.
    pub(super) trait_beginning: String,
    /// One for each user.
    pub(super) trait_prompts: Vec<Prompt>,
}

impl Made {
    pub(super) fn new(users: usize, candidates: usize, seed: u64) -> Result<Self> {
        let templates = Templates::load(Domain::Film, None, &[Template::User, Template::Prefer])?;
        let titles: Vec<String> = (0..FILMS as u64)
            .map(|film| title(&mut stream(seed, "bench: film", &[film])))
            .collect();
        let (mut questions, mut trait_prompts) = (Vec::new(), Vec::new());
        for user in 0..users as u64 {
            let mut rng = stream(seed, "bench: user", &[user]);
            let made = person(&mut rng, &titles);
            let prompt = |text| Prompt {
                subject: format!("made-up user {user}"),
                text,
            };
            questions.push(Question {
                prompt: prompt(templates.preference(&made)?),
                continuations: some(&mut rng, candidates).map(|film| film as u32).collect(),
            });
            trait_prompts.push(prompt(templates.user(&made)?));
        }
        Ok(Made {
            beginning: templates.preference_beginning()?,
            questions,
            continuations: titles.iter().map(|title| format!(" {title}\n")).collect(),
            trait_beginning: templates.user_beginning()?,
            trait_prompts,
        })
    }

    /// The pairs of the first so many users, for a program that is measured beside this one.
    pub(super) fn pairs(&self, users: usize) -> serde_json::Value {
        let user = |question: &Question| {
            let continuations = question.continuations.iter();
            // The answer to the last token is not needed: no pair is evaluated with its new line.
            let titles: Vec<&str> = continuations
                .map(|&c| self.continuations[c as usize].trim_end())
                .collect();
            serde_json::json!({"prompt": question.prompt.text, "continuations": titles})
        };
        self.questions.iter().take(users).map(user).collect()
    }
}

fn one<'a>(rng: &mut ChaCha8Rng, of: &[&'a str]) -> &'a str {
    of[rng.random_range(0..of.len())]
}

fn title(rng: &mut ChaCha8Rng) -> String {
    let (first, second, third) = (one(rng, &FIRST), one(rng, &SECOND), one(rng, &THIRD));
    format!("{first} {second}{third} ({})", rng.random_range(1930..2000))
}

/// So many films, the same one twice by a rare chance.
fn some(rng: &mut ChaCha8Rng, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(|_| rng.random_range(0..FILMS))
}

fn person(rng: &mut ChaCha8Rng, titles: &[String]) -> User {
    let pick = |rng: &mut ChaCha8Rng, count| some(rng, count).map(|film| titles[film].clone()).collect();
    let first = rng.random_range(0..GENRES.len() - 3);
    User {
        liked: pick(rng, LIKED),
        disliked: pick(rng, DISLIKED),
        categories: GENRES[first..first + 3]
            .iter()
            .map(|genre| genre.to_string())
            .collect(),
        attributes: BTreeMap::from([
            ("age".to_string(), rng.random_range(18..70).to_string()),
            ("gender".to_string(), one(rng, &["F", "M"]).to_string()),
            ("occupation".to_string(), one(rng, &OCCUPATIONS).to_string()),
        ]),
        ..User::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_depends_on_the_seed_alone() {
        let made = |seed| Made::new(3, 5, seed).unwrap();
        assert_eq!(made(1).questions, made(1).questions);
        assert_ne!(made(1).questions, made(2).questions);
        let made = made(1);
        assert!(made.questions.iter().all(|q| q.continuations.len() == 5));
        assert!(made.questions[0].prompt.text.starts_with(&made.beginning));
        assert!(made.trait_prompts[0].text.starts_with(&made.trait_beginning));
        let pairs = made.pairs(2);
        assert_eq!(pairs.as_array().unwrap().len(), 2);
        assert_eq!(pairs[1]["prompt"], made.questions[1].prompt.text);
        let title = pairs[1]["continuations"][4].as_str().unwrap();
        assert_eq!(
            format!("{title}\n"),
            made.continuations[made.questions[1].continuations[4] as usize]
        );
    }
}
