//! `profiler inspect`: the strongest traits of some items and users, for a person to judge.

use std::fmt::Write;
use std::path::PathBuf;

use common::schema::profiles::{self, Kind, Profiles};
use common::{Error, Result};

/// Profiles of each kind that are shown where no id is asked for.
const SAMPLE: usize = 5;

/// What `inspect` is to show.
#[derive(Clone, Debug)]
pub struct Config {
    /// The profiles.
    pub profiles: PathBuf,
    /// One id only.
    pub id: Option<String>,
    /// One kind only.
    pub kind: Option<Kind>,
    /// Traits a profile.
    pub top: usize,
}

/// Gives the table as text: for each profile its strongest and its weakest traits with their log-odds.
///
/// # Errors
/// When the profiles cannot be read, or none has the id.
pub fn run(config: &Config) -> Result<String> {
    let profiles = profiles::read(&config.profiles)?;
    let rows = chosen(&profiles, config);
    if rows.is_empty() {
        let asked = config
            .id
            .as_deref()
            .map_or(String::new(), |id| format!(" with the id `{id}`"));
        return Err(Error::usage(format!("no such profile{asked}"))
            .file(&config.profiles)
            .hint("leave --id and --kind out to see which there are"));
    }
    let mut text = String::new();
    for row in rows {
        describe(&mut text, &profiles, row, config.top);
    }
    Ok(text)
}

/// All rows of the asked id, else rows spread over each kind.
fn chosen(profiles: &Profiles, config: &Config) -> Vec<usize> {
    let mut rows = Vec::new();
    for kind in [Kind::Item, Kind::User] {
        if config.kind.is_some_and(|asked| asked != kind) {
            continue;
        }
        let of_kind: Vec<usize> = (0..profiles.len())
            .filter(|&row| profiles.kind[row] == kind)
            .filter(|&row| config.id.as_ref().is_none_or(|id| *id == profiles.id[row]))
            .collect();
        let shown = if config.id.is_some() {
            of_kind.len()
        } else {
            SAMPLE.min(of_kind.len())
        };
        rows.extend((0..shown).map(|n| of_kind[n * of_kind.len() / shown]));
    }
    rows
}

fn describe(text: &mut String, profiles: &Profiles, row: usize, top: usize) {
    let traits = profiles.traits_of(row);
    let mut order: Vec<usize> = (0..traits.len()).collect();
    order.sort_by(|&a, &b| traits[b].total_cmp(&traits[a]).then(a.cmp(&b)));
    let list = |order: &mut dyn Iterator<Item = usize>| {
        let named = |at: usize| format!("{} {:+.2}", profiles.vocabulary[at], traits[at]);
        order.take(top).map(named).collect::<Vec<_>>().join("  ")
    };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{} {}  (confidence {:.3})\n  most   {}\n  least  {}\n",
        profiles.kind[row].as_str(),
        profiles.id[row],
        profiles.confidence[row],
        list(&mut order.iter().copied()),
        list(&mut order.iter().rev().copied()),
    );
    if let Some(summary) = &profiles.summary[row] {
        let _ = writeln!(text, "  {summary}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Profiles {
        Profiles {
            vocabulary: ["sad", "funny", "dark"].map(String::from).to_vec(),
            kind: vec![Kind::Item, Kind::Item, Kind::User],
            id: ["1", "2", "1"].map(String::from).to_vec(),
            state_hash: vec![None, None, Some("h".into())],
            traits: vec![0.5, 2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0],
            summary: vec![None; 3],
            confidence: vec![0.1, 0.2, 0.3],
        }
    }

    fn config(id: Option<&str>, kind: Option<Kind>) -> Config {
        Config {
            profiles: "p".into(),
            id: id.map(String::from),
            kind,
            top: 2,
        }
    }

    #[test]
    fn traits_are_shown_from_both_ends() {
        let mut text = String::new();
        describe(&mut text, &profiles(), 0, 2);
        let expected =
            "item 1  (confidence 0.100)\n  most   funny +2.00  sad +0.50\n  least  dark -1.00  sad +0.50\n";
        assert_eq!(text, expected);
        let mut told = profiles();
        told.summary[0] = Some("{}".into());
        let mut text = String::new();
        describe(&mut text, &told, 0, 2);
        assert_eq!(text, format!("{expected}  {{}}\n"));
    }

    #[test]
    fn id_and_kind_choose_rows() {
        assert_eq!(chosen(&profiles(), &config(None, None)), [0, 1, 2]);
        assert_eq!(chosen(&profiles(), &config(Some("1"), None)), [0, 2]);
        assert_eq!(chosen(&profiles(), &config(Some("1"), Some(Kind::User))), [2]);
        assert!(chosen(&profiles(), &config(Some("7"), None)).is_empty());
    }
}
