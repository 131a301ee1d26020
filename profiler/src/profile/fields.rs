//! A user's profile: its fields, their bounds, and whether a text is one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The version of the profile's form; `profile.schema.json` describes it.
pub const VERSION: u32 = 1;
/// Most words of `likes`.
pub const LIKES: usize = 5;
/// Most words of `avoids`.
pub const AVOIDS: usize = 3;
/// Most words of `next`.
pub const NEXT: usize = 3;
/// Most characters of `about`.
pub const ABOUT: usize = 240;

/// What a user likes, avoids and is likely to try next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Words of the vocabulary for what the user likes, the strongest first; none where no like is known.
    pub likes: Vec<String>,
    /// Words for what the user avoids; none where nothing is known to be disliked.
    pub avoids: Vec<String>,
    /// Words beyond `likes` that the user is likely to try next.
    pub next: Vec<String>,
    /// One sentence.
    pub about: String,
}

/// A field that holds words of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Likes,
    Avoids,
    Next,
}

impl Field {
    pub(crate) const ALL: [Field; 3] = [Field::Likes, Field::Avoids, Field::Next];

    /// The text in front of the field's first word, as if it were the first field.
    pub(crate) fn lead(self) -> &'static str {
        match self {
            Field::Likes => r#"{"likes":[""#,
            Field::Avoids => r#"{"avoids":[""#,
            Field::Next => r#"{"next":[""#,
        }
    }
}

impl Profile {
    /// As compact JSON, the fields in their order.
    pub fn to_json(&self) -> String {
        // Lists of text and a text, which JSON always can hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The JSON up to where the sentence begins.
    pub(crate) fn opening(&self) -> String {
        let untold = Profile {
            about: String::new(),
            ..self.clone()
        };
        let json = untold.to_json();
        json.strip_suffix("\"}").unwrap_or(&json).to_string()
    }

    /// Reads a profile and checks it: its fields, their bounds, words of `vocabulary` alone, none of them twice
    /// in a list or both liked and avoided or liked already and next.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(json: &str, vocabulary: &[String]) -> Result<Profile, String> {
        let profile: Profile = serde_json::from_str(json).map_err(|e| e.to_string())?;
        if profile.to_json() != json {
            return Err("it is not in its one form: compact, the fields in their order".into());
        }
        let lists = [
            ("likes", &profile.likes, LIKES),
            ("avoids", &profile.avoids, AVOIDS),
            ("next", &profile.next, NEXT),
        ];
        let mut seen = BTreeSet::new();
        for (name, words, most) in lists {
            if words.len() > most {
                return Err(format!("{} words in `{name}`, at most {most}", words.len()));
            }
            for word in words {
                if !vocabulary.contains(word) {
                    return Err(format!("`{word}` in `{name}` is not a word of the vocabulary"));
                }
                if !seen.insert(word) {
                    return Err(format!(
                        "`{word}` in `{name}` stands there twice, or in another list"
                    ));
                }
            }
        }
        let length = profile.about.chars().count();
        if !(1..=ABOUT).contains(&length) {
            return Err(format!(
                "{length} characters in `about`, 1 to {ABOUT} are allowed"
            ));
        }
        match profile.about.chars().find(|&c| !plain(c)) {
            Some(odd) => Err(format!("{odd:?} in `about`")),
            None => Ok(profile),
        }
    }
}

/// Whether a character may stand in a text: all but controls and what JSON would escape.
pub(crate) fn plain(c: char) -> bool {
    !c.is_control() && c != '"' && c != '\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<String> {
        ["funny", "sad", "dark", "slow", "epic", "old"]
            .map(String::from)
            .to_vec()
    }

    fn said(json: &str) -> String {
        Profile::check(json, &words()).unwrap_err()
    }

    #[test]
    fn a_profile_is_read_as_it_was_written() {
        let profile = Profile {
            likes: vec!["funny".into()],
            avoids: vec![],
            next: vec!["old".into()],
            about: "Né à Paris.".into(),
        };
        let json = r#"{"likes":["funny"],"avoids":[],"next":["old"],"about":"Né à Paris."}"#;
        assert_eq!(profile.to_json(), json);
        assert_eq!(Profile::check(json, &words()).unwrap(), profile);
        assert_eq!(
            profile.opening(),
            r#"{"likes":["funny"],"avoids":[],"next":["old"],"about":""#
        );
    }

    #[test]
    fn what_is_no_profile_is_told_by_its_fault() {
        let with = |likes: &str, avoids: &str, about: &str| {
            said(&format!(
                r#"{{"likes":[{likes}],"avoids":[{avoids}],"next":[],"about":"{about}"}}"#
            ))
        };
        assert!(with(r#""loud""#, "", "x").contains("`loud`"));
        assert!(with(r#""sad","sad""#, "", "x").contains("twice"));
        assert!(with(r#""sad""#, r#""sad""#, "x").contains("another list"));
        assert!(with(r#""funny","sad","dark","slow","epic","old""#, "", "x").contains("6 words"));
        assert!(with("", "", "").contains("0 characters"));
        assert!(with("", "", &"é".repeat(ABOUT + 1)).contains("241 characters"));
        assert!(with("", "", r#"a\nb"#).contains("'\\n'"));
        assert!(said(r#"{"likes":[],"avoids":[],"about":"x"}"#).contains("next"));
        assert!(said(r#"{"likes":[],"avoids":[],"next":[],"about":"x","more":1}"#).contains("more"));
        assert!(said(r#"{"likes":[], "avoids":[],"next":[],"about":"x"}"#).contains("one form"));
        assert!(said(r#"{"likes":[],"avoids":[],"next":[],"about":"x"#).contains("EOF"));
    }
}
