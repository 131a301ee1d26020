//! One bad row does not end a job: what is bad is set aside, and done again alone when it was mended.

use std::path::Path;

use crate::support::small::{Job, PREFER, SUMMARISE, TRAITS};
use crate::support::{column, profiler, table, tiny_model, write};
use arrow::array::{Float32Array, Int64Array};
use common::schema::bad::{self, Bad};
use common::schema::profiles;
use tempfile::TempDir;

/// Thirty items and twelve users, of whom one has a history longer than the model's window.
fn good() -> Job {
    let mut job = Job::new(30, 12);
    job.users[7].1 = (0..150).map(|nth| nth % 20).collect();
    job
}

/// The same with a title that the tokeniser has no token for, a text longer than the model's window, a title that makes the
/// model answer NaN, and a user who likes that one.
fn with_bad() -> Job {
    let mut job = good();
    job.items[23].0 = "映画".into();
    job.items[24].1 = Some("long ".repeat(90));
    job.items[25].0 = "Film ~".into();
    job.users[2].1.push(25);
    job
}

/// What `with_bad` becomes when its items are mended.
fn mended() -> Job {
    let mut job = with_bad();
    job.items.clone_from(&good().items);
    job
}

fn folder(job: &Job) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write_touchy(&folder.path().join("model.gguf"));
    job.write(folder.path());
    folder
}

fn bytes(folder: &TempDir) -> Vec<u8> {
    std::fs::read(folder.path().join("out.parquet")).unwrap()
}

fn set_aside(folder: &Path) -> Vec<Bad> {
    bad::read(&folder.join("out.parquet.bad.parquet")).unwrap()
}

#[test]
fn without_leave_the_first_bad_subject_ends_the_run() {
    let folder = folder(&with_bad());
    profiler(folder.path(), TRAITS).refused(
        42,
        &["no token", "items.parquet", "row group 0", "row 23", "item 23"],
    );
    assert!(!folder.path().join("out.parquet.bad.parquet").exists());
    assert!(!folder.path().join("out.parquet").exists());
}

#[test]
fn up_to_a_bound_they_are_set_aside_with_their_places() {
    let folder = folder(&with_bad());
    for over in ["3", "5%"] {
        let run = format!("{TRAITS} --max-bad {over}");
        profiler(folder.path(), &run).refused(42, &["more than --max-bad", "out.parquet.bad.parquet"]);
        assert!(!folder.path().join("out.parquet").exists());
        assert!(set_aside(folder.path()).len() >= 3);
    }
    profiler(folder.path(), &format!("{TRAITS} --max-bad six")).refused(2, &["0.5%"]);
    let run = profiler(folder.path(), &format!("{TRAITS} --max-bad 10% --workers 1")).done();
    assert!(run.stderr.contains("set aside 3 rows (item)"), "{}", run.stderr);
    assert!(
        run.stderr.contains("the oldest interactions are left out"),
        "{}",
        run.stderr
    );
    let place = |source: &str, row, column: &str, subject: &str, reason: &str| Bad {
        source: source.into(),
        row_group: Some(0),
        row: Some(row),
        column: Some(column.into()),
        reason: reason.into(),
        subject: Some(subject.into()),
    };
    let mut found = set_aside(folder.path());
    for (bad, says) in
        found
            .iter_mut()
            .zip(["no token", "takes 1024", "no probabilities", "no probabilities"])
    {
        assert!(bad.reason.contains(says), "{bad:?}");
        bad.reason = says.into();
    }
    assert_eq!(
        found,
        [
            place("items.parquet", 23, "item_id", "item 23", "no token"),
            place("items.parquet", 24, "item_id", "item 24", "takes 1024"),
            place("items.parquet", 25, "item_id", "item 25", "no probabilities"),
            place("states.parquet", 2, "user_id", "user 2", "no probabilities"),
        ]
    );
    let read = profiles::read(&folder.path().join("out.parquet")).unwrap();
    assert_eq!(read.len(), 27 + 11);
    assert!(!read.id[27..].contains(&"2".to_string()));

    let other = super::bad_subjects::folder(&with_bad());
    profiler(other.path(), &format!("{TRAITS} --max-bad 4 --workers 3")).done();
    assert!(bytes(&other) == bytes(&folder), "the bound or the workers show");
}

