//! A sentence around titles: the words of the profile, and the titles that the model picks for them.
//!
//! A small model's own words about a user are mostly wrong, and its picks are not: whatever it picks, the user did
//! like or dislike it. Titles are trees of tokens; where only one goes on, its tokens are given and not asked for.

use std::collections::VecDeque;

use crate::profile::{ABOUT, Profile};
use crate::prompt::clean;

/// Words of a list that the sentence repeats.
const WORDS: usize = 3;
/// Characters of a title.
const TITLE: usize = 40;

/// A sentence in the making.
pub(super) struct Titles {
    said: String,
    picked: Vec<String>,
    parts: VecDeque<Part>,
    open: Vec<Candidate>,
    /// Tokens of the open candidates that are chosen already.
    chosen: usize,
}

enum Part {
    Given(String),
    /// One of the titles that was not picked yet, and the text after it.
    Pick(Vec<String>, &'static str),
}

struct Candidate {
    title: String,
    text: String,
    tokens: Vec<i32>,
}

impl Titles {
    /// The sentence about a user with these titles in the history; `noun` is what the items are.
    pub(super) fn new(profile: &Profile, liked: &[String], disliked: &[String], noun: &str) -> Self {
        let (liked, disliked) = (sayable(liked), sayable(disliked));
        let mut parts = VecDeque::new();
        if !profile.likes.is_empty() {
            parts.push_back(Part::Given(format!("Likes {} {noun}", listed(&profile.likes))));
            if !profile.avoids.is_empty() {
                parts.push_back(Part::Given(format!(
                    " more than {} {noun}",
                    listed(&profile.avoids)
                )));
            }
            let end = if disliked.is_empty() { "." } else { ";" };
            match liked.len() {
                0 => parts.push_back(Part::Given(end.into())),
                1 => parts.extend([Part::Given(", such as".into()), Part::Pick(liked, end)]),
                _ => parts.extend([
                    Part::Given(", such as".into()),
                    Part::Pick(liked.clone(), " and"),
                    Part::Pick(liked, end),
                ]),
            }
        }
        parts.extend(match (profile.likes.is_empty(), disliked.len()) {
            (false, 0) => vec![],
            (true, 0) => vec![Part::Given(format!("Avoids {} {noun}.", listed(&profile.avoids)))],
            (likes_nothing, _) => {
                let verb = if likes_nothing {
                    "Did not like"
                } else {
                    " did not like"
                };
                vec![Part::Given(verb.into()), Part::Pick(disliked, ".")]
            }
        });
        Titles {
            said: String::new(),
            picked: Vec::new(),
            parts,
            open: Vec::new(),
            chosen: 0,
        }
    }

    /// The tokens up to where the model must choose; none where it need not any more.
    pub(super) fn given(&mut self, tokenise: impl Fn(&str) -> Vec<i32>) -> Vec<i32> {
        let mut given = Vec::new();
        loop {
            if self.open.len() == 1
                && let Some(only) = self.open.pop()
            {
                given.extend(&only.tokens[self.chosen..]);
                self.said += &only.text;
                self.picked.push(only.title);
            }
            if let [first, others @ ..] = &self.open[..] {
                let rest = &first.tokens[self.chosen..];
                let alike = |at: usize| {
                    let token = |other: &Candidate| other.tokens.get(self.chosen + at) == Some(&rest[at]);
                    others.iter().all(token)
                };
                let shared = (0..rest.len()).take_while(|&at| alike(at)).count();
                given.extend(&rest[..shared]);
                self.chosen += shared;
                return given;
            }
            match self.parts.pop_front() {
                // The model is asked nothing more.
                None => return Vec::new(),
                Some(Part::Given(text)) => {
                    given.extend(tokenise(&text));
                    self.said += &text;
                }
                Some(Part::Pick(titles, end)) => self.open(titles, end, &tokenise),
            }
        }
    }

    fn open(&mut self, titles: Vec<String>, end: &str, tokenise: impl Fn(&str) -> Vec<i32>) {
        self.chosen = 0;
        for title in titles.into_iter().filter(|title| !self.picked.contains(title)) {
            // "R.E.M." ends a sentence by itself.
            let end = if title.ends_with('.') {
                end.trim_start_matches('.')
            } else {
                end
            };
            let text = format!(" {title}{end}");
            let tokens = tokenise(&text);
            if self.open.iter().all(|open| open.tokens != tokens) {
                self.open.push(Candidate { title, text, tokens });
            }
        }
    }

