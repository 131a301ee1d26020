//! `pretrain evaluate`: ranking metrics and off-policy estimates of policies on a held-out log.

use std::ops::Range;
use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::groups::{By, Group};
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::metrics::{self, METRICS, Metric as Row};
use common::schema::table;
use common::shards::{Sharding, Unit};
use common::{Error, Result, output, stats, terminal};
use serde::Serialize;

use super::estimators::{Estimator, Rounds};
use super::evidence::{Candidate, Evidence, EvidencePaths};
use super::exposure;
use super::groups::{beside_others, mean};
use super::interval::Interval;
use super::measure::{List, Measured};
use super::ranking::Metric;
use super::settings::Settings;
use super::table::{Format, Sheet, print};
use crate::threads;

const TOOL: &str = "pretrain evaluate";

/// A policy's folder, and what it is called in tables.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name; the policy's method where there is none.
    pub name: Option<String>,
    /// The folder.
    pub folder: PathBuf,
}

/// What to evaluate.
#[derive(Clone, Debug)]
pub struct EvaluateConfig {
    /// The policies, over one catalogue.
    pub policies: Vec<Named>,
    /// What they are held against.
    pub evidence: EvidencePaths,
    /// How.
    pub settings: Settings,
    /// Each k of recall@k, ndcg@k, mrr@k and hit@k.
    pub cuts: Vec<usize>,
    /// By which attributes users are told apart too.
    pub by: Option<By>,
    /// The form of the table on stdout.
    pub format: Format,
    /// Where the numbers go, as a metrics table.
    pub out: Option<PathBuf>,
    /// Replace the output of another run.
    pub overwrite: bool,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// What this process does of it, and where the parts are; each policy is a unit.
    pub sharding: Sharding,
}

impl EvaluateConfig {
    /// All that is read.
    fn inputs(&self) -> Vec<PathBuf> {
        let EvidencePaths { items, behaviour, .. } = &self.evidence;
        let told = items.iter().chain(behaviour);
        let folders = self.policies.iter().map(|named| &named.folder);
        let log = self.evidence.inputs(&self.settings).interactions();
        let users = self.by.iter().map(|by| &by.users);
        folders.chain(told).chain(users).cloned().chain([log]).collect()
    }
}

/// Measures the policies, prints a table on stdout and writes the numbers, unless they are there already.
///
/// # Errors
/// Inputs that are missing, bad or do not belong together, two policies under one name and seed, an output of another
/// run.
pub fn run(config: &EvaluateConfig) -> Result<()> {
    output::files(
        config.out.as_deref(),
        config.inputs().iter().map(PathBuf::as_path),
    )?;
    let folders = config.policies.iter().map(|named| Candidate::load(&named.folder));
    let candidates: Vec<Candidate> = folders.collect::<Result<_>>()?;
    let labels: Vec<Label> = config.policies.iter().zip(&candidates).map(Label::of).collect();
    for (at, label) in labels.iter().enumerate() {
        if labels[..at].contains(label) {
            return Err(Error::usage(format!(
                "two policies are called {} with seed {}",
                label.name, label.seed
            ))
            .hint("name them: --policy NAME=DIR"));
        }
    }
    let manifest = manifest(config, &labels)?;
    if let Some(out) = &config.out
        && artifact::plan(out, &manifest, config.overwrite)? == Plan::AlreadyDone
    {
        config.sharding.finish(out)?;
        return print(&metrics::read(out)?, config.settings.confidence, config.format);
    }
    let measure = |of: Range<usize>| {
        threads::pool(config.workers)?.install(|| measure_all(config, &candidates, &labels, of))
    };
    let Some(out) = &config.out else {
        config.sharding.refuse("it writes no file; give --out")?;
        let rows = measure(0..candidates.len())?.concat();
        return print(&rows, config.settings.confidence, config.format);
    };
    let unit = |label: &Label| Unit::new(format!("{} of seed {}", label.name, label.seed), 1);
    let units: Vec<Unit> = labels.iter().map(unit).collect();
    let made = config.sharding.make(out, &manifest, &units, |out, groups, of| {
        let pieces = measure(of)?;
        metrics::write_pieces(out, &manifest, groups, |write| {
            pieces.iter().try_for_each(|rows| write(rows))
        })
    })?;
    match made {
        Some(()) => print(&metrics::read(out)?, config.settings.confidence, config.format),
        None => Ok(()),
    }
}

/// Name and seed: what tells policies apart in tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Label {
    name: String,
    seed: u64,
}

impl Label {
    fn of((named, candidate): (&Named, &Candidate)) -> Self {
        let policy = &candidate.policy;
        Label {
            name: named.name.clone().unwrap_or_else(|| policy.config.method.clone()),
            seed: policy.manifest.seed.unwrap_or(0),
        }
    }
}

/// What the manifest says of the run.
#[derive(Serialize)]
struct Recorded<'a> {
    policies: &'a [Label],
    cuts: &'a [usize],
    settings: &'a Settings,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a [String]>,
}

fn manifest(config: &EvaluateConfig, labels: &[Label]) -> Result<Manifest> {
    let recorded = Recorded {
        policies: labels,
        cuts: &config.cuts,
        settings: &config.settings,
        by: config.by.as_ref().map(|by| by.attributes.as_slice()),
    };
    let mut manifest = Manifest::new(METRICS, TOOL).config(&recorded)?;
    for (at, named) in config.policies.iter().enumerate() {
        manifest = manifest.input(&format!("policy {at}"), Policy::fingerprint(&named.folder)?);
    }
    if let Some(by) = &config.by {
        manifest = manifest.input("users", table::fingerprint(&by.users)?);
    }
    config.evidence.record(&config.settings, manifest)
}

