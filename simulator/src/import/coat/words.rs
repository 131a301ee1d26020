//! Coats and customers in words, from their features.

use std::collections::BTreeMap;

const GENDER: &str = "gender";
const JACKET: &str = "jackettype";
const COLOUR: &str = "color";
const FRONT_PAGE: &str = "onfrontpage";

const JACKET_OF_NO_KIND: &str = "jacket";

/// The features that every coat must have.
pub(super) const GROUPS: [&str; 4] = [GENDER, JACKET, COLOUR, FRONT_PAGE];

/// A coat's features, in words.
pub(super) struct Coat {
    /// "men's".
    whose: String,
    /// "bomber jacket"; a "jacket" of no kind that the map names.
    garment: String,
    /// "black"; `None` for a colour that the map does not name.
    colour: Option<String>,
    on_front_page: bool,
}

impl Coat {
    /// From the value of each of [`GROUPS`].
    pub(super) fn new(values: &BTreeMap<String, String>) -> Self {
        let value = |group| values.get(group).map_or("", String::as_str);
        let garment = match value(JACKET) {
            "other" => JACKET_OF_NO_KIND.into(),
            "parkas" => "parka".into(),
            "vests" => "vest".into(),
            "shells" => "shell jacket".into(),
            kind @ ("pea" | "rain" | "trench") => format!("{kind} coat"),
            kind => format!("{kind} jacket"),
        };
        let colour = match value(COLOUR) {
            "other" => None,
            "multi" => Some("multi-coloured".to_string()),
            colour => Some(colour.to_string()),
        };
        Coat {
            whose: format!("{}'s", value(GENDER)),
            garment,
            colour,
            on_front_page: value(FRONT_PAGE) == "yes",
        }
    }

    /// "Men's bomber jacket, black".
    pub(super) fn title(&self) -> String {
        let mut letters = self.whose.chars();
        let first: String = letters
            .next()
            .map(|first| first.to_uppercase().collect())
            .unwrap_or_default();
        let coat = format!("{first}{} {}", letters.as_str(), self.garment);
        match &self.colour {
            Some(colour) => format!("{coat}, {colour}"),
            None => coat,
        }
    }

    /// "Men's bomber jacket, black, on the front page."
    pub(super) fn text(&self) -> String {
        let place = if self.on_front_page {
            "on the front page"
        } else {
            "not on the front page"
        };
        format!("{}, {place}.", self.title())
    }

    /// The features one by one.
    pub(super) fn categories(&self) -> Vec<String> {
        let kind = match self.garment.as_str() {
            JACKET_OF_NO_KIND => "other jacket",
            kind => kind,
        };
        let colour = self.colour.as_deref().unwrap_or("other colour");
        let mut categories = [kind, &self.whose, colour].map(String::from).to_vec();
        if self.on_front_page {
            categories.push("on the front page".into());
        }
        categories
    }
}

/// A customer's features as attributes; `fashioninterest` gets its blank.
pub(super) fn attributes(values: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let named = values.into_iter().map(|(group, value)| match group.as_str() {
        "fashioninterest" => ("fashion interest".to_string(), value),
        _ => (group, value),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coat(gender: &str, jacket: &str, colour: &str, front: &str) -> Coat {
        let values = GROUPS.into_iter().zip([gender, jacket, colour, front]);
        Coat::new(
            &values
                .map(|(group, value)| (group.to_string(), value.to_string()))
                .collect(),
        )
    }

    #[test]
    fn coats_read_as_people_write_of_them() {
        let bomber = coat("men", "bomber", "black", "yes");
        assert_eq!(bomber.title(), "Men's bomber jacket, black");
        assert_eq!(bomber.text(), "Men's bomber jacket, black, on the front page.");
        assert_eq!(
            bomber.categories(),
            ["bomber jacket", "men's", "black", "on the front page"]
        );
        let parka = coat("women", "parkas", "multi", "no");
        assert_eq!(
            parka.text(),
            "Women's parka, multi-coloured, not on the front page."
        );
        assert_eq!(parka.categories(), ["parka", "women's", "multi-coloured"]);
        let other = coat("men", "other", "other", "no");
        assert_eq!(other.text(), "Men's jacket, not on the front page.");
        assert_eq!(other.categories(), ["other jacket", "men's", "other colour"]);
    }
}
