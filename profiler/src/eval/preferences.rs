//! Scores of a preferences file, laid over candidate lists.

use std::collections::BTreeMap;
use std::path::Path;

use common::schema::at;
use common::schema::items::Items;
use common::schema::preferences;
use common::schema::states::States;
use common::{Error, Result, terminal};

use crate::candidates::Candidates;

/// The scores of each list's candidates, in their order; None where not all of them were asked about.
///
/// # Errors
/// When the file holds no preferences, or a score that is not a number.
pub(super) fn scores(
    path: &Path,
    catalogue: &Items,
    states: &States,
    lists: &[Candidates],
) -> Result<Vec<Option<Vec<f64>>>> {
    let read = preferences::read(path)?;
    // A user may have been asked about several lists.
    let mut rows: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (row, (user, state)) in read.user_id.iter().zip(&read.state_hash).enumerate() {
        rows.entry((user, state)).or_default().push(row);
    }
    let of_list = |list: &Candidates| {
        let user = states.users.id(list.row as u32);
        let rows = rows.get(&(user, states.state_hash[list.row].as_str()))?;
        rows.iter().find_map(|&row| {
            let asked = read.candidates[row].iter().zip(&read.scores[row]);
            let by_id: BTreeMap<&str, f32> = asked.map(|(id, &score)| (id.as_str(), score)).collect();
            let score = |&item: &u32| by_id.get(catalogue.ids.id(item)).map(|&score| f64::from(score));
            list.items.iter().map(score).collect::<Option<Vec<f64>>>()
        })
    };
    if let Some(row) = read
        .scores
        .iter()
        .position(|scores| scores.iter().any(|s| s.is_nan()))
    {
        return Err(at::scores(Error::data("a score is NaN"), path, row));
    }
    Ok(lists.iter().map(of_list).collect())
}

/// Requires that the preferences are about some of the lists of all `users`, and says where not about all: `asked` of them.
pub(super) fn require_asked(path: &Path, asked: usize, users: usize) -> Result<()> {
    if asked == 0 {
        return Err(Error::usage("the preferences are about none of the candidate lists")
            .file(path)
            .hint("ask about lists that `profiler candidates` drew from these states, with the same --seed, --unseen and --negatives"));
    }
    if asked < users {
        terminal::warn(&format!(
            "{}: {} of {users} candidate lists were not asked about: measured on the others",
            path.display(),
            users - asked
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::{Dictionary, IdKind};
    use common::manifest::Manifest;
    use common::schema::preferences::{PREFERENCES, Preferences};

    fn ids(names: &[&str]) -> Dictionary {
        Dictionary::from_values(IdKind::Text, names.iter().map(|n| n.to_string())).unwrap()
    }

    #[test]
    fn scores_come_in_the_order_of_the_list_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let catalogue = Items {
            ids: ids(&["x", "y", "z"]),
            ..Items::default()
        };
        let states = States {
            users: ids(&["a", "b", "c"]),
            state_hash: ["1", "2", "3"].map(String::from).to_vec(),
            ..States::default()
        };
        let list = |row| Candidates {
            row,
            items: vec![2, 0],
            positive: vec![true, false],
        };
        let lists = [list(0), list(1), list(2)];
        let mut asked = Preferences {
            state_hash: ["1", "2", "another"].map(String::from).to_vec(),
            user_id: ["a", "b", "c"].map(String::from).to_vec(),
            candidates: [["x", "z"], ["x", "y"], ["x", "z"]]
                .map(|c| c.map(String::from).to_vec())
                .to_vec(),
            scores: vec![vec![-1.0, -2.0]; 3],
            chosen: vec![0; 3],
            margin: vec![1.0; 3],
        };
        let write =
            |asked: &Preferences| preferences::write(&path, &Manifest::new(PREFERENCES, "test"), asked);
        write(&asked).unwrap();
        let found = scores(&path, &catalogue, &states, &lists).unwrap();
        assert_eq!(found, [Some(vec![-2.0, -1.0]), None, None]);
        asked.state_hash[0] = "another".into();
        write(&asked).unwrap();
        assert_eq!(
            scores(&path, &catalogue, &states, &lists).unwrap(),
            [None, None, None]
        );
    }
}
