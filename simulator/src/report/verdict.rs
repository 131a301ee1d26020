//! Did the language model help? Differences between methods, paired by seed.
//!
//! Runs of the same seed meet the same users in the same order, so the difference within a seed is far less noisy
//! than the difference of two means.

use common::Result;

use super::aggregate::Measurements;
use super::interval::Estimate;
use super::methods;
use super::number;
use super::table::Measure;
use crate::metric::ONLINE;

/// What a difference and its interval allow one to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The whole interval is above 0.
    Helped,
    /// The whole interval is below 0.
    Hurt,
    /// 0 lies within the interval.
    NoDifference,
    /// Below two seeds there is no interval.
    Undefined,
}

impl Verdict {
    fn of(difference: Option<Estimate>) -> Self {
        match difference.and_then(|d| d.interval) {
            None => Verdict::Undefined,
            Some([low, _]) if low > 0.0 => Verdict::Helped,
            Some([_, high]) if high < 0.0 => Verdict::Hurt,
            Some(_) => Verdict::NoDifference,
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Verdict::Helped => "better",
            Verdict::Hurt => "worse",
            Verdict::NoDifference => "no measurable difference",
            Verdict::Undefined => "undefined: fewer than 2 seeds in common",
        }
    }

    /// In words, after what did it.
    fn did(self) -> &'static str {
        match self {
            Verdict::Helped => "helped",
            Verdict::Hurt => "hurt",
            Verdict::NoDifference => "made no measurable difference",
            Verdict::Undefined => "cannot be judged with fewer than 2 seeds",
        }
    }
}

/// The difference of two methods in one column of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// Which episodes it is over.
    pub(super) over: &'static str,
    /// First minus second, likes per episode; `None` without a seed in common.
    pub(super) estimate: Option<Estimate>,
    /// The difference in parts of the second's mean, where that is not 0.
    pub(super) relative: Option<f64>,
    /// What it allows one to say.
    pub(super) verdict: Verdict,
}

/// Two methods side by side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    /// The question that the comparison answers.
    pub(super) question: String,
    /// Name of the method that had what is in question.
    pub(super) with: String,
    /// Name of the method that had not.
    pub(super) without: String,
    /// Whether it isolates the language model: the same method with its traits shuffled.
    pub(super) is_control: bool,
    /// Whether it is with the best of what a practitioner would use without a language model.
    pub(super) is_plain: bool,
    /// On the first tenth of the episodes and on all.
    pub(super) differences: [Difference; 2],
}

/// Comparisons of whole recipes; they differ in more than the language model.
const RECIPES: [(&str, &str, &str); 6] = [
    (
        "appeal",
        "log_and_categories",
        "What does the model's knowledge add where the catalogue tells categories?",
    ),
    (
        "ialp",
        "bc",
        "Is pre-training on the model's feedback better than cloning the log, without online learning?",
    ),
    (
        "aialp_ft",
        "bc_ft",
        "Is it still better when both then learn online?",
    ),
    (
        "ialp_log_ft",
        "aialp_ft",
        "What does the log's evidence add to the model's feedback?",
    ),
    (
        "ialp_log_ft",
        "bc_ft",
        "Are both together better than cloning the log, once both learn online?",
    ),
    (
        "aialp_ft",
        "a2c",
        "Is a pre-trained start better than learning online from scratch?",
    ),
];

/// The comparisons that the `present` methods (in the table's order) allow; `mean` is a method's return over all episodes.
pub(super) fn compare(
    measurements: &Measurements,
    environment: &str,
    measure: &Measure,
    present: &[String],
    mean: impl Fn(&str) -> f64,
) -> Result<Vec<Comparison>> {
    let has = |method: &str| present.iter().any(|p| p == method);
    let mut wanted = Vec::new();
    let plain = methods::PLAIN.into_iter().filter(|plain| has(plain));
    let best = plain.reduce(|best, plain| if mean(plain) > mean(best) { plain } else { best });
    for method in ["appeal", "headstart"] {
        if let Some(best) = best.filter(|_| has(method)) {
            let question = format!(
                "Is {} better than the best plain recommender?",
                methods::name(method)
            );
            wanted.push((method, best, question, false));
        }
    }
    let headstart = [("headstart", "appeal", "Does adapting earn more than it costs?")];
    for control in present {
        if let Some(method) = methods::treated(control).filter(|method| has(method)) {
            let question = match method {
                "ialp" => "What does the model's knowledge add to the frozen policy?".to_string(),
                "aialp_ft" => "What does it still add once the policy learns online?".to_string(),
                other => format!("What does the model's knowledge add to {}?", methods::name(other)),
            };
            wanted.push((method, control.as_str(), question, true));
        }
    }
    for (with, without, question) in headstart.into_iter().chain(RECIPES) {
        if has(with) && has(without) {
            wanted.push((with, without, question.to_string(), false));
        }
    }
    wanted
        .into_iter()
        .map(|(with, without, question, is_control)| {
            let difference = |metric: &str, over| -> Result<Difference> {
                let pairs = measurements.pairs(environment, ONLINE, metric, [with, without])?;
                Ok(difference(&pairs, over))
            };
            Ok(Comparison {
                question,
                with: methods::name(with),
                without: methods::name(without),
                is_control,
                is_plain: best == Some(without),
                differences: [
                    difference(measure.first, "first 10 %")?,
                    difference(measure.mean, "all episodes")?,
                ],
            })
        })
        .collect()
}

