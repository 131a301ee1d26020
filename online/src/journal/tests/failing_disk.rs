//! A disk that fails at its n-th write or sync: nothing after that is ever acknowledged, and nothing more is taken.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::commit::{Make, Medium};
use super::super::segment::Head;
use super::*;

/// What reached the disk.
#[derive(Default)]
struct Disk {
    calls: AtomicUsize,
    written: Mutex<Vec<u8>>,
    synced: AtomicUsize,
}

/// A medium that fails at one call.
struct Failing {
    disk: Arc<Disk>,
    at: usize,
}

impl Failing {
    fn call(&self) -> Result<()> {
        match self.disk.calls.fetch_add(1, Ordering::SeqCst) == self.at {
            true => Err(Error::retry("the disk is gone")),
            false => Ok(()),
        }
    }
}

impl Medium for Failing {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.call()?;
        self.disk.written.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.call()?;
        self.disk
            .synced
            .store(self.disk.written.lock().unwrap().len(), Ordering::SeqCst);
        Ok(())
    }
}

fn head() -> Head {
    Head {
        first: 0,
        applied: 0,
        epoch: 0,
        policy: common::fingerprint::Fingerprint::of_bytes(b""),
    }
}

fn journal(at: usize) -> (Journal, Arc<Disk>) {
    let disk = Arc::new(Disk::default());
    let tip = Tip {
        segment: 0,
        length: 0,
        next: head(),
    };
    let make: Make = Box::new(|_| Err(Error::retry("no second segment is expected")));
    let medium = Box::new(Failing {
        disk: disk.clone(),
        at,
    });
    (
        Journal::start(medium, make, tip, &Keeping::DEFAULT).unwrap(),
        disk,
    )
}

/// Records in the synced bytes.
fn kept(disk: &Disk) -> u64 {
    let synced = disk.synced.load(Ordering::SeqCst);
    let bytes = disk.written.lock().unwrap()[..synced].to_vec();
    let mut place = Place {
        segment: 0,
        offset: 0,
    };
    let mut records = 0;
    while let Some(batch) = batch::read(&bytes, place) {
        records += u64::from(batch.records);
        place.offset += batch.size() as u64;
    }
    records
}

#[test]
fn nothing_is_acknowledged_behind_a_failure() {
    for at in 0..20 {
        let (journal, disk) = journal(at);
        let acknowledged: Vec<(u64, u64)> = std::thread::scope(|scope| {
            let write = |_| {
                scope.spawn(|| {
                    let record = Record::Started { next_request: 1 };
                    let one = || {
                        let end = journal.append(&record)?;
                        journal.wait(end)?;
                        Ok::<_, Error>((end, kept(&disk)))
                    };
                    (0..30).map_while(|_| one().ok()).collect::<Vec<_>>()
                })
            };
            let threads: Vec<_> = (0..4).map(write).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        for (end, kept) in &acknowledged {
            assert!(
                end <= kept,
                "failing at call {at}: record {end} acknowledged with {kept} on disk"
            );
        }
        assert!(acknowledged.len() as u64 <= kept(&disk));
        assert!(
            block::on(journal.failure())
                .to_string()
                .contains("the disk is gone")
        );
        assert!(
            journal.append(&Record::Started { next_request: 1 }).is_err(),
            "nothing more is taken"
        );
        assert!(journal.close().is_err());
    }
}

#[test]
fn a_disk_that_works_keeps_everything() {
    let (journal, disk) = journal(usize::MAX);
    for _ in 0..50 {
        journal.append(&Record::Started { next_request: 1 }).unwrap();
    }
    journal.close().unwrap();
    assert_eq!(kept(&disk), 50);
    assert_eq!(journal.progress().synced, 50);
    assert!(
        journal.append(&Record::Started { next_request: 1 }).is_err(),
        "it is closed"
    );
}

#[test]
fn a_segment_that_cannot_be_made_is_a_failure() {
    let (journal, _) = journal(usize::MAX);
    let end = journal.append(&Record::Started { next_request: 1 }).unwrap();
    journal.wait(end).unwrap();
    journal.rotate().unwrap();
    let end = journal.append(&Record::Started { next_request: 1 }).unwrap();
    assert!(
        journal
            .wait(end)
            .unwrap_err()
            .to_string()
            .contains("no second segment")
    );
}
