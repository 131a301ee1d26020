//! The parts of a job, and their commits.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Plan, Shard};
use crate::fingerprint::Fingerprint;
use crate::folder::scratch;
use crate::manifest::Manifest;
use crate::schema::write;
use crate::store::{Local, Store};
use crate::{Error, Result, terminal};

const PLAN: &str = "plan.json";
const DONE: &str = "done";
const PART: &str = "part";
const UNITS: &str = "units";

/// What a shard counts for the last line of a run, summed over the shards by a merge.
pub trait Counts: Default + Serialize + DeserializeOwned {
    /// Adds what another shard counted.
    fn add(&mut self, other: Self);
}

impl Counts for () {
    fn add(&mut self, (): Self) {}
}

/// The parts of one job.
#[derive(Debug)]
pub struct Parts {
    store: Store,
    /// What each shard works.
    pub plan: Plan,
}

/// One shard to be worked.
#[derive(Debug)]
pub struct Work {
    pub(super) parts: Parts,
    /// Which.
    pub shard: Shard,
}

/// The commit of a shard.
#[derive(Debug, Serialize, Deserialize)]
struct Commit {
    /// The part's fingerprint; none where the shard's results are elsewhere.
    part: Option<Fingerprint>,
    counts: serde_json::Value,
}

impl Parts {
    /// Opens the parts at `place`, and compares their plan with the one that `plan` makes for `count` shards, or for those that
    /// there are.
    ///
    /// # Errors
    /// Wrong usage, where they are those of another job, or there is no plan and no `count`, or the store does not honour
    /// preconditions; I/O failures.
    pub(super) fn open(
        place: &Path,
        trusted: bool,
        plan: impl Fn(u32) -> Plan,
        count: Option<u32>,
    ) -> Result<Self> {
        let store = Store::open(place)?;
        store.probe(trusted)?;
        let found = match store.get(PLAN)? {
            Some(found) => Some(found),
            None => match count {
                Some(count) => {
                    let json = plan(count).to_json();
                    store.create(PLAN, json.as_bytes())?;
                    store.get(PLAN)?
                }
                None => None,
            },
        };
        let Some(found) = found else {
            return Err(Error::usage("there are no parts to merge")
                .file(place)
                .hint("work each shard first, with --shard I/N and the same --parts"));
        };
        let found = read_plan(&store, &found)?;
        let planned = plan(count.unwrap_or(found.shards.len() as u32));
        if planned.shards.len() != found.shards.len() {
            return Err(Error::usage(format!(
                "the job was cut into {} shards, not {}",
                found.shards.len(),
                planned.shards.len()
            ))
            .file(store.place(PLAN))
            .hint("all processes of a job name one number of shards; choose another place for the --parts of another cut"));
        }
        if planned != found {
            return Err(Error::usage(
                "the parts are those of another job: other inputs, options or another version",
            )
            .file(store.place(PLAN))
            .hint("give every process the same inputs and options; choose other --parts for another job"));
        }
        Ok(Parts { store, plan: found })
    }

    /// Where the finished units of a language model are kept.
    ///
    /// # Errors
    /// Wrong usage, where something else stands there.
    pub fn units(&self) -> Result<Store> {
        self.store.below(UNITS)
    }

    /// Whether a shard is committed.
    pub(super) fn is_done(&self, shard: u32) -> Result<bool> {
        Ok(self.commit(shard)?.is_some())
    }

