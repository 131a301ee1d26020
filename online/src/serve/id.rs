//! Ids at the border of JSON: text or integers, as the policy's catalogue has them.

use std::borrow::Cow;
use std::fmt;

use common::ids::{Dictionary, IdKind};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::limits::Limits;
use super::refusal::{Answer, Refusal};

/// An id in a request: a JSON string, or an integer, which stands for its decimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenId<'a>(pub(super) Cow<'a, str>);

impl GivenId<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses an id that is longer than any should be; `place` says where it stands.
    pub(super) fn check(&self, limits: &Limits, place: impl FnOnce() -> String) -> Answer<()> {
        if self.0.len() <= limits.id {
            return Ok(());
        }
        let text = format!(
            "an id of {} bytes, where at most {} are taken",
            self.0.len(),
            limits.id
        );
        Err(Refusal::unfit(text).at(place()))
    }

    /// The code of this item.
    pub(super) fn code(
        &self,
        items: &Dictionary,
        limits: &Limits,
        place: impl FnOnce() -> String,
    ) -> Answer<u32> {
        if let Some(code) = items.code(&self.0) {
            return Ok(code);
        }
        let place = place();
        self.check(limits, || place.clone())?;
        Err(Refusal::unfit(format!("`{}` is not in the policy's catalogue", self.0)).at(place))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for GivenId<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor).map(GivenId)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id (a string or an integer)")
    }

    fn visit_borrowed_str<E: Error>(self, id: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(id))
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(id.to_string()))
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(id.to_string()))
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(id.to_string()))
    }
}

/// The largest number up to which a client that reads JSON's numbers as doubles tells all integers apart (I-JSON, RFC 7493,
/// section 2.2).
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// An item's id in a reply, of the type that the catalogue has; an integer that a double may not hold is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemId<'a> {
    Text(&'a str),
    Integer(i64),
    Unsigned(u64),
}

impl<'a> ItemId<'a> {
    /// The id of `code`.
    pub(super) fn of(items: &'a Dictionary, code: u32) -> Self {
        let text = items.id(code);
        let number = match items.kind() {
            IdKind::Text => None,
            IdKind::Integer => text
                .parse()
                .ok()
                .filter(|number: &i64| number.unsigned_abs() <= LARGEST_NUMBER)
                .map(ItemId::Integer),
            IdKind::Unsigned => text
                .parse()
                .ok()
                .filter(|&number| number <= LARGEST_NUMBER)
                .map(ItemId::Unsigned),
        };
        number.unwrap_or(ItemId::Text(text))
    }
}

impl Serialize for ItemId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ItemId::Text(text) => serializer.serialize_str(text),
            ItemId::Integer(number) => serializer.serialize_i64(*number),
            ItemId::Unsigned(number) => serializer.serialize_u64(*number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_text_or_integers_and_nothing_else() {
        let read = |json: &'static str| serde_json::from_str::<GivenId<'_>>(json);
        for (json, id) in [
            (r#""a""#, "a"),
            (r#""a\n\"""#, "a\n\""),
            ("7", "7"),
            ("-7", "-7"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(read(json).unwrap().as_str(), id, "{json}");
        }
        for json in ["1.5", "1e3", "true", "null", "[1]", "{}", "18446744073709551616"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn replies_have_the_type_of_the_catalogue() {
        let values = || ["7", "12"].map(String::from);
        for (kind, json) in [
            (IdKind::Text, r#""12""#),
            (IdKind::Integer, "12"),
            (IdKind::Unsigned, "12"),
        ] {
            let items = Dictionary::from_values(kind, values()).unwrap();
            assert_eq!(serde_json::to_string(&ItemId::of(&items, 1)).unwrap(), json);
        }
    }

    #[test]
    fn ids_survive_a_client_that_reads_numbers_as_doubles() {
        for (kind, text, json) in [
            (IdKind::Integer, "9007199254740991", "9007199254740991"),
            (IdKind::Integer, "9007199254740992", r#""9007199254740992""#),
            (IdKind::Integer, "-9007199254740993", r#""-9007199254740993""#),
            (
                IdKind::Unsigned,
                "18446744073709551615",
                r#""18446744073709551615""#,
            ),
        ] {
            let items = Dictionary::from_values(kind, [text.to_string()]).unwrap();
            let written = serde_json::to_string(&ItemId::of(&items, 0)).unwrap();
            assert_eq!(written, json);
            // Sent back as it came, or as a double printed it, it is the same item.
            let back: GivenId<'_> = serde_json::from_str(&written).unwrap();
            assert_eq!(items.code(back.as_str()), Some(0));
            if let Ok(number) = serde_json::from_str::<f64>(&written) {
                assert_eq!(items.code(&format!("{number}")), Some(0));
            }
        }
    }
}
