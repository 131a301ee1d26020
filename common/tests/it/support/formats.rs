//! A file of each format that is Parquet, and how it is read.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use common::Result;
use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::logs::Scan;
use common::manifest::Manifest;
use common::schema::candidates::{self, Candidates};
use common::schema::consumed::{self, Consumed};
use common::schema::events::{self, Events};
use common::schema::interactions::{self, Feedback, Interactions, Kind};
use common::schema::recommendations::{self, Recommendations};
use common::schema::replay::{self, Block, Blocks};
use common::schema::rounds::{self, Columns};
use common::schema::summaries::{self, Summaries};
use common::schema::{RowGroups, items, metrics, preferences, profiles, states, users};

const ROWS: u32 = 120;

fn ids(prefix: &str, count: u32) -> Dictionary {
    Dictionary::from_values(IdKind::Text, (0..count).map(|n| format!("{prefix}{n}"))).unwrap()
}

fn texts(prefix: &str) -> Vec<String> {
    (0..ROWS).map(|n| format!("{prefix} {n}")).collect()
}

fn log() -> Interactions {
    Interactions {
        users: ids("u", 40),
        items: ids("i", 90),
        user: (0..ROWS).map(|row| row * 7 % 40).collect(),
        item: (0..ROWS).map(|row| row * row % 90).collect(),
        timestamp: (0..i64::from(ROWS))
            .map(|row| 1_700_000_000_000 + row * 977)
            .collect(),
        feedback: (0..ROWS).map(|row| (row % 5) as f32).collect(),
        propensity: (0..ROWS).map(|row| (row % 3 > 0).then_some(0.25)).collect(),
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    }
}

fn manifest(kind: &str) -> Manifest {
    Manifest::new(kind, "test")
}

fn lists<T>(of: impl Fn(u32) -> T) -> Vec<Vec<T>> {
    (0..ROWS)
        .map(|row| (0..row % 4).map(|at| of(row + at)).collect())
        .collect()
}

pub(crate) type Read = Box<dyn Fn(&Path) -> Result<String>>;

fn shown<T: Debug>(read: impl Fn(&Path) -> Result<T> + 'static) -> Read {
    Box::new(move |path| Ok(format!("{:?}", read(path)?)))
}

/// Ids of a dictionary, whose table is in no order.
fn listed(ids: &Dictionary) -> Vec<String> {
    ids.ids().map(String::from).collect()
}

