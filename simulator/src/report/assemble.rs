//! From metrics files to the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::Result;
use common::manifest::Manifest;

use super::load::{self, Source};
use super::policies::Policy;
use super::section::Section;
use super::{html, picture, reliability, settings, text};
use crate::metric;

/// A report in its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Tables for the terminal.
    pub text: String,
    /// The page.
    pub html: String,
    /// The picture, where there is something to draw in it.
    pub picture: Option<String>,
}

/// Makes the report of the metrics in `metrics` (files, or folders of files) and, where given, of the policies
/// below `policies`.
///
/// # Errors
/// When there are no metrics, a file holds none, or files do not belong together.
pub fn make(metrics: &[PathBuf], policies: Option<&Path>) -> Result<Report> {
    let sources = load::load(metrics)?;
    let policies = policies.map_or(Ok(Vec::new()), Policy::below)?;
    of(&sources, &policies)
}

fn of(sources: &[Source], policies: &[Policy]) -> Result<Report> {
    let metrics: Vec<_> = sources
        .iter()
        .flat_map(|source| &source.metrics)
        .cloned()
        .collect();
    let sections = Section::all(&metrics)?;
    let mut groups = settings_of(sources);
    if !policies.is_empty() {
        let artifacts: Vec<_> = policies
            .iter()
            .map(|policy| (policy.name.as_str(), None, Some(&policy.manifest)))
            .collect();
        groups.push(settings::group("Policies", &artifacts));
    }
    let mut manifest = Manifest::new("report", "simulator report");
    for (at, source) in sources.iter().enumerate() {
        let namesakes = sources[..at]
            .iter()
            .filter(|before| before.name == source.name)
            .count();
        let role = if namesakes == 0 {
            source.name.clone()
        } else {
            format!("{} ({})", source.name, namesakes + 1)
        };
        manifest = manifest.input(&role, source.fingerprint.clone());
    }
    let trained = || {
        policies
            .iter()
            .filter_map(|policy| Some((policy, policy.training.as_ref()?)))
    };
    for (policy, (_, fingerprint)) in trained() {
        manifest = manifest.input(&format!("training of {}", policy.name), fingerprint.clone());
    }
    let measured = sources.iter().map(|source| (None, source.metrics.as_slice()));
    let of_policies = trained().map(|(policy, (metrics, _))| (Some(policy.method()), metrics.as_slice()));
    let reliability = reliability::of(measured.chain(of_policies))?;
    Ok(Report {
        text: text::write(&sections, &reliability),
        picture: picture::draw(&sections)?,
        html: html::write(&sections, &reliability, &groups, &manifest.to_json())?,
    })
}

