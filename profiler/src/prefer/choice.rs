//! Scores of labels: which of the listed candidates the model names.
//!
//! A language model has a leaning to some labels and places whatever they stand for: the same list is asked with
//! the user left out, and the log-probabilities of its labels are taken away (contextual calibration, Zhao et al.
//! 2021). What is left of the leaning, an average over rotated orders of the list lessens.

use common::schema::states::States;
use common::{Error, Result};

use super::{List, Material};
use crate::batch::{self, Effort, Means, Prompt};
use crate::prompt::User;
use crate::subjects::{self, Fit};
use crate::vocab;

/// The labels of candidates: tokens of their own in all common vocabularies, which two digits are not.
const LABELS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Each candidate's log-probability as the answer, minus that with the user left out, on average over `rotations`
/// orders of the list.
pub(super) fn scores(
    means: Means,
    material: &Material,
    states: &States,
    rotations: usize,
) -> Result<(Vec<Result<Vec<f32>>>, Effort)> {
    let longest = material
        .lists
        .iter()
        .map(|list| list.items.len())
        .max()
        .unwrap_or(0);
    let labels = labels(longest)?;
    let words = vocab::tokens(means.model, &labels)?;
    let beginning = material.templates.choice_beginning()?;
    let mut fit = Fit::new(means.model, &beginning, 0);
    let mut prompts = Vec::with_capacity(2 * rotations * material.lists.len());
    for list in material.lists {
        let titles = titles(material, list);
        for rotation in 0..rotations {
            let order = order(titles.len(), rotation, rotations);
            let listed: Vec<(&str, &str)> = order
                .map(|place| titles[place].as_str())
                .zip(&labels)
                .map(|(title, label)| (label.as_str(), title))
                .collect();
            for user in [&material.users[list.state], &User::default()] {
                let render = |user: &User| material.templates.choice(user, &listed);
                prompts.push(Prompt {
                    subject: material.subject(states, list),
                    text: fit.prompt(render(user)?, user, render)?,
                });
            }
        }
    }
    fit.warn();
    let (rows, effort) = batch::log_probabilities(means, &beginning, &prompts, &words)?;
    let scores = material
        .lists
        .iter()
        .zip(rows.chunks_exact(2 * rotations))
        .map(|(list, rows)| match material.refused(means.model, states, list) {
            Some(error) => Err(error),
            None => {
                let rows = rows.iter().cloned().collect::<Result<Vec<_>>>()?;
                Ok(average(list.items.len(), &rows))
            }
        })
        .collect();
    Ok((scores, effort))
}

fn labels(count: usize) -> Result<Vec<String>> {
    let all: Vec<String> = LABELS.chars().map(String::from).collect();
    if count > all.len() {
        return Err(Error::usage(format!(
            "a list has {count} candidates; a choice has labels for {}",
            all.len()
        ))
        .hint("pass --at-most, or another --form: likelihood and pmi take lists of any length"));
    }
    Ok(all.into_iter().take(count).collect())
}

fn titles(material: &Material, list: &List) -> Vec<String> {
    let title = |&code: &u32| subjects::item(material.catalogue, code as usize).title;
    list.items.iter().map(title).collect()
}

/// The places of a list of `count` in the order of a rotation.
fn order(count: usize, rotation: usize, rotations: usize) -> impl Iterator<Item = usize> {
    let first = rotation * count / rotations;
    (0..count).map(move |label| (first + label) % count)
}

/// The scores of a list of `count` from the rows of its rotations, each with and without the user.
fn average(count: usize, rows: &[Vec<f32>]) -> Vec<f32> {
    let rotations = rows.len() / 2;
    let mut scores = vec![0.0; count];
    for (rotation, pair) in rows.chunks_exact(2).enumerate() {
        for (label, place) in order(count, rotation, rotations).enumerate() {
            scores[place] += f64::from(pair[0][label]) - f64::from(pair[1][label]);
        }
    }
    scores
        .into_iter()
        .map(|sum| (sum / rotations as f64) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_begin_at_places_spread_over_the_list() {
        let of = |rotation| order(5, rotation, 2).collect::<Vec<_>>();
        assert_eq!(of(0), [0, 1, 2, 3, 4]);
        assert_eq!(of(1), [2, 3, 4, 0, 1]);
        assert_eq!(order(1, 2, 3).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_candidate_gets_the_average_over_its_labels() {
        // The second rotation of three begins at place 1: its first label is candidate 1's.
        let rows = [
            vec![-1.0, -2.0, -3.0],
            vec![-1.0, -1.0, -1.0],
            vec![-4.0, -6.0, -8.0],
            vec![-1.0, -1.0, -1.0],
        ];
        assert_eq!(average(3, &rows), [-3.5, -2.0, -3.5]);
    }

    #[test]
    fn there_are_labels_for_fifty_and_no_more_than_52() {
        assert_eq!(labels(50).unwrap().len(), 50);
        assert!(labels(53).unwrap_err().to_string().contains("--at-most"));
    }
}
