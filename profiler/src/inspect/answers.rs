//! What a model makes of the prompts: their tokens, and what it would say next.

use std::path::Path;

use common::Result;
use common::schema::profiles::Kind;

use super::Config;
use super::prompts::Prompts;
use crate::batch::{self, Cache, Means, Prompt};
use crate::model::Model;

/// What the model says to one prompt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// The tokens of the prompt as text.
    pub(super) tokens: Vec<String>,
    /// How many of them all prompts of the kind share.
    pub(super) shared: usize,
    /// The most probable next tokens, each with its probability.
    pub(super) next: Vec<(String, f64)>,
}

/// The answers of the model at `path`, by the place of their subject.
///
/// # Errors
/// When the model cannot be used, or a prompt does not fit its window.
pub(super) fn of(prompts: &Prompts, path: &Path, config: &Config) -> Result<Vec<Option<Answer>>> {
    let model = Model::load(path, 0)?;
    let cache = Cache::none();
    let means = Means {
        model: &model,
        cache: &cache,
        workers: config.workers,
        label: "answers",
        alone: false,
    };
    let all: Vec<i32> = (0..model.vocabulary()).collect();
    let mut answers = Vec::new();
    for kind in [Kind::Item, Kind::User] {
        let (places, asked): (Vec<usize>, Vec<Prompt>) = prompts.whole(kind).map(prompt).unzip();
        if asked.is_empty() {
            continue;
        }
        let beginning = prompts.beginning(kind);
        let (rows, _) = batch::log_probabilities(means, beginning, &asked, &all)?;
        let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
        for ((place, prompt), row) in places.into_iter().zip(asked).zip(rows) {
            let rest = prompt.text.strip_prefix(beginning);
            let start = rest.map_or("", |_| beginning);
            let mut tokens: Vec<i32> = model.beginning().iter().map(|token| token.0).collect();
            let shared = tokens.len() + model.tokens(start).len();
            for part in [start, rest.unwrap_or(&prompt.text)] {
                tokens.extend(model.tokens(part).iter().map(|token| token.0));
            }
            let text = |token: &i32| model.text(*token);
            let next = most_probable(&row, config.top);
            if answers.len() <= place {
                answers.resize(place + 1, None);
            }
            answers[place] = Some(Answer {
                tokens: tokens.iter().map(text).collect(),
                shared,
                next: next
                    .into_iter()
                    .map(|(token, p)| (model.text(token), p))
                    .collect(),
            });
        }
    }
    Ok(answers)
}

fn prompt((at, text): (usize, &str)) -> (usize, Prompt) {
    let prompt = Prompt {
        subject: format!("number {at} of those shown"),
        text: text.to_string(),
    };
    (at, prompt)
}

/// The `count` most probable tokens, given the log-probability of each.
fn most_probable(row: &[f32], count: usize) -> Vec<(i32, f64)> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
    let probability = |token: usize| (token as i32, f64::from(row[token]).exp());
    order.into_iter().take(count).map(probability).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_come_first_and_ties_in_order() {
        let row = [0.1_f64, 0.4, 0.1, 0.4].map(|p| p.ln() as f32);
        let found = most_probable(&row, 3);
        assert_eq!(
            found.iter().map(|(token, _)| *token).collect::<Vec<_>>(),
            [1, 3, 0]
        );
        assert!((found[0].1 - 0.4).abs() < 1e-6);
    }
}