    /// Chooses among the titles by the logits of the next token, the first of equals.
    pub(super) fn choose(&mut self, logits: &[f32]) {
        let at = self.chosen;
        let next = |open: &Candidate| open.tokens.get(at).copied();
        let logit = |token: i32| logits.get(token as usize).copied();
        let mut best = None;
        for token in self.open.iter().filter_map(next) {
            if best.is_none_or(|best| logit(token) > logit(best)) {
                best = Some(token);
            }
        }
        self.open.retain(|open| next(open) == best);
    }

    /// The sentence.
    pub(super) fn finish(self) -> String {
        clean(&self.said, ABOUT)
    }
}

/// Titles as they may stand in a text, each once.
fn sayable(titles: &[String]) -> Vec<String> {
    let mut sayable: Vec<String> = Vec::new();
    for title in titles {
        let plain = title.replace('"', "'").replace('\\', "/");
        let mut short = clean(&plain, TITLE);
        if short.len() < clean(&plain, usize::MAX).len() {
            short.push('…');
        }
        if !short.is_empty() && !sayable.contains(&short) {
            sayable.push(short);
        }
    }
    sayable
}

/// `a, b and c`.
fn listed(words: &[String]) -> String {
    match &words[..words.len().min(WORDS)] {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| t.to_string()).collect()
    }

    /// Makes the sentence; tokens are characters, and `prefer` says how much the model likes each.
    fn made(
        profile: &Profile,
        liked: &[&str],
        disliked: &[&str],
        prefer: impl Fn(char) -> f32,
    ) -> (String, usize) {
        let mut titles = Titles::new(profile, &texts(liked), &texts(disliked), "films");
        let logits: Vec<f32> = (0..300).map(|c| char::from_u32(c).map_or(0.0, &prefer)).collect();
        let tokenise = |text: &str| text.chars().map(|c| c as i32).collect::<Vec<i32>>();
        let mut choices = 0;
        while !titles.given(tokenise).is_empty() {
            titles.choose(&logits);
            choices += 1;
        }
        (titles.finish(), choices)
    }

    fn profile(likes: &[&str], avoids: &[&str]) -> Profile {
        Profile {
            likes: texts(likes),
            avoids: texts(avoids),
            ..Profile::default()
        }
    }

    #[test]
    fn the_model_picks_titles_and_each_once() {
        let both = profile(&["a", "b", "c", "d"], &["e"]);
        let by_letter = |c: char| c as u32 as f32;
        let (text, choices) = made(&both, &["Alien", "Aliens", "Zulu"], &["Babe"], by_letter);
        assert_eq!(
            text,
            "Likes a, b and c films more than e films, such as Zulu and Aliens; did not like Babe."
        );
        // Zulu by its first letter; the other two where they part.
        assert_eq!(choices, 2);
        let (text, _) = made(&both, &["Alien", "Aliens"], &[], |c| -by_letter(c));
        assert!(text.ends_with("such as Alien and Aliens."), "{text}");
    }

    #[test]
    fn where_there_is_no_choice_the_model_is_not_asked() {
        let (text, choices) = made(&profile(&["a"], &[]), &["Alien"], &[], |_| 0.0);
        assert_eq!((text.as_str(), choices), ("Likes a films, such as Alien.", 0));
        let (text, choices) = made(&profile(&[], &["e"]), &[], &["Babe", "Babe"], |_| 0.0);
        assert_eq!((text.as_str(), choices), ("Did not like Babe.", 0));
        let (text, _) = made(&profile(&["a"], &[]), &["R.E.M."], &[], |_| 0.0);
        assert_eq!(text, "Likes a films, such as R.E.M.");
        let (text, _) = made(&profile(&["a"], &[]), &[""], &[], |_| 0.0);
        assert_eq!(text, "Likes a films.");
    }

    #[test]
    fn odd_and_long_titles_keep_the_text_plain_and_short() {
        let long = "One Two Three ".repeat(9);
        assert_eq!(
            sayable(&texts(&["a \"b\"\\", "", &long])),
            ["a 'b'/", "One Two Three One Two Three One Two…"]
        );
        let words = ["w".repeat(20), "v".repeat(20), "u".repeat(20)];
        let all = profile(
            &words.each_ref().map(String::as_str),
            &words.each_ref().map(String::as_str),
        );
        let (text, _) = made(&all, &[&long, "Zulu"], &[&long], |_| 0.0);
        assert!(text.chars().count() <= ABOUT, "{text}");
    }
}