    fn commit(&self, shard: u32) -> Result<Option<Commit>> {
        let name = format!("{DONE}/{shard}");
        let Some(bytes) = self.store.get(&name)? else {
            return Ok(None);
        };
        let damaged = |e| Error::data(format!("no commit of a shard: {e}")).file(self.store.place(&name));
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// Requires that every shard is committed.
    pub(super) fn require_all(&self) -> Result<()> {
        let mut missing = Vec::new();
        for shard in 0..self.plan.shards.len() as u32 {
            if !self.is_done(shard)? {
                missing.push(shard.to_string());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::retry(format!(
            "{} of {} shards are not done: {}",
            missing.len(),
            self.plan.shards.len(),
            missing.join(", ")
        ))
        .file(self.store.place(DONE))
        .hint("work them with --shard, and merge again"))
    }

    /// The parts in the order of their shards, each a file whose bytes were checked, and the sum of what was counted.
    ///
    /// # Errors
    /// A part that is missing or damaged, I/O failures.
    pub fn read<C: Counts>(&self) -> Result<(Vec<Local>, C)> {
        let (mut files, mut counts) = (Vec::new(), C::default());
        for shard in 0..self.plan.shards.len() as u32 {
            let Some(commit) = self.commit(shard)? else {
                continue;
            };
            let counted = serde_json::from_value(commit.counts);
            counts.add(counted.map_err(|e| self.foreign(shard, &e))?);
            let Some(part) = commit.part else { continue };
            let name = format!("{PART}/{part}");
            let lost = |what: &str| {
                Error::data(format!("the part of shard {shard} is {what}"))
                    .file(self.store.place(&name))
                    .hint(format!(
                        "remove {} and work the shard again",
                        self.store.place(&format!("{DONE}/{shard}")).display()
                    ))
            };
            let local = self.store.local(&name)?.ok_or_else(|| lost("missing"))?;
            if Fingerprint::of_file(local.path())? != part {
                return Err(lost("damaged"));
            }
            files.push(local);
        }
        Ok((files, counts))
    }

    /// Writes the rows of all parts, Parquet files with a row group a piece, to `out`; gives the sum of what was counted.
    ///
    /// # Errors
    /// As [`Parts::read`].
    pub(super) fn merge<C: Counts>(&self, out: &Path, manifest: &Manifest) -> Result<C> {
        let (files, counts) = self.read()?;
        let paths: Vec<&Path> = files.iter().map(Local::path).collect();
        write::merge(out, manifest, &paths)?;
        Ok(counts)
    }

    fn foreign(&self, shard: u32, error: &serde_json::Error) -> Error {
        Error::data(format!("the commit counts something else: {error}"))
            .file(self.store.place(&format!("{DONE}/{shard}")))
    }

    /// Removes all of a job's parts at `place`, those that stopped processes left without a commit too.
    pub(super) fn remove(place: &Path) -> Result<()> {
        let store = Store::open(place)?;
        let Some(plan) = store.get(PLAN)? else {
            return Ok(());
        };
        // What stands at a place without a plan of ours is somebody's own.
        read_plan(&store, &plan)?;
        let mut known = 0;
        let parts = store.list(PART)?;
        for found in &parts {
            store.remove(&found.name)?;
        }
        for under in [DONE, UNITS] {
            for found in store.list(under)? {
                known += u64::from(under == DONE);
                store.remove(&found.name)?;
            }
        }
        // The plan goes last: a process that is stopped here goes on from what is left.
        store.remove(PLAN)?;
        store.remove_root()?;
        if known > 0 {
            terminal::info(&format!(
                "{}: the parts of {known} shards are removed",
                place.display()
            ));
        }
        Ok(())
    }
}

fn read_plan(store: &Store, json: &[u8]) -> Result<Plan> {
    let damaged = |e| Error::data(format!("no plan of shards: {e}")).file(store.place(PLAN));
    serde_json::from_slice(json).map_err(damaged)
}

impl Work {
    /// The units to be worked, by their places.
    pub fn units(&self) -> std::ops::Range<usize> {
        self.planned().units.clone()
    }

    /// The job's parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    fn planned(&self) -> &super::plan::Planned {
        &self.parts.plan.shards[self.shard.index as usize]
    }

    /// Lets `fill` write the part to a temporary file, and commits it.
    ///
    /// # Errors
    /// Those of `fill`, I/O failures.
    pub fn commit_file<C: Counts>(self, fill: impl FnOnce(&Path) -> Result<C>) -> Result<()> {
        let folder = scratch()?;
        let file = folder.path().join(PART);
        let counts = fill(&file)?;
        let part = Fingerprint::of_file(&file)?;
        self.parts.store.put_file(&format!("{PART}/{part}"), &file)?;
        self.commit(Some(part), &counts)
    }

    /// Commits a shard whose results are elsewhere.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn commit_done(self, counts: &impl Counts) -> Result<()> {
        self.commit(None, counts)
    }

