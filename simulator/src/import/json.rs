//! A JSON file that holds one object, entry by entry.

use std::fmt;
use std::path::Path;

use common::{Error, Result, input};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The entries of an object in the order of the file, repeated keys and all.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Reads the entries of the object in `path`, in the order of the file; a key may come twice.
///
/// # Errors
/// A missing file; what is not JSON, no UTF-8 or no object, with line and column.
pub(crate) fn entries(path: &Path) -> Result<Vec<(String, Value)>> {
    let bytes = input::read(path)?;
    let Entries(entries) = serde_json::from_slice(&bytes).map_err(|e| {
        let what = e.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        Error::data(format!("no valid JSON: {what}"))
            .file(path)
            .line(e.line())
            .at(format!("column {}", e.column()))
            .hint("the file may have been cut short or edited; copy it again (--max-bad cannot help here)")
    })?;
    Ok(entries)
}
