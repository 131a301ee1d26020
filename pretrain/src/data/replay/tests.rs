use std::path::Path;

use common::bad_rows::BadRows;
use common::ids::{Dictionary, IdKind};
use common::logs::Scan;
use common::manifest::Manifest;
use common::rng::{RngExt, stream};
use common::schema::interactions::{self, Feedback, Interactions, Kind, LOG};
use common::schema::replay::REPLAY;

use super::*;
use crate::data::Event;

/// 400 rows of 23 users over 30 items in no order, with many ties in time.
fn log() -> Interactions {
    let mut rng = stream(3, "test/log", &[]);
    let ids =
        |count: u32| Dictionary::from_values(IdKind::Integer, (0..count).map(|i| i.to_string())).unwrap();
    // Users and items appear in the order of their codes.
    let mut user: Vec<u32> = (0..23).collect();
    let mut item: Vec<u32> = (0..30).collect();
    user.extend((23..400).map(|_| rng.random_range(0..23_u32)));
    item.extend((30..400).map(|_| rng.random_range(0..30_u32)));
    Interactions {
        users: ids(23),
        items: ids(30),
        user,
        item,
        timestamp: (0..400)
            .map(|_| rng.random_range(-5..20) * 1_000_000_007)
            .collect(),
        feedback: (0..400).map(|_| rng.random_range(1..=5) as f32).collect(),
        propensity: vec![None; 400],
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    }
}

fn write(folder: &Path) -> Scan {
    let path = folder.join("log.parquet");
    interactions::write(&path, &Manifest::new(LOG, "test"), &log()).unwrap();
    Scan::open(&path, None, BadRows::refuse()).unwrap()
}

const SMALL: Sizes = Sizes {
    block: 20,
    pass: 90,
    in_memory: u64::MAX,
};

fn make(folder: &Path, cut: TimeCut, sizes: Sizes) -> Result<Replay> {
    let scan = write(folder);
    let census = Census::take(&scan, None, cut).unwrap();
    let place = Place {
        path: folder.join("replay.parquet"),
        manifest: Manifest::new(REPLAY, "test").config(&format!("{cut:?}")).unwrap(),
        overwrite: false,
    };
    Replay::make(&scan, &census, cut, &place, sizes)
}

/// What [`Replay`] should hold of the first `rows` rows in time, by the plain way.
fn expected(rows: usize) -> Vec<Vec<Event>> {
    let log = log();
    let mut order: Vec<usize> = (0..log.len()).collect();
    order.sort_by_key(|&row| log.timestamp[row]);
    let mut logs = vec![Vec::new(); log.users.len()];
    for row in order.into_iter().take(rows) {
        let sign = if log.is_like(row) { 1.0 } else { -1.0 };
        logs[log.user[row] as usize].push((log.item[row], sign));
    }
    logs
}

fn found(replay: &Replay) -> Vec<Vec<Event>> {
    let mut logs = Vec::new();
    for number in 0..replay.blocks() {
        let block = replay.read(number).unwrap();
        assert_eq!(block.first_user as usize, logs.len());
        assert!(block.users().len() == 1 || block.interactions() < 50);
        logs.extend(block.users().map(|user| block.events(user).to_vec()));
    }
    logs
}

#[test]
fn every_log_comes_whole_and_in_order_from_memory_and_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = Sizes {
        in_memory: 399,
        ..SMALL
    };
    for sizes in [SMALL, file] {
        let replay = make(folder.path(), TimeCut::END, sizes).unwrap();
        assert!(replay.blocks() > 10);
        assert_eq!((replay.users(), replay.interactions()), (23, 400));
        assert_eq!(found(&replay), expected(400));
        assert!(replay.read(replay.blocks()).is_err());
    }
}

#[test]
fn a_file_does_not_depend_on_the_passes_and_is_kept_and_of_another_run_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replay.parquet");
    let sizes = |pass| Sizes {
        in_memory: 0,
        pass,
        ..SMALL
    };
    make(folder.path(), TimeCut::END, sizes(90)).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    make(folder.path(), TimeCut::END, sizes(1)).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    make(folder.path(), TimeCut::END, sizes(90)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
    let error = make(folder.path(), TimeCut::before(9), sizes(90)).unwrap_err();
    assert!(error.to_string().contains("replay.parquet"), "{error}");
}