fn difference(pairs: &[[f64; 2]], over: &'static str) -> Difference {
    let differences: Vec<f64> = pairs.iter().map(|[with, without]| with - without).collect();
    let without: Vec<f64> = pairs.iter().map(|[_, without]| *without).collect();
    let estimate = Estimate::of(&differences);
    let relative = match (estimate, Estimate::of(&without)) {
        (Some(difference), Some(base)) if base.mean != 0.0 => Some(difference.mean / base.mean.abs()),
        _ => None,
    };
    Difference {
        over,
        estimate,
        relative,
        verdict: Verdict::of(estimate),
    }
}

/// How the default stands beside the best plain recommender, a sentence each.
pub(super) fn beside_plain(comparisons: &[Comparison]) -> Vec<String> {
    let sentence = |comparison: &Comparison| {
        let part = |difference: &Difference| {
            let size = difference
                .estimate
                .map_or("-".to_string(), |e| number::signed(e.mean));
            let relative = difference
                .relative
                .map_or(String::new(), |r| format!(" ({:+.1} %)", 100.0 * r));
            format!("{size}{relative} over {}", difference.over)
        };
        let [first, all] = &comparison.differences;
        let (with, without) = (&comparison.with, &comparison.without);
        format!(
            "{with} minus {without}, the best plain recommender: {}, {} likes per episode.",
            part(first),
            part(all)
        )
    };
    comparisons.iter().filter(|c| c.is_plain).map(sentence).collect()
}

/// The answer in one sentence a control: what the model's traits did, as measured.
pub(super) fn answer(comparisons: &[Comparison]) -> Vec<String> {
    let sentences: Vec<String> = comparisons
        .iter()
        .filter(|c| c.is_control)
        .map(sentence)
        .collect();
    if sentences.is_empty() {
        return vec![
            "Not measured: no method was run beside its control with shuffled traits (such as ialp and ialp_shuffled)."
                .to_string(),
        ];
    }
    sentences
}

fn sentence(comparison: &Comparison) -> String {
    let traits = format!("{}: the language model's traits", comparison.with);
    let [first, all] = &comparison.differences;
    let size = |difference: &Difference| {
        difference
            .estimate
            .map_or("-".to_string(), |e| number::signed(e.mean))
    };
    let sizes = format!("({} and {} likes per episode)", size(first), size(all));
    if first.verdict == all.verdict {
        let did = all.verdict.did();
        return format!("{traits} {did} over the first 10 % of the episodes and over all {sizes}.");
    }
    let (start, whole) = (first.verdict.did(), all.verdict.did());
    format!("{traits} {start} over the first 10 % of the episodes, and {whole} over all {sizes}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[[f64; 2]]) -> Difference {
        difference(pairs, "all episodes")
    }

    #[test]
    fn the_verdict_needs_the_whole_interval() {
        assert_eq!(of(&[[1.0, 0.5], [2.0, 1.4], [3.0, 2.6]]).verdict, Verdict::Helped);
        assert_eq!(of(&[[0.5, 1.0], [1.4, 2.0], [2.6, 3.0]]).verdict, Verdict::Hurt);
        assert_eq!(
            of(&[[1.0, 0.5], [2.0, 2.6], [3.0, 2.6]]).verdict,
            Verdict::NoDifference
        );
        assert_eq!(of(&[[1.0, 1.0], [2.0, 2.0]]).verdict, Verdict::NoDifference);
        assert_eq!(of(&[[1.0, 0.5]]).verdict, Verdict::Undefined);
        assert_eq!(of(&[]).verdict, Verdict::Undefined);
    }

    #[test]
    fn seeds_that_differ_more_than_the_methods_do_not_hide_the_difference() {
        // Unpaired, intervals of 1..9 and 1.1..9.1 overlap nearly whole; within each seed the first is better by 0.1.
        let found = of(&[[1.1, 1.0], [5.11, 5.0], [9.1, 9.0]]);
        assert_eq!(found.verdict, Verdict::Helped);
        assert!((found.estimate.unwrap().mean - 0.103_333).abs() < 1e-5);
        assert!((found.relative.unwrap() - 0.103_333 / 5.0).abs() < 1e-5);
    }

    #[test]
    fn the_answer_is_that_of_the_controls_with_its_size() {
        let [first, all] = [
            of(&[[1.0, 0.5], [2.0, 1.4], [3.0, 2.6]]),
            of(&[[1.0, 0.5], [2.0, 2.6], [3.0, 2.6]]),
        ];
        let comparison = Comparison {
            question: String::new(),
            with: "iALP".into(),
            without: "iALP, traits shuffled".into(),
            is_control: true,
            is_plain: false,
            differences: [first, all],
        };
        let recipe = Comparison {
            is_control: false,
            ..comparison.clone()
        };
        assert_eq!(
            answer(&[comparison, recipe]),
            [
                "iALP: the language model's traits helped over the first 10 % of the episodes, and made no measurable \
              difference over all (+0.500 and +0.100 likes per episode)."
            ]
        );
    }

    #[test]
    fn without_a_control_nothing_is_claimed() {
        assert!(answer(&[])[0].starts_with("Not measured"));
    }
}