/// The settings of the metrics files, one group a tool, the files of runs first.
fn settings_of(sources: &[Source]) -> Vec<settings::Group> {
    let mut by_tool: BTreeMap<(bool, &str), Vec<_>> = BTreeMap::new();
    for source in sources {
        let tool = source
            .manifest
            .as_ref()
            .map_or("an unknown tool: no manifest", |manifest| manifest.tool.as_str());
        let is_run = source.metrics.iter().any(|m| m.split == metric::ONLINE);
        let file = (
            source.name.as_str(),
            Some(source.fingerprint.as_str()),
            source.manifest.as_ref(),
        );
        by_tool.entry((!is_run, tool)).or_default().push(file);
    }
    let groups = by_tool.into_iter();
    groups
        .map(|((_, tool), files)| settings::group(&format!("Metrics of {tool}"), &files))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use common::schema::metrics::{self, Metric};

    /// Metrics of one method over `seeds`, as `simulator run` writes them, around a `level` of return.
    pub(in crate::report) fn runs(environment: &str, method: &str, level: f64, seeds: u64) -> Vec<Metric> {
        let mut rows = Vec::new();
        for seed in 0..seeds {
            let noise = 0.01 * (seed * seed) as f64 + 0.3 * seed as f64;
            let mut push = |metric: &str, step, value| {
                let (environment, method, split) = (environment.into(), method.into(), "online".into());
                rows.push(Metric {
                    environment,
                    method,
                    seed,
                    split,
                    metric: metric.into(),
                    step,
                    value,
                });
            };
            for block in 1..=20 {
                push("expected_return", block * 10, level + noise + 0.01 * block as f64);
                push("return", block * 10, level + noise);
            }
            for metric in ["return_first", "return_last", "return_mean"] {
                push(metric, 200, level + noise);
                push(
                    &format!("expected_{metric}"),
                    200,
                    level + noise + 0.01 * method.len() as f64 * noise,
                );
            }
            push("regret", 200, 9.0 - level - noise);
        }
        rows
    }

    fn source(name: &str, metrics: Vec<Metric>) -> Source {
        let config = serde_json::json!({ "agent": "online agent --strategy \"ft\" <&>", "envs": 4 });
        let manifest = Manifest::new(metrics::METRICS, "simulator run")
            .config(&config)
            .unwrap();
        Source::made(name, Some(manifest), metrics)
    }

    /// Runs of a method, its control, another and one with a hostile name, and fidelity.
    pub(in crate::report) fn sources() -> Vec<Source> {
        let mut fidelity = Vec::new();
        for (method, metric, value) in [
            ("user_model", "auc", 0.8),
            ("user_model", "auc_low", 0.79),
            ("user_model", "auc_high", 0.81),
        ] {
            let (environment, split) = ("movielens".into(), "test".into());
            fidelity.push(Metric {
                environment,
                method: method.into(),
                seed: 0,
                split,
                metric: metric.into(),
                step: 0,
                value,
            });
        }
        vec![
            source("ialp", runs("movielens", "ialp", 3.0, 3)),
            source("control", runs("movielens", "ialp_shuffled", 2.0, 3)),
            source("bc", runs("movielens", "bc", 3.0, 3)),
            source("odd", runs("movielens", "<script>alert('x')</script>", 1.0, 3)),
            source("fidelity", fidelity),
        ]
    }

    #[test]
    fn the_text_has_the_table_and_the_verdicts() {
        let text = of(&sources(), &[]).unwrap().text;
        assert!(
            text.contains("Environment movielens: 3 seeds over 200 episodes each"),
            "{text}"
        );
        let line = text
            .lines()
            .find(|line| line.starts_with("iALP (frozen)"))
            .unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            (cells.len(), cells[2].len(), cells.last()),
            (15, 5, Some(&"3")),
            "{line}"
        );
        assert!(text.contains(
            "iALP (frozen): the language model's traits helped over the first 10 % of the episodes and over all ("
        ));
        let against_bc = text
            .split("iALP (frozen) minus Behaviour cloning")
            .nth(1)
            .unwrap();
        assert!(against_bc.contains("no measurable difference"), "{text}");
    }

    #[test]
    fn the_page_stands_alone_and_is_whole() {
        let html = of(&sources(), &[]).unwrap().html;
        for wanted in [
            "Did the language model help?",
            "iALP, traits shuffled",
            "no measurable difference",
            "How to read this",
            "What it cannot.",
            "How far the environment can be trusted",
            "0.8000",
            "[0.7900, 0.8100]",
            "episodes played",
            "The first 40 episodes",
            "prefers-color-scheme: dark",
            "All alike:",
        ] {
            assert!(html.contains(wanted), "no {wanted:?} in the page");
        }
        assert_eq!(html.matches("<svg").count(), 2);
        for outside in ["<script", "<link", "@import", "url(", "src="] {
            assert!(!html.contains(outside), "the page has {outside:?}");
        }
        let addresses = html.matches("http").count() - html.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(addresses, 0, "the page names an address");
    }

    #[test]
    fn text_from_files_is_escaped() {
        let html = of(&sources(), &[]).unwrap().html;
        assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"));
        assert!(!html.contains("\"ft\" <&>") && html.contains("&lt;&amp;&gt;"));
    }

    #[test]
    fn the_same_metrics_give_the_same_page_whatever_their_order() {
        let first = of(&sources(), &[]).unwrap();
        assert_eq!(first, of(&sources(), &[]).unwrap());
        let mut turned = sources();
        for source in &mut turned {
            source.metrics.reverse();
        }
        assert_eq!(first, of(&turned, &[]).unwrap());
    }

    #[test]
    fn one_seed_gives_means_and_no_claim() {
        let sources = [
            source("a", runs("movielens", "ialp", 3.0, 1)),
            source("b", runs("movielens", "ialp_shuffled", 2.0, 1)),
        ];
        let report = of(&sources, &[]).unwrap();
        assert!(
            report.text.contains("cannot be judged with fewer than 2 seeds"),
            "{}",
            report.text
        );
        assert!(
            report.text.contains("undefined: fewer than 2 seeds in common"),
            "{}",
            report.text
        );
        assert!(!report.text.contains("helped"), "{}", report.text);
        assert!(!report.html.contains("NaN") && !report.text.contains("NaN"));
    }

    #[test]
    fn two_environments_have_a_section_each() {
        let sources = [
            source("a", runs("movielens", "bc", 3.0, 2)),
            source("b", runs("lfm", "bc", 2.0, 2)),
        ];
        let report = of(&sources, &[]).unwrap();
        assert!(report.html.contains("<h2>lfm</h2>") && report.html.contains("<h2>movielens</h2>"));
        assert!(report.text.contains("Environment lfm") && report.text.contains("Not measured"));
    }

    #[test]
    fn reward_models_are_drawn_method_by_method() {
        use crate::report::reliability::tests::rows;

        let folder = tempfile::tempdir().unwrap();
        let trained = |name: &str, seed, by| {
            let place = folder.path().join(name);
            let manifest = Manifest::new(metrics::METRICS, "pretrain train");
            metrics::write(
                &place.join(metrics::FILE_NAME),
                &manifest,
                &rows("ialp", seed, by),
            )
            .unwrap();
            manifest.write_to_folder(&place).unwrap();
        };
        trained("control/seed-0", 0, 0.02);
        trained("ialp/seed-0", 0, 0.01);
        trained("ialp/seed-1", 1, 0.03);
        let policies = Policy::below(folder.path()).unwrap();
        let report = of(&sources(), &policies).unwrap();
        assert!(report.text.contains("  control: 0.0200\n") && report.text.contains("  ialp: 0.0200 ["));
        assert_eq!(report.html.matches("Reliability diagram of").count(), 2);
        assert_eq!(report.html.matches("<circle").count(), 6);
        assert!(
            report.html.contains("training of ialp"),
            "their fingerprints are recorded"
        );
        let plain = of(&sources(), &[]).unwrap();
        assert!(
            !plain.html.contains("reward models can be trusted") && !plain.text.contains("reward models")
        );
    }
}