#[test]
fn only_what_was_set_aside_is_done_again_to_the_bytes_of_a_clean_run() {
    for (verb, bound) in [(TRAITS, 4), (PREFER, 20), (SUMMARISE, 1)] {
        let clean = folder(&mended());
        profiler(clean.path(), verb).done();
        let folder = folder(&with_bad());
        profiler(folder.path(), &format!("{verb} --only-bad")).refused(2, &["nothing was set aside"]);
        profiler(folder.path(), &format!("{verb} --max-bad {bound}")).done();
        assert!(!set_aside(folder.path()).is_empty() && bytes(&folder) != bytes(&clean));
        // Still bad: everything stays as it is.
        let before = bytes(&folder);
        profiler(folder.path(), &format!("{verb} --only-bad")).refused(42, &[]);
        assert!(bytes(&folder) == before && !set_aside(folder.path()).is_empty());
        mended().write(folder.path());
        let again = profiler(folder.path(), &format!("{verb} --only-bad")).done();
        assert!(bytes(&folder) == bytes(&clean), "{verb}");
        assert!(!folder.path().join("out.parquet.bad.parquet").exists());
        if verb == TRAITS {
            assert!(again.stderr.contains("11 users taken"), "{}", again.stderr);
        } else if verb == PREFER {
            assert!(!again.stderr.contains(" 0 from the cache"), "{}", again.stderr);
        }
        std::fs::write(folder.path().join("out.parquet.bad.parquet"), "anybody's").unwrap();
        let words = format!("{verb} --only-bad").replace("model.gguf", "other.gguf");
        tiny_model::write(&folder.path().join("other.gguf"));
        profiler(folder.path(), &words).refused(2, &["another model"]);
    }
}

#[test]
fn a_long_history_is_cut_from_its_oldest() {
    let told = |likes: Vec<usize>| {
        let mut job = good();
        job.users[7].1 = likes;
        let folder = folder(&job);
        profiler(folder.path(), TRAITS).done();
        let read = profiles::read(&folder.path().join("out.parquet")).unwrap();
        let row = (0..read.len()).rfind(|&row| read.id[row] == "7").unwrap();
        read.traits_of(row).to_vec()
    };
    let long: Vec<usize> = (0..150).map(|nth| nth % 20).collect();
    let other_beginning = [vec![19, 3, 4], long[3..].to_vec()].concat();
    assert_eq!(told(long.clone()), told(other_beginning));
    assert_ne!(told(long), told((0..150).map(|nth| (nth + 1) % 20).collect()));
}

#[test]
fn bad_rows_of_a_log_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let log = |value: f32| {
        table([
            ("user_id", column(Int64Array::from(vec![1, 1, 2, 3]))),
            ("item_id", column(Int64Array::from(vec![5, 6, 5, 7]))),
            ("timestamp", column(Int64Array::from(vec![1, 2, 3, 4]))),
            ("feedback", column(Float32Array::from(vec![1.0, value, 0.0, 1.0]))),
        ])
    };
    let states = "states --log log.parquet --like-threshold 1 --out out.parquet --overwrite";
    write(&folder.path().join("log.parquet"), &log(f32::NAN));
    profiler(folder.path(), states).refused(42, &["NaN", "row 1"]);
    profiler(folder.path(), &format!("{states} --max-bad 24%")).refused(42, &["more than --max-bad 24%"]);
    profiler(folder.path(), &format!("{states} --max-bad 25%")).done();
    let found = set_aside(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].row, found[0].column.as_deref()),
        (Some(1), Some("feedback"))
    );
    write(&folder.path().join("log.parquet"), &log(1.0));
    profiler(folder.path(), states).done();
    assert!(!folder.path().join("out.parquet.bad.parquet").exists());
}
