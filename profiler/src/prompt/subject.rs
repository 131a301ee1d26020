//! What templates are told: an item or a user's state, as short clean text.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use crate::profile::Profile;

/// Characters of a title, a category or an attribute that are told.
const SHORT: usize = 120;
/// Characters of an item's text that are told.
const LONG: usize = 400;
/// Categories of an item that are told.
const MOST_CATEGORIES: usize = 12;
/// Categories of the items that a user likes that are told.
const MOST_CATEGORIES_OF_A_USER: usize = 5;

/// An item as templates see it; the default is the subject left out.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its title.
    pub title: String,
    /// A longer text; may be empty.
    pub text: String,
    /// Its categories; may be empty.
    pub categories: Vec<String>,
}

/// A user's state as templates see it; the default is the subject left out.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// Titles of liked items, oldest first.
    pub liked: Vec<String>,
    /// Titles of items that were not liked, oldest first.
    pub disliked: Vec<String>,
    /// Categories of liked items, the most frequent first.
    pub categories: Vec<String>,
    /// What else is known of the user.
    pub attributes: BTreeMap<String, String>,
    /// The profile that `profiler summarise` wrote of the user, where it is told.
    pub summary: Option<Profile>,
    /// Of each of these titles, oldest first, whether it is a liked one; templates do not see it.
    pub order: Vec<bool>,
}

impl Item {
    /// An item of the catalogue, its texts cleaned and shortened.
    pub fn new(title: &str, text: Option<&str>, categories: &[String]) -> Self {
        Item {
            title: clean(title, SHORT),
            text: clean(text.unwrap_or_default(), LONG),
            categories: categories
                .iter()
                .take(MOST_CATEGORIES)
                .map(|c| clean(c, SHORT))
                .collect(),
        }
    }

    /// As templates see it.
    pub(super) fn value(&self) -> Value {
        let Item {
            title,
            text,
            categories,
        } = self;
        context! { title, text, categories }
    }

    /// Items so different that what their prompts share is the template's.
    pub(super) fn extremes() -> [Item; 3] {
        [
            Item::default(),
            Item {
                title: "A".into(),
                ..Item::default()
            },
            Item {
                title: "Z".into(),
                text: "Z".into(),
                categories: vec!["Z".into()],
            },
        ]
    }
}

impl User {
    /// The most frequent of `categories`, ties in the order of first appearance.
    pub fn frequent(categories: &[String]) -> Vec<String> {
        let mut counted: Vec<(&String, usize)> = Vec::new();
        for category in categories {
            match counted.iter_mut().find(|(known, _)| *known == category) {
                Some((_, count)) => *count += 1,
                None => counted.push((category, 1)),
            }
        }
        counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counted
            .into_iter()
            .take(MOST_CATEGORIES_OF_A_USER)
            .map(|(category, _)| category.clone())
            .collect()
    }

    /// The same user with the history left out.
    pub fn without_history(&self) -> User {
        User {
            attributes: self.attributes.clone(),
            summary: self.summary.clone(),
            ..User::default()
        }
    }

    /// The same user with the last `most` titles of each kind.
    pub fn recent(&self, most: usize) -> User {
        self.kept(|likes, others, liked| if liked { likes } else { others } <= most)
    }

    /// The same user with the last `most` titles; categories stay those of all.
    pub fn latest(&self, most: usize) -> User {
        self.kept(|likes, others, _| likes + others <= most)
    }

    /// The same user with the titles that `keep` says: of each, how many liked and other ones stand from there to the end.
    fn kept(&self, keep: impl Fn(usize, usize, bool) -> bool) -> User {
        let (mut seen, mut kept) = ([0, 0], [0, 0]);
        let mut order = Vec::new();
        for &liked in self.order.iter().rev() {
            seen[usize::from(liked)] += 1;
            if keep(seen[1], seen[0], liked) {
                kept[usize::from(liked)] += 1;
                order.push(liked);
            }
        }
        order.reverse();
        let last = |titles: &[String], most: usize| titles[titles.len().saturating_sub(most)..].to_vec();
        User {
            liked: last(&self.liked, kept[1]),
            disliked: last(&self.disliked, kept[0]),
            order,
            ..self.clone()
        }
    }

    /// The order of its titles as bytes, to be hashed.
    pub fn order_bytes(&self) -> Vec<u8> {
        self.order.iter().map(|&liked| u8::from(liked)).collect()
    }

    /// Attributes cleaned and shortened.
    pub fn attributes(attributes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        attributes
            .iter()
            .map(|(key, value)| (clean(key, SHORT), clean(value, SHORT)))
            .collect()
    }

    /// As templates see it.
    pub(super) fn value(&self) -> Value {
        let User {
            liked,
            disliked,
            categories,
            attributes,
            summary,
            order: _,
        } = self;
        let summary = summary.as_ref().map_or(Value::from(()), |told| {
            let Profile {
                likes,
                avoids,
                next,
                about,
            } = told;
            context! { likes, avoids, next, about }
        });
        context! { liked, disliked, categories, attributes => attributes.clone(), summary }
    }

    /// States so different that what their prompts share is the template's.
    pub(super) fn extremes() -> [User; 5] {
        let attributes = BTreeMap::from([("Z".to_string(), "Z".to_string())]);
        [
            User::default(),
            User {
                liked: vec!["A".into()],
                ..User::default()
            },
            User {
                disliked: vec!["Z".into()],
                ..User::default()
            },
            User {
                liked: vec!["Z".into()],
                disliked: vec!["A".into()],
                categories: vec!["A".into()],
                attributes,
                ..User::default()
            },
            User {
                summary: Some(Profile {
                    about: "A".into(),
                    ..Profile::default()
                }),
                ..User::default()
            },
        ]
    }
}

/// `text` in one line without control characters, cut after a word at about `longest` characters.
pub(crate) fn clean(text: &str, longest: usize) -> String {
    let mut cleaned = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        let length = cleaned.chars().count();
        if length > 0 && length + 1 + word.chars().count() > longest {
            break;
        }
        if length > 0 {
            cleaned.push(' ');
        }
        cleaned.extend(word.chars().take(longest));
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_clean_line() {
        assert_eq!(clean("  a\tb\n\u{0} c ", 20), "a b c");
        assert_eq!(clean("", 20), "");
    }

    #[test]
    fn the_oldest_titles_go_first() {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let user = User {
            liked: names(&["a", "c", "e"]),
            disliked: names(&["b", "d"]),
            order: vec![true, false, true, false, true],
            ..User::default()
        };
        for (most, liked, disliked) in [
            (5, &["a", "c", "e"][..], &["b", "d"][..]),
            (3, &["c", "e"], &["d"]),
            (1, &["e"], &[]),
            (0, &[], &[]),
        ] {
            let cut = user.latest(most);
            assert_eq!((cut.liked, cut.disliked), (names(liked), names(disliked)));
            assert_eq!(cut.order.len(), most);
        }
        let recent = user.recent(1);
        assert_eq!((recent.liked, recent.disliked), (names(&["e"]), names(&["d"])));
        assert_eq!(recent.order, [false, true]);
    }

    #[test]
    fn categories_are_counted() {
        let categories = ["War", "Drama", "Crime", "Drama", "Crime"].map(String::from);
        assert_eq!(User::frequent(&categories), ["Drama", "Crime", "War"]);
    }

    #[test]
    fn long_text_is_cut_behind_a_word() {
        assert_eq!(clean("one two three", 9), "one two");
        assert_eq!(clean("ééééé", 3), "ééé");
    }
}