    fn commit(&self, part: Option<Fingerprint>, counts: &impl Counts) -> Result<()> {
        let counts = serde_json::to_value(counts)
            .map_err(|e| Error::usage(format!("the counts cannot be written as JSON: {e}")))?;
        let commit = serde_json::json!({ "part": part, "counts": counts }).to_string() + "\n";
        let name = format!("{DONE}/{}", self.shard.index);
        let first = self.parts.store.create(&name, commit.as_bytes())?;
        terminal::info(&match first {
            true => format!("shard {} is done", self.shard),
            false => format!("shard {} was done by another process meanwhile", self.shard),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sharding, Step, Task, Unit};
    use super::*;

    fn units() -> Vec<Unit> {
        (1..=6)
            .map(|work| Unit::new(format!("unit {work}"), work))
            .collect()
    }

    fn begin(folder: &Path, task: Task, seed: u64) -> Result<Step> {
        let sharding = Sharding {
            task,
            ..Sharding::default()
        };
        sharding.begin(
            &folder.join("out"),
            &Manifest::new("states", "test").seed(seed),
            &units(),
        )
    }

    fn shard(index: u32) -> Task {
        Task::Shard(Shard { index, count: 2 })
    }

    #[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
    struct Sum(u64);

    impl Counts for Sum {
        fn add(&mut self, other: Self) {
            self.0 += other.0;
        }
    }

    fn work(folder: &Path, index: u32) {
        let Step::Work(work) = begin(folder, shard(index), 1).unwrap() else {
            panic!("nothing to do")
        };
        let units = work.units();
        work.commit_file(|path| {
            crate::atomic_file::write_bytes(path, format!("{units:?}").as_bytes())?;
            Ok(Sum(units.len() as u64))
        })
        .unwrap();
    }

    #[test]
    fn parts_come_back_in_order_when_all_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let merge = || begin(folder, Task::Merge { clean: false }, 1);
        assert!(merge().unwrap_err().to_string().contains("no parts"));
        work(folder, 1);
        let error = merge().unwrap_err();
        assert_eq!(error.class().code(), 1);
        assert!(
            error.to_string().contains("1 of 2 shards are not done: 0"),
            "{error}"
        );
        work(folder, 0);
        assert!(matches!(begin(folder, shard(0), 1).unwrap(), Step::Nothing));
        let Step::Merge(parts) = merge().unwrap() else {
            panic!("nothing to merge")
        };
        let (files, sum) = parts.read::<Sum>().unwrap();
        let texts: Vec<Vec<u8>> = files
            .iter()
            .map(|file| std::fs::read(file.path()).unwrap())
            .collect();
        assert_eq!(texts, [b"0..4".to_vec(), b"4..6".to_vec()]);
        assert_eq!(sum, Sum(6));
    }

    #[test]
    fn another_job_and_another_cut_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        work(folder.path(), 0);
        let other = begin(folder.path(), shard(1), 2).unwrap_err().to_string();
        assert!(other.contains("another job"), "{other}");
        let shard = Task::Shard(Shard { index: 1, count: 3 });
        let cut = begin(folder.path(), shard, 1).unwrap_err().to_string();
        assert!(cut.contains("into 2 shards, not 3"), "{cut}");
    }

    #[test]
    fn a_damaged_part_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        work(folder.path(), 0);
        work(folder.path(), 1);
        let part = std::fs::read_dir(folder.path().join("out.parts/part"))
            .unwrap()
            .next();
        std::fs::write(part.unwrap().unwrap().path(), "else").unwrap();
        let Step::Merge(parts) = begin(folder.path(), Task::Merge { clean: false }, 1).unwrap() else {
            panic!("nothing to merge")
        };
        let error = parts.read::<Sum>().unwrap_err();
        assert_eq!(error.class().code(), 42);
        assert!(
            error.to_string().contains("is damaged") && error.to_string().contains("done/"),
            "{error}"
        );
    }

    #[test]
    fn of_two_processes_with_one_shard_both_end_well() {
        let folder = tempfile::tempdir().unwrap();
        let both: Vec<Work> = (0..2)
            .map(|_| match begin(folder.path(), shard(0), 1).unwrap() {
                Step::Work(work) => work,
                _ => panic!("nothing to do"),
            })
            .collect();
        for work in both {
            work.commit_done(&Sum(1)).unwrap();
        }
    }

    #[test]
    fn clean_removes_what_stopped_processes_left() {
        let folder = tempfile::tempdir().unwrap();
        work(folder.path(), 0);
        work(folder.path(), 1);
        let parts = folder.path().join("out.parts");
        crate::atomic_file::write_bytes(&parts.join("part/orphan"), b"left").unwrap();
        let sharding = Sharding {
            task: Task::Merge { clean: true },
            ..Sharding::default()
        };
        sharding.finish(&folder.path().join("out")).unwrap();
        assert!(!parts.exists());
        // A folder that is none of ours keeps all that is in it.
        crate::atomic_file::write_bytes(&parts.join("part/mine"), b"mine").unwrap();
        sharding.finish(&folder.path().join("out")).unwrap();
        assert!(parts.join("part/mine").exists());
    }
}
