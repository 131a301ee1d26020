//! `item.json`: titles, descriptions and brands as a shop's pages had them, made readable.

use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::schema::items::Items;
use serde_json::Value;

use crate::import::bad_rows::{BadRow, Place};
use crate::import::{add_id, clean, counted, json, python_list};

/// Most characters of a text.
const LONGEST_TEXT: usize = 500;
/// Most characters of a title that is made from a description.
const LONGEST_TITLE: usize = 80;

/// Reads the catalogue; the order is the file's.
pub(super) fn read(path: &Path, bad_rows: &mut BadRows, notes: &mut Vec<String>) -> Result<Items> {
    let mut items = Items {
        ids: Dictionary::new(IdKind::Integer),
        ..Items::default()
    };
    let mut untitled = 0_u64;
    for (id, entry) in json::entries(path)? {
        match add(&mut items, &id, &entry) {
            Ok(titled) => untitled += u64::from(!titled),
            Err(bad) => bad.set_aside(bad_rows, path, Place::Entry(&id))?,
        }
    }
    if untitled > 0 {
        notes.push(format!(
            "{}: {} with the shop's name alone, made from brand and description",
            super::ITEMS,
            counted(untitled, "title")
        ));
    }
    Ok(items)
}

/// Adds an entry; false where its title had to be made up.
fn add(items: &mut Items, id: &str, entry: &Value) -> Result<bool, BadRow> {
    if !id.parse::<i64>().is_ok_and(|number| number.to_string() == id) {
        return Err(BadRow::new(
            "id that is not an integer",
            format!("the id {id:?} is not an integer"),
        ));
    }
    if !entry.is_object() {
        return Err(BadRow::new(
            "entry that is not an object",
            format!("{entry} is not an object"),
        ));
    }
    let published = title(field(entry, "title")?);
    let pieces = pieces(field(entry, "description")?, &published);
    let brand = brand(field(entry, "brand")?);
    let shop_name = published == "Industrial & Scientific";
    let title = match (shop_name || published.is_empty(), pieces.first()) {
        (false, _) => published,
        (true, Some(description)) => made_title(brand.as_deref(), description),
        (true, None) if shop_name => format!("Item {id}"),
        (true, None) => {
            return Err(BadRow::new(
                "item without title and description",
                "neither title nor description",
            ));
        }
    };
    add_id(&mut items.ids, id, "id")?;
    items.title.push(title);
    let text = clean::cut(&sentences(&pieces), LONGEST_TEXT);
    items.text.push((!text.is_empty()).then_some(text));
    items.categories.push(brand.into_iter().collect());
    Ok(!shop_name)
}

/// A text that may be missing.
fn field<'a>(entry: &'a Value, name: &'static str) -> Result<&'a str, BadRow> {
    match entry.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            Err(BadRow::new("value that is not text", format!("the value {other} is not text")).column(name))
        }
    }
}

/// The title without the end of the tag that it was scraped from.
fn title(published: &str) -> String {
    let text = clean::from_html(published);
    text.strip_suffix("\" />").unwrap_or(&text).trim_end().to_string()
}

/// The description's paragraphs, those left out that only repeat the title or the one before.
fn pieces(description: &str, title: &str) -> Vec<String> {
    let mut pieces: Vec<String> = python_list::pieces(description)
        .iter()
        .map(|piece| clean::from_html(piece))
        .filter(|piece| piece.chars().any(char::is_alphanumeric) && piece != title)
        .collect();
    pieces.dedup();
    pieces
}

/// The paragraphs in one line, each closed by some sign.
fn sentences(pieces: &[String]) -> String {
    let closed = pieces.iter().map(|piece| {
        if piece.ends_with(|c: char| c.is_alphanumeric() || c == ')' || c == '"') {
            format!("{piece}.")
        } else {
            piece.clone()
        }
    });
    closed.collect::<Vec<_>>().join(" ")
}

fn made_title(brand: Option<&str>, description: &str) -> String {
    let short = clean::cut(description, LONGEST_TITLE);
    match brand {
        Some(brand) if !short.to_lowercase().contains(&brand.to_lowercase()) => format!("{brand}: {short}"),
        _ => short,
    }
}

/// The brand without the words that shop pages put around it; `None` where it is not known.
fn brand(published: &str) -> Option<String> {
    let text = clean::from_html(published);
    let text = without_prefix(&text, "by ").unwrap_or(&text);
    let store = without_prefix(text, "visit the ").and_then(|text| text.strip_suffix(" Store"));
    let text = store.unwrap_or(text).trim();
    (!text.is_empty() && !text.eq_ignore_ascii_case("unknown")).then(|| text.to_string())
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| text[prefix.len()..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_lose_what_a_page_left_in_them() {
        let cases = [
            ("T&uuml;rlen  Test &ndash; 1&#39;", "Türlen Test – 1'"),
            (
                "RapidFix Adhesive,RFX7121101\" />",
                "RapidFix Adhesive,RFX7121101",
            ),
            (
                "Filament &Oslash; 1.75mm, &Acirc;&plusmn; 0.05mm",
                "Filament Ø 1.75mm, ± 0.05mm",
            ),
        ];
        for (published, expected) in cases {
            assert_eq!(title(published), expected);
        }
    }

    #[test]
    fn brands_are_names() {
        let cases = [
            (" by  Stanley ", Some("Stanley")),
            ("Visit the 3M Store", Some("3M")),
            ("DMSO Store", Some("DMSO Store")),
            ("Bypass", Some("Bypass")),
            ("Unknown", None),
            ("", None),
        ];
        for (published, expected) in cases {
            assert_eq!(brand(published).as_deref(), expected);
        }
    }

    #[test]
    fn descriptions_become_sentences_without_repetitions() {
        let pieces = pieces(
            "['Screws', '', 'Sharp<br />tip', 'Sharp tip', \"It's good.\", '.']",
            "Screws",
        );
        assert_eq!(pieces, ["Sharp tip", "It's good."]);
        assert_eq!(sentences(&pieces), "Sharp tip. It's good.");
    }

    #[test]
    fn a_missing_title_is_made_from_brand_and_description() {
        assert_eq!(made_title(Some("VXB"), "A bearing."), "VXB: A bearing.");
        assert_eq!(made_title(Some("vxb"), "The VXB bearing."), "The VXB bearing.");
    }
}
