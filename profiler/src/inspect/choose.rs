//! Which items and users are shown.

use common::schema::profiles::Kind;

use super::Inputs;

/// One that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// Its row in the profiles.
    pub(super) profile: Option<usize>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// One id only.
    pub(super) id: Option<&'a str>,
    /// One kind only.
    pub(super) kind: Option<Kind>,
    /// How many of each kind, where no id is asked for.
    pub(super) sample: usize,
}

/// All of the asked id, else some spread over each kind: of the profiles where there are any, else of the catalogue and
/// the states.
pub(super) fn subjects(inputs: &Inputs, asked: &Asked) -> Vec<Subject> {
    let kinds = [Kind::Item, Kind::User];
    kinds
        .into_iter()
        .filter(|&kind| asked.kind.is_none_or(|asked| asked == kind))
        .flat_map(|kind| {
            let all = all(inputs, kind);
            match asked.id {
                Some(id) => all.into_iter().filter(|subject| subject.id == id).collect(),
                None => spread(all, asked.sample),
            }
        })
        .collect()
}

fn all(inputs: &Inputs, kind: Kind) -> Vec<Subject> {
    if let Some(profiles) = &inputs.profiles {
        let rows = (0..profiles.len()).filter(|&row| profiles.kind[row] == kind);
        let subject = |row: usize| Subject {
            kind,
            id: profiles.id[row].clone(),
            profile: Some(row),
        };
        return rows.map(subject).collect();
    }
    let ids = match kind {
        Kind::Item => inputs.catalogue.as_ref().map(|catalogue| &catalogue.ids),
        Kind::User => inputs.states.as_ref().map(|states| &states.users),
    };
    let ids = ids.into_iter().flat_map(|ids| ids.ids());
    let subject = |id: &str| Subject {
        kind,
        id: id.to_string(),
        profile: None,
    };
    ids.map(subject).collect()
}

/// `count` of `all`, from the beginning to the end.
fn spread(all: Vec<Subject>, count: usize) -> Vec<Subject> {
    let (all_of_them, count) = (all.len(), count.min(all.len()));
    (0..count).map(|n| all[n * all_of_them / count].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::{Dictionary, IdKind};
    use common::schema::items::Items;
    use common::schema::profiles::Profiles;

    fn inputs() -> Inputs {
        let profiles = Profiles {
            kind: vec![Kind::Item, Kind::Item, Kind::User],
            id: ["1", "2", "1"].map(String::from).to_vec(),
            ..Profiles::default()
        };
        Inputs {
            profiles: Some(profiles),
            catalogue: None,
            states: None,
        }
    }

    fn shown(inputs: &Inputs, id: Option<&str>, kind: Option<Kind>, sample: usize) -> Vec<String> {
        let asked = Asked { id, kind, sample };
        let name = |subject: Subject| format!("{} {}", subject.kind.as_str(), subject.id);
        subjects(inputs, &asked).into_iter().map(name).collect()
    }

    #[test]
    fn id_and_kind_choose() {
        assert_eq!(shown(&inputs(), None, None, 5), ["item 1", "item 2", "user 1"]);
        assert_eq!(shown(&inputs(), None, None, 1), ["item 1", "user 1"]);
        assert_eq!(shown(&inputs(), Some("1"), None, 1), ["item 1", "user 1"]);
        assert_eq!(shown(&inputs(), Some("1"), Some(Kind::User), 1), ["user 1"]);
        assert!(shown(&inputs(), Some("7"), None, 1).is_empty());
    }

    #[test]
    fn without_profiles_a_sample_is_spread_over_the_catalogue() {
        let catalogue = Items {
            ids: Dictionary::from_values(IdKind::Integer, (0..9).map(|n| n.to_string())).unwrap(),
            ..Items::default()
        };
        let inputs = Inputs {
            profiles: None,
            catalogue: Some(catalogue),
            states: None,
        };
        assert_eq!(shown(&inputs, None, None, 3), ["item 0", "item 3", "item 6"]);
    }
}
