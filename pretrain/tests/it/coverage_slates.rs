//! How often the intervals of estimators of slates hold the true value, where that is known: Plackett-Luce slates of three of five items,
//! clicks by a cascade. `HEADSTART_COVERAGE=N` draws N logs and prints the table that `docs/off-policy.md` has.

use common::rng::{self, RngExt, Weights};
use pretrain::evaluate::interval::Interval;
use pretrain::evaluate::slates::{SlateEstimator, Slates};

const ITEMS: usize = 5;
const LENGTH: usize = 3;
const CONFIDENCE: f64 = 0.95;
/// How much a policy likes each item; a slate is drawn without replacement, in proportion.
const LOGGING: [f64; ITEMS] = [1.0, 1.0, 2.0, 2.0, 2.0];
const TARGET: [f64; ITEMS] = [2.0, 2.0, 2.0, 1.0, 1.0];
/// How probable it is that an item that is looked at is clicked.
const LIKED: [f64; ITEMS] = [0.7, 0.5, 0.4, 0.3, 0.2];

/// An item's probability of a click given the items above it: who clicked mostly stops, and a weak list is left.
fn click(above: &[usize], item: usize) -> f64 {
    above
        .iter()
        .fold(LIKED[item], |p, other| p * (1.0 - 0.6 * LIKED[*other]))
}

/// The probability of `item` given those above it.
fn given(policy: &[f64; ITEMS], above: &[usize], item: usize) -> f64 {
    let open: f64 = (0..ITEMS)
        .filter(|other| !above.contains(other))
        .map(|other| policy[other])
        .sum();
    policy[item] / open
}

/// Every slate.
fn all() -> Vec<[usize; LENGTH]> {
    let mut slates = Vec::new();
    for a in 0..ITEMS {
        for b in (0..ITEMS).filter(|b| *b != a) {
            slates.extend((0..ITEMS).filter(|c| *c != a && *c != b).map(|c| [a, b, c]));
        }
    }
    slates
}

fn probability(policy: &[f64; ITEMS], slate: &[usize; LENGTH]) -> f64 {
    (0..LENGTH)
        .map(|at| given(policy, &slate[..at], slate[at]))
        .product()
}

/// What is earned on average from `at` on in slates of `policy` that begin with `above`; a model that is right by `scale` = 1.
fn from(policy: &[f64; ITEMS], above: &[usize], scale: f64) -> f64 {
    if above.len() == LENGTH {
        return 0.0;
    }
    let open = (0..ITEMS).filter(|item| !above.contains(item));
    open.map(|item| given(policy, above, item) * of_item(policy, above, item, scale))
        .sum()
}

fn of_item(policy: &[f64; ITEMS], above: &[usize], item: usize, scale: f64) -> f64 {
    let shown = [above, &[item]].concat();
    scale * click(above, item) + from(policy, &shown, scale)
}

/// What the estimators are told of a slate, its items from the first position on.
struct Told {
    items: [usize; LENGTH],
    logging: f64,
    slate: f64,
    cascade: [f64; LENGTH],
    at_position: [f64; LENGTH],
    q: [f64; LENGTH],
    v: [f64; LENGTH],
}

/// Of every slate, with a model that is right by `scale` = 1.
fn told(scale: f64) -> Vec<Told> {
    let known = all();
    let there = |policy: &[f64; ITEMS], at: usize, item: usize| -> f64 {
        let there = known.iter().filter(|slate| slate[at] == item);
        there.map(|slate| probability(policy, slate)).sum()
    };
    let of = |slate: &[usize; LENGTH]| {
        let each = |of: &dyn Fn(usize) -> f64| std::array::from_fn(of);
        let down_to = |at: usize| -> f64 {
            let ratio = |at: usize| {
                given(&TARGET, &slate[..at], slate[at]) / given(&LOGGING, &slate[..at], slate[at])
            };
            (0..=at).map(ratio).product()
        };
        Told {
            items: *slate,
            logging: probability(&LOGGING, slate),
            slate: down_to(LENGTH - 1),
            cascade: each(&down_to),
            at_position: each(&|at| there(&TARGET, at, slate[at]) / there(&LOGGING, at, slate[at])),
            q: each(&|at| of_item(&TARGET, &slate[..at], slate[at], scale)),
            v: each(&|at| from(&TARGET, &slate[..at], scale)),
        }
    };
    known.iter().map(of).collect()
}