/// The rows of each of the policies at the places `of`.
fn measure_all(
    config: &EvaluateConfig,
    candidates: &[Candidate],
    labels: &[Label],
    of: Range<usize>,
) -> Result<Vec<Vec<Row>>> {
    let evidence = Evidence::gather(&config.evidence, &config.settings, candidates)?;
    evidence.logging.warn();
    if evidence.later.categories.is_none() {
        terminal::info(&format!("mips is left out: {}", evidence.why_not_alike()));
    }
    let groups = config.by.as_ref().map(|by| by.groups(&evidence.later.users));
    let groups = groups.transpose()?.unwrap_or_default();
    let kept = config.cuts.iter().copied().max().unwrap_or(0);
    let one = |(candidate, label): (&Candidate, &Label)| {
        let measured = evidence.measure(&candidate.policy, kept);
        let mut table = Rows(Sheet::new(&label.name, label.seed, "later"));
        table.facts(&evidence);
        table.lists(&evidence, &measured, &config.cuts, &groups);
        table.shown(
            &evidence,
            &measured,
            &config.cuts,
            &candidate.policy.items.popularity,
        );
        table.values(&evidence, &measured, &label.name, &config.settings)?;
        Ok(table.0.rows)
    };
    let some = candidates[of.clone()].iter().zip(&labels[of]);
    some.map(one).collect()
}

/// The rows of one policy.
struct Rows(Sheet);

impl Rows {
    fn facts(&mut self, evidence: &Evidence) {
        let facts = [
            ("users", evidence.users()),
            ("interactions", evidence.rows()),
            ("unknown items", evidence.later.unknown()),
            ("estimated propensities", evidence.logging.estimated),
        ];
        for (fact, count) in facts {
            self.0.push(fact, count as f64);
        }
    }

    fn lists(&mut self, evidence: &Evidence, measured: &Measured, cuts: &[usize], groups: &[Group]) {
        let confidence = evidence.confidence();
        let mut metrics: Vec<(String, Vec<f64>, Vec<u32>)> = Vec::new();
        let mut add = |name: String, of: &dyn Fn(&List) -> f64| {
            let (values, users) = evidence.of_lists(measured, of);
            metrics.push((name, values, users));
        };
        for metric in Metric::all(cuts) {
            add(metric.to_string(), &|list| list.measure(metric));
        }
        add("auc".into(), &List::auc);
        for (name, values, users) in &metrics {
            self.0.push_interval(
                name,
                Interval::of_mean(values, users, confidence),
                values.len() as f64,
            );
        }
        for group in groups {
            for (name, values, users) in &metrics {
                let (own, lists) = mean(group, values, users, confidence);
                self.0
                    .push_interval(&format!("{name} {}", group.name), own, lists as f64);
                let difference = beside_others(group, values, users, confidence);
                self.0.push_interval(
                    &format!("{name} {} - others", group.name),
                    difference,
                    lists as f64,
                );
            }
        }
    }

    /// What the lists show of the catalogue. `popularity` is the items' likes in the policy's log.
    fn shown(&mut self, evidence: &Evidence, measured: &Measured, cuts: &[usize], popularity: &[f32]) {
        for &k in cuts {
            let lists = measured.lists.iter().flatten().map(|list| list.top.as_slice());
            let counts = exposure::counts(lists, k, popularity.len());
            self.0.push(&format!("coverage@{k}"), stats::coverage(&counts));
            self.0.push(&format!("gini@{k}"), stats::gini(&counts));
            let of_list = |list: &List| exposure::popularity(&list.top, k, popularity);
            let (values, users) = evidence.of_lists(measured, of_list);
            let mean = Interval::of_mean(&values, &users, evidence.confidence());
            self.0
                .push_interval(&format!("popularity@{k}"), mean, values.len() as f64);
        }
    }

    fn values(
        &mut self,
        evidence: &Evidence,
        measured: &Measured,
        name: &str,
        settings: &Settings,
    ) -> Result<()> {
        let table = &mut self.0;
        let (weights, logged) = (evidence.weights(measured)?, evidence.logged());
        let rounds = evidence.rounds(measured, &weights, &logged);
        table.push("clipped weights", weights.clipped as f64);
        let never = evidence.never_logged(measured, name);
        table.push_interval("never logged", never, rounds.weight.len() as f64);
        // Few weights that are most of the sum decide the estimates.
        table.push("largest weight's share", weights.largest_share());
        // Near 1 where propensities are true and the log shows all that the policy would do.
        let mean = Interval::of_mean(rounds.weight, rounds.cluster, settings.confidence);
        table.push_interval("mean weight", mean, rounds.weight.len() as f64);
        let logged = Interval::of_mean(rounds.reward, rounds.cluster, settings.confidence);
        table.push_interval("logged", logged, rounds.reward.len() as f64);
        for estimator in Estimator::all(settings.tau) {
            let (interval, effective) = estimator.interval(&rounds, settings.confidence);
            table.push_interval(estimator.name(), interval, effective);
        }
        if let Some(alike) = evidence.weights_alike(measured)? {
            let rounds = Rounds {
                weight: &alike.values,
                ..rounds
            };
            let (interval, effective) = Estimator::Mips.interval(&rounds, settings.confidence);
            table.push_interval(Estimator::Mips.name(), interval, effective);
        }
        Ok(())
    }
}