#[test]
fn a_damaged_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = Sizes {
        in_memory: 0,
        ..SMALL
    };
    let replay = make(folder.path(), TimeCut::END, file).unwrap();
    let path = folder.path().join("replay.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4..200].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let error = replay.read(0).unwrap_err().to_string();
    assert!(
        error.contains("replay.parquet") && error.contains("row group 0"),
        "{error}"
    );
}

#[test]
fn a_cut_takes_the_first_rows_in_time_and_ties_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let scan = write(folder.path());
    for rows in [0, 1, 7, 40, 200, 399, 400] {
        let cut = TimeCut::after(&scan, rows as f64 / 400.0).unwrap();
        let replay = make(folder.path(), cut, SMALL).unwrap();
        assert_eq!(replay.interactions(), rows as u64);
        assert_eq!(found(&replay), expected(rows));
        assert_eq!(replay.users(), 23, "all users are known at any cut");
    }
}

/// Likes, as picks.
fn likes(user: u32, events: &[Event], picks: &mut Vec<Pick>) {
    let liked = (0u32..).zip(events).filter(|(_, (_, feedback))| *feedback > 0.0);
    picks.extend(liked.map(|(at, _)| Pick { user, at }));
}

#[test]
fn a_run_goes_on_from_any_cursor_with_the_batches_it_would_have_had() {
    let folder = tempfile::tempdir().unwrap();
    let replay = make(folder.path(), TimeCut::END, SMALL).unwrap();
    // A pool, some picks of which are dropped at its end, or one that is smaller than a batch.
    for count in [1, 7, 1000] {
        let start = Cursor::default();
        let mut whole = Batches::new(&replay, 5, "test", likes, start);
        let mut run = Vec::new();
        while whole.cursor().epoch < 3 {
            let cursor = whole.cursor();
            run.push((cursor, whole.next(count).unwrap().picks));
        }
        assert!(run.len() >= 4, "{count}");
        for (from, (cursor, _)) in run.iter().enumerate() {
            let mut resumed = Batches::new(&replay, 5, "test", likes, *cursor);
            for (_, picks) in run[from..].iter().take(20) {
                assert_eq!(&resumed.next(count).unwrap().picks, picks);
            }
        }
        let other = Batches::new(&replay, 6, "test", likes, start)
            .next(count)
            .unwrap();
        assert_ne!(other.picks, run[0].1);
    }
}

#[test]
fn an_epoch_gives_every_pick_once_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let one_user = Sizes { block: 1, ..SMALL };
    let replay = make(folder.path(), TimeCut::END, one_user).unwrap();
    assert!(replay.blocks() > batches::POOL, "more than one pool");
    let mut batches = Batches::new(&replay, 5, "test", likes, Cursor::default());
    let logs = expected(400);
    let mut wanted = Vec::new();
    (0u32..)
        .zip(&logs)
        .for_each(|(user, log)| likes(user, log, &mut wanted));
    let mut epochs = Vec::new();
    for _ in 0..2 {
        let mut picks = Vec::new();
        while picks.len() < wanted.len() {
            let batch = batches.next(1).unwrap();
            for pick in &batch.picks {
                assert_eq!(batch.events(pick.user), logs[pick.user as usize]);
            }
            assert!(batch.events(99).is_empty());
            picks.extend(batch.picks);
        }
        epochs.push(picks.clone());
        picks.sort_unstable();
        assert_eq!(picks, wanted);
    }
    assert_ne!(epochs[0], epochs[1], "each epoch has an order of its own");
}

#[test]
fn a_replay_without_a_pick_is_an_error_and_no_endless_loop() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = |_: u32, _: &[Event], _: &mut Vec<Pick>| ();
    for cut in [TimeCut::END, TimeCut::before(i64::MIN)] {
        let replay = make(folder.path(), cut, SMALL).unwrap();
        for pool in [0, 1, 9] {
            let cursor = Cursor {
                pool,
                ..Cursor::default()
            };
            let error = Batches::new(&replay, 5, "test", nothing, cursor)
                .next(4)
                .unwrap_err();
            assert!(
                error.to_string().contains("no interaction to learn from"),
                "{error}"
            );
        }
    }
}
