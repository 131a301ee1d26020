//! The numbers that are read from the live policy and its journal when somebody asks.

use common::Result;

use crate::adapt::{Buffers, Explanation, Reason};
use crate::context::Context;
use crate::experiment::{Interval, Report, Standing};
use crate::journal::{Durable, Progress};
use crate::live::Ask;

/// What the live policy and the journal say of themselves at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    ready: bool,
    applied: u64,
    refused_updates: u64,
    pending: usize,
    users: usize,
    epoch: u32,
    updates: u64,
    /// The prior's share of what acts, for a user of whom nothing is known.
    weight: f32,
    /// Why it is that: the bound of the gate, alarms of drift and the like.
    pub(super) reasons: Vec<Reason>,
    journal: Progress,
    /// The arms of an experiment.
    pub(super) arms: Vec<Standing>,
    /// Of an apprentice.
    pub(super) apprentice: Option<Report>,
}

impl Reading {
    /// # Errors
    /// When the state cannot be trusted any more.
    pub(super) fn of(live: &Durable, ready: bool, buffers: &mut Buffers) -> Result<Self> {
        let pending = live.pending_len();
        let state = live.read()?;
        let nothing = Context {
            traits: vec![0.0; state.network().traits],
            history: Vec::new(),
            memory: Vec::new(),
        };
        let newcomer = Ask {
            user: "newcomer",
            k: 1,
            candidates: None,
            given: Some(&nothing),
        };
        // Where every item is retired there is nothing to explain, and all else is told.
        let explanation = state
            .explain(&newcomer, buffers)
            .map_or_else(|_| Explanation::default(), |(_, explanation)| explanation);
        Ok(Reading {
            ready,
            applied: state.applied(),
            refused_updates: state.refused(),
            pending,
            users: state.changed_users(),
            epoch: state.epoch(),
            updates: state.version(),
            weight: explanation.weight,
            reasons: explanation.reasons,
            journal: live.progress(),
            arms: state.standings(),
            apprentice: Some(live.apprentice()).filter(|report| report.shown > 0),
        })
    }
}

/// Name, help and value of a number that is read when somebody asks.
pub(super) type Read = (&'static str, &'static str, fn(&Reading) -> f64);

pub(super) const GAUGES: [Read; 9] = [
    ("ready", "Whether requests are answered: 1 or 0", |now| {
        f64::from(u8::from(now.ready))
    }),
    ("applied_events", "Feedback in the state since it began", |now| {
        now.applied as f64
    }),
    (
        "refused_updates",
        "Updates left out, since the state began, because a weight would not have been finite",
        |now| now.refused_updates as f64,
    ),
    (
        "pending_decisions",
        "Decisions that feedback may still name",
        |now| now.pending as f64,
    ),
    ("changed_users", "Users who have given feedback", |now| {
        now.users as f64
    }),
    (
        "policy_epoch",
        "Policies that served in this state before the present one",
        |now| f64::from(now.epoch),
    ),
    (
        "policy_updates",
        "Updates that the present policy has had",
        |now| now.updates as f64,
    ),
    (
        "prior_weight",
        "The prior's share of what acts, for a user of whom nothing is known",
        |now| f64::from(now.weight),
    ),
    (
        "journal_slowest_commit_seconds",
        "The longest that writing and syncing has taken since the start",
        |now| now.journal.slowest,
    ),
];

pub(super) const SUMS: [Read; 3] = [
    ("journal_bytes", "Bytes written to the journal", |now| {
        now.journal.bytes as f64
    }),
    (
        "journal_commits",
        "Writes of the journal, each with a sync",
        |now| now.journal.commits as f64,
    ),
    ("journal_commit_seconds", "Time spent in them", |now| {
        now.journal.seconds
    }),
];

/// Name, help and value of a number of an arm; none where it is not known.
pub(super) type OfArm = (&'static str, &'static str, fn(&Standing) -> Option<f64>);

pub(super) const ARMS: [OfArm; 9] = [
    ("arm_share", "The arm's share of the users", |arm| Some(arm.share)),
    (
        "arm_users",
        "Users to whom the arm recommended, since the shares or a policy changed last",
        |arm| Some(arm.users as f64),
    ),
    (
        "arm_recommendations",
        "Items that the arm recommended, since then",
        |arm| Some(arm.recommendations as f64),
    ),
    ("arm_rewards", "The sum of what came back for them", |arm| {
        Some(arm.rewards)
    }),
    ("arm_value", "Reward per recommendation", |arm| arm.value),
    ("arm_difference", "The arm's value less the reference's", |arm| {
        arm.difference.map(|difference| difference.estimate)
    }),
    (
        "arm_difference_lower",
        "The lower end of its interval, which holds at all times at once",
        |arm| arm.difference.map(|difference| difference.lower),
    ),
    ("arm_difference_upper", "The upper end of its interval", |arm| {
        arm.difference.map(|difference| difference.upper)
    }),
    (
        "arm_stepped_back",
        "Whether the arm's users went to the reference because its interval lay below 0: 1 or 0",
        |arm| Some(f64::from(u8::from(arm.stepped_back))),
    ),
];

/// The numbers of an apprentice, by name; those that are not known are left out.
pub(super) fn of_apprentice(report: &Report) -> Vec<(&'static str, f64)> {
    let bounds = |names: [&'static str; 3], found: Option<Interval>| {
        let [estimate, lower, upper] = names;
        [
            (estimate, found.map(|found| found.estimate)),
            (lower, found.map(|found| found.lower)),
            (upper, found.map(|found| found.upper)),
        ]
    };
    let plain = [
        ("shown", Some(report.shown as f64)),
        ("answered", Some(report.answered as f64)),
        (
            "answered_without_propensity",
            Some(report.answered_without_propensity as f64),
        ),
        ("agreement", report.agreement),
        ("target_probability", report.target_probability),
        ("incumbent", report.incumbent),
        ("effective_sample_size", Some(report.effective_sample_size)),
        ("mean_weight", report.mean_weight),
        ("ready", Some(f64::from(u8::from(report.ready)))),
    ];
    let bounded = [
        (["snips", "snips_lower", "snips_upper"], report.snips),
        (["dr", "dr_lower", "dr_upper"], report.dr),
        (
            [
                "snips_difference",
                "snips_difference_lower",
                "snips_difference_upper",
            ],
            report.snips_difference,
        ),
        (
            ["dr_difference", "dr_difference_lower", "dr_difference_upper"],
            report.dr_difference,
        ),
    ];
    let bounded = bounded
        .into_iter()
        .flat_map(|(names, found)| bounds(names, found));
    plain
        .into_iter()
        .chain(bounded)
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
