//! How much of the log is learnt from, longer states, and bad rows.

use crate::support;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::support::expect;
use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
use common::policy_artifact::Policy;
use common::schema::bad;
use parquet::arrow::ArrowWriter;

const DATA: i32 = 42;
const BC: &str = "train --method bc --traits none --seeds 1 --steps 3 --batch 4 --dims 4 --hidden 4";

fn policy(folder: &Path, out: &str) -> Policy {
    Policy::load(&folder.join(out).join("seed-0")).unwrap()
}

#[test]
fn a_part_of_the_log_is_the_first_in_time_and_all_users_stay_known() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let likes = |policy: &Policy| policy.items.popularity.iter().sum::<f32>();
    expect(folder.path(), &format!("{BC} --log log --out all"), 0);
    expect(
        folder.path(),
        &format!("{BC} --log log --log-fraction 0.5 --out half"),
        0,
    );
    let (all, half) = (policy(folder.path(), "all"), policy(folder.path(), "half"));
    assert!(likes(&half) > 0.0 && likes(&half) < likes(&all));
    assert_eq!(half.config.training["log"]["fraction"], 0.5);
    // The log goes from user to user: the half is that of the first twelve.
    assert_eq!((half.users.ids.len(), half.items.ids.len()), (24, 30));
    assert_eq!(half.users.history[..12], all.users.history[..12]);
    assert_eq!(half.users.consumed[..12], all.users.consumed[..12]);
    let empty = |user: usize| half.users.history[user].is_empty() && half.users.consumed[user].is_empty();
    assert!((12..24).all(empty));
    let nothing = expect(
        folder.path(),
        &format!("{BC} --log log --log-fraction 0 --out none"),
        DATA,
    );
    assert!(
        nothing.contains("no liked interaction to learn from"),
        "{nothing}"
    );
}

/// What a profile says of a user was read from the state at the end of the log.
#[test]
fn profiles_of_users_count_only_where_they_were_read_from_the_part() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let profiled = BC.replace(
        "--traits none",
        "--states states.parquet --profiles profiles.parquet",
    );
    expect(
        folder.path(),
        &format!("{profiled} --log log --log-fraction 0.5 --out half"),
        0,
    );
    let half = policy(folder.path(), "half");
    let of_user = |user: usize| {
        half.users.traits[2 * user..2 * user + 2]
            .iter()
            .any(|x| *x != 0.0)
    };
    assert!(
        (0..12).all(of_user),
        "their states are the same at half of the log"
    );
    assert!(!(12..24).any(of_user));
    assert!(
        half.items.traits.iter().any(|x| *x != 0.0),
        "items are known without the log"
    );
}

#[test]
fn states_are_as_long_as_the_window() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for (flags, length) in [
        ("", 10),
        ("--window 3", 3),
        ("--window 12", 12),
        ("--window 12 --states states.parquet", 12),
        ("--window 4 --states states.parquet", 4),
    ] {
        expect(
            folder.path(),
            &format!("{BC} --log log --overwrite --out policies {flags}"),
            0,
        );
        let policy = policy(folder.path(), "policies");
        assert_eq!(policy.config.network.window, length.max(3));
        assert!(
            policy.users.history.iter().all(|state| state.len() == length),
            "{flags}"
        );
    }
}

/// 40 rows of 4 users, without a manifest; the feedback in row 17 is NaN.
fn write_bad(path: &Path) {
    let rows = 0..40_i64;
    let feedback = |row: i64| if row == 17 { f32::NAN } else { (row % 3) as f32 };
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "user_id",
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row % 4))) as _,
        ),
        (
            "item_id",
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row % 11))) as _,
        ),
        (
            "timestamp",
            Arc::new(Int64Array::from_iter_values(rows.clone())) as _,
        ),
        (
            "feedback",
            Arc::new(Float32Array::from_iter_values(rows.map(feedback))) as _,
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_bad_row_is_named_or_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    write_bad(&folder.path().join("bad.parquet"));
    let bc = format!("{BC} --log bad.parquet --like-threshold 2 --out policies");
    let stderr = expect(folder.path(), &bc, DATA);
    for word in ["bad.parquet", "feedback", "row 17", "NaN"] {
        assert!(stderr.contains(word), "`{word}` is not in\n{stderr}");
    }
    let stderr = expect(folder.path(), &format!("{bc} --max-bad 1"), 0);
    assert!(stderr.contains("bad.parquet: set aside 1 row"), "{stderr}");
    let found = bad::read(&folder.path().join("policies.bad.parquet")).unwrap();
    assert_eq!((found.len(), found[0].row), (1, Some(17)));
    let policy = policy(folder.path(), "policies");
    assert_eq!(policy.config.training["log"]["skipped_rows"], 1);
    assert_eq!(policy.users.consumed[1].len(), 9);
}