/// The estimates of a log of so many slates, and whether each interval holds `truth`.
fn log(slates: usize, number: u64, told: &[Told], truth: f64) -> [(f64, bool); SlateEstimator::ALL.len()] {
    let mut rng = rng::stream(5, "coverage: slates", &[slates as u64, number]);
    let drawn = Weights::new(told.iter().map(|slate| slate.logging));
    let (mut reward, mut slate, mut cascade, mut at_position, mut q, mut v) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..slates {
        let told = &told[drawn.draw(&mut rng)];
        slate.push(told.slate);
        cascade.extend(told.cascade);
        at_position.extend(told.at_position);
        q.extend(told.q);
        v.extend(told.v);
        for at in 0..LENGTH {
            let clicked = rng.random::<f64>() < click(&told.items[..at], told.items[at]);
            reward.push(f64::from(u8::from(clicked)));
        }
    }
    let starts: Vec<usize> = (0..=slates).map(|slate| slate * LENGTH).collect();
    let cluster: Vec<u32> = (0..slates as u32).collect();
    let slates = Slates {
        starts: &starts,
        reward: &reward,
        slate: &slate,
        cascade: &cascade,
        at_position: Some(&at_position),
        model: Some([&q, &v]),
    };
    SlateEstimator::ALL.map(|estimator| {
        let estimate = estimator.estimate(&slates).unwrap();
        let interval = Interval::of(estimate.value, &estimate.influence, &cluster, CONFIDENCE);
        let holds = (interval.low..=interval.high).contains(&truth);
        (estimate.value, holds)
    })
}

#[test]
fn intervals_of_slates_hold_the_truth_where_their_assumption_does() {
    let logs: u64 = std::env::var("HEADSTART_COVERAGE").map_or(200, |text| text.parse().expect("a number"));
    let truth = from(&TARGET, &[], 1.0);
    let mut lines =
        vec!["| model | slates | sips | snsips | iips | sniips | rips | snrips | cascade-dr |".to_string()];
    for (model, scale) in [("right", 1.0), ("half of it", 0.5)] {
        let told = told(scale);
        // How far below what it says the coverage may be.
        for (slates, allowed) in [(200, 0.06), (2_000, 0.03)] {
            let mut held = [0.0; SlateEstimator::ALL.len()];
            let mut squares = [0.0; SlateEstimator::ALL.len()];
            for number in 0..logs {
                for (at, (value, holds)) in log(slates, number, &told, truth).into_iter().enumerate() {
                    held[at] += f64::from(u8::from(holds)) / logs as f64;
                    squares[at] += (value - truth).powi(2) / logs as f64;
                }
            }
            let shown: Vec<String> = held.iter().map(|share| format!("{:.1}", 100.0 * share)).collect();
            lines.push(format!("| {model} | {slates} | {} |", shown.join(" | ")));
            let least = CONFIDENCE - 4.0 * (CONFIDENCE * (1.0 - CONFIDENCE) / logs as f64).sqrt() - allowed;
            let [sips, snsips, _, _, rips, snrips, cascade] = held;
            assert!(
                [sips, snsips, rips, snrips, cascade]
                    .iter()
                    .all(|share| *share >= least),
                "{least} {lines:#?}"
            );
            // What an assumption is for: where it holds, less variance.
            let [sips, _, _, _, rips, _, cascade] = squares;
            assert!(cascade < rips && rips < sips, "{squares:?}");
        }
    }
    println!("{}", lines.join("\n"));
}
