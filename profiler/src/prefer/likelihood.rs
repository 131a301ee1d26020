//! Scores of titles: how probable the model finds each after the user's prompt.

use std::collections::BTreeMap;

use common::Result;
use common::schema::states::States;

use super::{Material, Normalise};
use crate::batch::{self, Effort, Means, Prompt, Question};
use crate::prompt::User;
use crate::subjects;

/// Each candidate's log-probability after its user's prompt, minus that with the user left out where `pmi`.
pub(super) fn scores(
    means: Means,
    material: &Material,
    states: &States,
    normalise: Normalise,
    pmi: bool,
) -> Result<(Vec<Vec<f32>>, Effort)> {
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
    let mut questions = Vec::with_capacity(material.lists.len() + 1);
    for list in material.lists {
        questions.push(Question {
            prompt: Prompt {
                subject: material.subject(states, list),
                text: templates.preference(&material.users[list.state])?,
            },
            continuations: list.items.iter().map(|code| place_of[code]).collect(),
        });
    }
    if pmi {
        questions.push(Question {
            prompt: Prompt {
                subject: "the user left out".into(),
                text: templates.preference(&User::default())?,
            },
            continuations: (0..titles.len() as u32).collect(),
        });
    }
    let beginning = templates.preference_beginning()?;
    let (mut scores, effort) = batch::log_likelihoods(means, &beginning, &questions, &titles)?;
    let without = if pmi {
        scores.pop().unwrap_or_default()
    } else {
        Vec::new()
    };
    for (question, row) in questions.iter().zip(&mut scores) {
        for (&title, score) in question.continuations.iter().zip(row) {
            if pmi {
                *score -= without[title as usize];
            }
            if normalise == Normalise::Tokens {
                *score /= means.model.continuation(&titles[title as usize]).len() as f32;
            }
        }
    }
    Ok((scores, effort))
}
