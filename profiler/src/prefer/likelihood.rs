//! Scores of titles: how probable the model finds each after the user's prompt.

use std::collections::BTreeMap;

use common::Result;
use common::schema::states::States;

use super::{Material, Normalise};
use crate::batch::{self, Effort, Means, Prompt, Question};
use crate::prompt::User;
use crate::subjects::{self, Fit};

/// Each candidate's log-probability after its user's prompt, minus that with the user left out where `pmi`.
pub(super) fn scores(
    means: Means,
    material: &Material,
    states: &States,
    normalise: Normalise,
    pmi: bool,
) -> Result<(Vec<Result<Vec<f32>>>, Effort)> {
    let templates = material.templates;
    let items = material.lists.iter().flat_map(|list| &list.items);
    let mut place_of: BTreeMap<u32, u32> = items.map(|&code| (code, 0)).collect();
    let titles: Vec<String> = place_of
        .iter_mut()
        .zip(0..)
        .map(|((&code, place), at)| {
            *place = at;
            // With the new line that follows a title in the template: see `batch::log_likelihoods`.
            format!(" {}\n", subjects::item(material.catalogue, code as usize).title)
        })
        .collect();
    let beginning = templates.preference_beginning()?;
    let longest = titles
        .iter()
        .map(|title| means.model.continuation(title).len())
        .max();
    let mut fit = Fit::new(means.model, &beginning, longest.unwrap_or(0));
    let mut questions = Vec::with_capacity(material.lists.len() + 1);
    for list in material.lists {
        let user = &material.users[list.state];
        questions.push(Question {
            prompt: Prompt {
                subject: material.subject(states, list),
                text: fit.prompt(templates.preference(user)?, user, |user| {
                    templates.preference(user)
                })?,
            },
            continuations: list.items.iter().map(|code| place_of[code]).collect(),
        });
    }
    if pmi {
        let text = templates.preference(&User::default())?;
        // One for each title, so that one that has no answer has an error of its own.
        questions.extend((0..titles.len() as u32).map(|title| Question {
            prompt: Prompt {
                subject: "the user left out".into(),
                text: text.clone(),
            },
            continuations: vec![title],
        }));
    }
    fit.warn();
    let (mut scores, effort) = batch::log_likelihoods(means, &beginning, &questions, &titles)?;
    let without = scores.split_off(material.lists.len());
    for ((question, row), list) in questions.iter().zip(&mut scores).zip(material.lists) {
        let answered = std::mem::replace(row, Ok(Vec::new()));
        let refused = material.refused(means.model, states, list);
        *row = refused.map_or(answered, Err).and_then(|mut row| {
            for (&title, score) in question.continuations.iter().zip(&mut row) {
                if let Some(without) = without.get(title as usize) {
                    *score -= without.clone()?.iter().sum::<f32>();
                }
                if normalise == Normalise::Tokens {
                    *score /= means.model.continuation(&titles[title as usize]).len() as f32;
                }
            }
            Ok(row)
        });
    }
    Ok((scores, effort))
}