/// One file of each format, and how it is read.
pub(crate) fn formats(folder: &Path) -> Vec<(PathBuf, Read)> {
    let mut all: Vec<(PathBuf, Read)> = Vec::new();
    let mut add = |name: &str, write: &dyn Fn(&Path) -> Result<()>, read: Read| {
        let path = folder.join(name);
        write(&path).unwrap();
        all.push((path, read));
    };
    let of_log = |log: &Interactions| {
        let ids = (listed(&log.users), listed(&log.items));
        let rows = (log.user.clone(), log.item.clone(), log.timestamp.clone());
        format!(
            "{ids:?} {rows:?} {:?} {:?} {:?}",
            log.feedback, log.propensity, log.kind
        )
    };
    let write_log = |path: &Path| interactions::write(path, &manifest(interactions::LOG), &log());
    add(
        "log",
        &write_log,
        shown(move |path| Ok(of_log(&interactions::read_log(path, None)?))),
    );
    let write_rounds = |path: &Path| {
        let mut log = log();
        log.propensity.fill(Some(0.25));
        interactions::write(path, &manifest(interactions::LOG), &log)
    };
    let columns = Columns {
        reward: "feedback".into(),
        target_propensity: "propensity".into(),
        category: Some("item_id".into()),
        ..Columns::default()
    };
    add(
        "rounds",
        &write_rounds,
        shown(move |path| rounds::read(path, &columns)),
    );
    let scan = |path: &Path| {
        let scan = Scan::open(path, None, BadRows::refuse())?;
        let (mut users, mut items, mut found) = (Dictionary::default(), Dictionary::default(), String::new());
        scan.rows("test", |batch| {
            found += &format!("{:?} {:?}", batch.users(&mut users), batch.items(&mut items));
            found += &format!(
                "{:?} {:?} {:?}",
                batch.timestamp, batch.feedback, batch.propensity
            );
            Ok(())
        })?;
        Ok(format!("{:?} {:?} {found}", listed(&users), listed(&items)))
    };
    add("scanned", &write_log, shown(scan));
    add(
        "items",
        &|path| {
            let items = items::Items {
                ids: ids("i", ROWS),
                title: texts("Title"),
                text: (0..ROWS)
                    .map(|n| (n % 2 > 0).then(|| format!("text {n}")))
                    .collect(),
                categories: lists(|n| format!("c{}", n % 9)),
            };
            items::write(path, &manifest(items::ITEMS), &items)
        },
        shown(|path| items::read(path).map(|i| (listed(&i.ids), i.title, i.text, i.categories))),
    );
    add(
        "users",
        &|path| {
            let attribute = |n: u32| [("age".to_string(), (n % 70).to_string())].into();
            let users = users::Users {
                ids: ids("u", ROWS),
                attributes: (0..ROWS).map(attribute).collect(),
            };
            users::write(path, &manifest(users::USERS), &users)
        },
        shown(|path| users::read(path).map(|u| (listed(&u.ids), u.attributes))),
    );
    add(
        "profiles",
        &|path| {
            let profiles = profiles::Profiles {
                vocabulary: vec!["dark".into(), "funny".into()],
                kind: vec![profiles::Kind::Item; ROWS as usize],
                id: texts("i"),
                state_hash: vec![None; ROWS as usize],
                traits: (0..2 * ROWS).map(|n| n as f32 / 8.0).collect(),
                summary: vec![None; ROWS as usize],
                confidence: (0..ROWS).map(|n| n as f32 / 120.0).collect(),
                fame: Vec::new(),
                prompt: Vec::new(),
            };
            profiles::write(path, &manifest(profiles::PROFILES), &profiles)
        },
        shown(profiles::read),
    );
    add(
        "preferences",
        &|path| {
            let preferences = preferences::Preferences {
                state_hash: texts("h"),
                user_id: texts("u"),
                candidates: (0..ROWS).map(|n| vec![format!("i{n}"), "j".into()]).collect(),
                scores: (0..ROWS).map(|n| vec![-(n as f32), -1.0]).collect(),
                chosen: (0..ROWS).map(|n| n % 2).collect(),
                margin: (0..ROWS).map(|n| n as f32).collect(),
            };
            preferences::write(path, &manifest(preferences::PREFERENCES), &preferences)
        },
        shown(preferences::read),
    );
    add(
        "states",
        &|path| {
            let (items, liked) = (lists(|n| format!("i{n}")), lists(|n| n % 3 > 0));
            let states = states::States {
                users: ids("u", ROWS),
                state_hash: items
                    .iter()
                    .zip(&liked)
                    .map(|(i, l)| states::state_hash(i, l))
                    .collect(),
                feedback: lists(|n| (n % 5) as f32),
                interactions: (0..ROWS).collect(),
                items,
                liked,
            };
            states::write(path, &manifest(states::STATES), &states)
        },
        shown(|path| {
            states::read(path).map(|s| {
                (
                    listed(&s.users),
                    s.items,
                    s.feedback,
                    s.liked,
                    s.interactions,
                    s.state_hash,
                )
            })
        }),
    );
    add(
        "metrics",
        &|path| {
            let metric = |n: u32| metrics::Metric {
                environment: "e".into(),
                method: format!("m{}", n % 7),
                seed: u64::from(n),
                split: "online".into(),
                metric: "return".into(),
                step: u64::from(n * n),
                value: f64::from(n) / 7.0,
            };
            let rows: Vec<_> = (0..ROWS).map(metric).collect();
            metrics::write(path, &manifest(metrics::METRICS), &rows)
        },
        shown(metrics::read),
    );
    add(
        "consumed",
        &|path| {
            let Interactions {
                users,
                items,
                user,
                item,
                ..
            } = log();
            let consumed = Consumed {
                users,
                items,
                user,
                item,
            };
            consumed::write(path, &manifest(consumed::CONSUMED), &consumed)
        },
        shown(|path| consumed::read(path).map(|c| (listed(&c.users), listed(&c.items), c.user, c.item))),
    );
    add(
        "replay",
        &|path| {
            let block = |first: u32| Block {
                first_user: first,
                lengths: vec![3; 20],
                items: (0..60).map(|n| n * first % 50).collect(),
                feedback: (0..60).map(|n| if n % 3 > 0 { 1.0 } else { -1.0 }).collect(),
            };
            let manifest = manifest(replay::REPLAY);
            replay::write_blocks(path, &manifest, |write| {
                (0..3).try_for_each(|n| write(block(20 * n)))
            })
        },
        shown(|path| {
            let blocks = Blocks::open(path)?;
            let all = (0..blocks.users().len()).map(|number| blocks.read(number));
            all.collect::<Result<Vec<_>>>()
        }),
    );
    add(
        "candidates",
        &|path| {
            let candidates = Candidates {
                user_id: texts("u"),
                items: (0..ROWS)
                    .map(|n| vec![format!("i{n}"), format!("i{}", n + 1)])
                    .collect(),
            };
            candidates::write(path, &manifest(candidates::CANDIDATES), &candidates)
        },
        shown(candidates::read),
    );
    add(
        "summaries",
        &|path| {
            let summaries = Summaries {
                users: ids("u", ROWS),
                state_hash: texts("h"),
                summary: texts("{}"),
                confidence: (0..ROWS).map(|n| n as f32 / 120.0).collect(),
            };
            summaries::write(path, &manifest(summaries::SUMMARIES), &summaries)
        },
        shown(|path| {
            summaries::read(path).map(|s| (listed(&s.users), s.state_hash, s.summary, s.confidence))
        }),
    );
    add(
        "events",
        &|path| {
            let mut log = log();
            log.propensity = (0..ROWS).map(|row| Some(1.0 / (1 + row) as f32)).collect();
            let events = Events {
                log,
                episode: (0..ROWS).collect(),
                step: (0..ROWS).map(|row| row % 10).collect(),
                policy_version: (0..u64::from(ROWS)).collect(),
                decisions: None,
            };
            events::write(path, &manifest(events::EVENTS), &events)
        },
        shown(move |path| {
            let events = events::read(path)?;
            let rest = (
                events.episode,
                events.step,
                events.policy_version,
                events.decisions,
            );
            Ok(format!("{} {rest:?}", of_log(&events.log)))
        }),
    );
    add(
        "recommendations",
        &|path| {
            let recommendations = Recommendations {
                users: ids("u", 40),
                items: ids("i", 90),
                user: (0..ROWS).map(|row| row / 3).collect(),
                rank: (0..ROWS).map(|row| row % 3 + 1).collect(),
                item: (0..ROWS).map(|row| row * row % 90).collect(),
                score: (0..ROWS).map(|row| (row % 4 > 0).then_some(0.125)).collect(),
                propensity: vec![0.5; ROWS as usize],
                because: lists(|n| n % 90),
                policies: ids("p", 2),
                policy: (0..ROWS).map(|row| row % 2).collect(),
            };
            let kinds = [IdKind::Text; 2];
            let manifest = manifest(recommendations::RECOMMENDATIONS);
            recommendations::write_pieces(path, &manifest, kinds, RowGroups::OfOneSize, |write| {
                write(&recommendations)
            })
        },
        shown(|path| {
            recommendations::read(path).map(|r| {
                let ids = (listed(&r.users), listed(&r.items), listed(&r.policies));
                (
                    ids,
                    r.user,
                    r.rank,
                    r.item,
                    r.score,
                    r.propensity,
                    r.because,
                    r.policy,
                )
            })
        }),
    );
    all
}
