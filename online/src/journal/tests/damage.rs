//! A byte cut or changed anywhere: an error, or exactly what stands before it. Never other records, never a panic.

use std::path::PathBuf;

use common::error::Class;
use common::rng::stream;

use super::super::segment;
use super::super::walk::walk;
use super::*;

/// The records of a journal, as bytes.
fn records(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    walk(folder, 0, |entry| {
        records.push(postcard::to_stdvec(&entry.record).unwrap());
        Ok(())
    })?;
    Ok(records)
}

/// A journal of several segments, closed in good order: its records, and its files.
fn journal() -> (World, Vec<Vec<u8>>, Vec<PathBuf>) {
    let world = World::new();
    let durable = world.open(500);
    for seed in 0..8 {
        live(&durable, 3, &mut stream(seed, "damage", &[]));
    }
    durable.journal.close().unwrap();
    let folder = world.state.join("journal");
    let whole = records(&folder).unwrap();
    let files = segment::list(&folder).unwrap();
    assert!(
        files.len() >= 3 && whole.len() >= 20,
        "{} files, {} records",
        files.len(),
        whole.len()
    );
    (world, whole, files)
}

#[test]
fn a_changed_byte_is_found() {
    let (world, whole, files) = journal();
    let folder = world.state.join("journal");
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        // The empty batch at the end holds nothing: damage to it loses nothing.
        let marker = bytes.len() - batch::HEAD;
        let is_last = Some(path) == files.last();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            std::fs::write(path, &damaged).unwrap();
            match records(&folder) {
                Ok(found) => {
                    assert!(
                        is_last && at >= marker,
                        "{}: byte {at} of {} was not missed",
                        path.display(),
                        bytes.len()
                    );
                    assert_eq!(found, whole);
                }
                Err(error) => {
                    assert_eq!(error.class(), Class::Data);
                    let name = path.file_name().unwrap().to_str().unwrap();
                    assert!(error.to_string().contains(name), "byte {at} of {name}: {error}");
                }
            }
        }
        std::fs::write(path, &bytes).unwrap();
    }
    assert_eq!(records(&folder).unwrap(), whole);
}

#[test]
fn of_a_cut_journal_a_prefix_is_left() {
    let (world, whole, files) = journal();
    let folder = world.state.join("journal");
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let is_last = Some(path) == files.last();
        let mut lengths = Vec::new();
        for length in 0..bytes.len() {
            std::fs::write(path, &bytes[..length]).unwrap();
            match records(&folder) {
                Ok(found) => {
                    assert!(is_last, "{} cut at {length} was not missed", path.display());
                    assert!(whole.starts_with(&found), "cut at {length}");
                    lengths.push(found.len());
                }
                Err(error) => assert_eq!(error.class(), Class::Data),
            }
        }
        assert!(lengths.is_sorted());
        assert_eq!(
            is_last,
            lengths.last() == Some(&whole.len()),
            "all but the empty batch"
        );
        std::fs::write(path, &bytes).unwrap();
    }
}

#[test]
fn what_a_crash_tore_is_cut_off_and_the_journal_goes_on() {
    let world = World::new();
    let durable = world.open(u64::MAX);
    live(&durable, 10, &mut stream(1, "damage", &[]));
    let (copy, _) = world.crashed();
    let before = digests(&durable);
    live(&durable, 1, &mut stream(2, "damage", &[]));
    drop(durable);
    // What was there when it was alive, and then half of what came.
    let path = segment::list(&copy.path().join("journal"))
        .unwrap()
        .pop()
        .unwrap();
    let more = std::fs::read(
        segment::list(&world.state.join("journal"))
            .unwrap()
            .pop()
            .unwrap(),
    )
    .unwrap();
    let kept = std::fs::metadata(&path).unwrap().len() as usize;
    std::fs::write(&path, &more[..kept + 30]).unwrap();
    let again = World {
        state: copy.path().to_path_buf(),
        ..World::new()
    };
    let durable = again.open(u64::MAX);
    assert_eq!(durable.read().unwrap().digest(), before.0);
    live(&durable, 10, &mut stream(3, "damage", &[]));
    let after = durable.read().unwrap().digest();
    drop(durable);
    assert_eq!(again.open(u64::MAX).read().unwrap().digest(), after);
}

#[test]
fn a_missing_segment_is_missed() {
    let (world, _, files) = journal();
    let folder = StateFolder::read(&world.state).unwrap();
    for path in &files[..files.len() - 1] {
        let bytes = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        for error in [
            folder.recover(64).map(drop).unwrap_err(),
            folder.rebuild(|_: &mut (), _| ()).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.class(), Class::Data);
            assert!(error.to_string().contains("missing"), "{error}");
        }
        std::fs::write(path, &bytes).unwrap();
    }
    folder.recover(64).unwrap();
}
