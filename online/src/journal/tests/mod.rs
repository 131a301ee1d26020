//! The journal against crashes, damage and failing disks.

mod damage;
mod experiments;
mod failing_disk;
mod folder;
mod pruning;
mod recovery;
mod repair;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::artifact::Plan;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::{
    Encoder, NetworkConfig, POLICY, Policy as Artifact, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};
use common::rng::{ChaCha8Rng, RngExt};
use tempfile::TempDir;

use super::*;
use crate::adapt::{Buffers, Name};
use crate::live::{Ask, Feedback, Settings, State, Subject};

/// A policy of random weights over the items `i0`, `i1`, ... beginning with `first`, in a folder.
fn saved_policy(folder: &Path, items: std::ops::Range<u32>, seed: u64) -> PathBuf {
    saved_policy_of(Encoder::Gru, folder, items, seed)
}

/// The same with an encoder of choice.
fn saved_policy_of(encoder: Encoder, folder: &Path, items: std::ops::Range<u32>, seed: u64) -> PathBuf {
    let network = NetworkConfig {
        items: items.len(),
        dims: 3,
        hidden: 4,
        traits: 2,
        window: 3,
        encoder,
    };
    let ids = |prefix: &str, range: std::ops::Range<u32>| {
        Dictionary::from_values(IdKind::Text, range.map(|i| format!("{prefix}{i}"))).unwrap()
    };
    let policy = Artifact {
        manifest: Manifest::new(POLICY, "pretrain train").seed(seed),
        weights: Weights::init(&network, seed),
        items: PolicyItems {
            popularity: vec![1.0; items.len()],
            traits: vec![0.0; 2 * items.len()],
            ids: ids("i", items),
        },
        users: PolicyUsers {
            ids: ids("u", 0..2),
            history: vec![vec![(1, 1.0), (0, -1.0)], vec![]],
            traits: vec![0.5, -0.5, 1.0, 0.0],
            consumed: vec![vec![0, 1], vec![]],
            memory: (0..2 * network.memory()).map(|at| at as f32).collect(),
            answered: Vec::new(),
        },
        config: PolicyConfig {
            network,
            method: "bc".into(),
            traits: "profile".into(),
            gamma: 0.9,
            likes: None,
            training: serde_json::Value::Null,
        },
    };
    let path = folder.join(format!("policy-{seed}"));
    policy.save(&path).unwrap();
    path
}

/// A place for a state folder, and what to begin it with.
struct World {
    root: TempDir,
    state: PathBuf,
    policy: PathBuf,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        World::of(Encoder::Gru)
    }

    /// Makes the state folder, with what `fill` makes of it.
    fn make(&self, fill: impl FnOnce(StateFolder) -> Result<()>) -> Result<()> {
        let manifest = StateFolder::manifest("test", &self.policy, &self.settings)?;
        let plan = || Ok(Plan::Write);
        StateFolder::make(&self.state, &self.policy, &self.settings, &manifest, plan, fill).map(drop)
    }

    /// Of a policy with this encoder.
    fn of(encoder: Encoder) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(Name::Ft, 3);
        settings.hyper.learning.rollout = 2;
        World {
            state: root.path().join("state"),
            policy: saved_policy_of(encoder, root.path(), 0..40, 1),
            settings,
            root,
        }
    }

    /// Opens the state folder without a keeper.
    fn open(&self, segment_bytes: u64) -> Arc<Durable> {
        self.open_keeping(Keeping {
            segment_bytes,
            ..Keeping::DEFAULT
        })
    }

    fn open_keeping(&self, keeping: Keeping) -> Arc<Durable> {
        if !StateFolder::exists(&self.state) {
            self.make(|_| Ok(())).unwrap();
        }
        let folder = StateFolder::open(&self.state).unwrap();
        Durable::of_folder(folder, &keeping, 64).unwrap()
    }

    fn config(&self) -> OpenConfig {
        OpenConfig {
            arms: Vec::new(),
            state: self.state.clone(),
            policy: self.policy.clone(),
            settings: self.settings,
            keeping: Keeping::DEFAULT,
            pending: 64,
        }
    }

    /// The state folder as a crash would leave it now.
    fn crashed(&self) -> (TempDir, StateFolder) {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&self.state, copy.path());
        let folder = StateFolder::read(copy.path()).unwrap();
        (copy, folder)
    }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_all(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Random requests and answers, late and in any order; all of it on disk when this returns.
fn live(durable: &Durable, acts: usize, rng: &mut ChaCha8Rng) {
    let mut buffers = Buffers::new();
    let mut open: Vec<(u64, String)> = Vec::new();
    let mut lsn = 0;
    for _ in 0..acts {
        if open.is_empty() || rng.random::<f32>() < 0.5 {
            let user = format!("u{}", rng.random_range(0..6));
            let ask = Ask {
                user: &user,
                k: rng.random_range(1..3),
                candidates: None,
                given: None,
            };
            let state = durable.read().unwrap();
            let decision = durable.recommend(&state, &ask, &mut buffers).unwrap();
            open.extend(
                decision
                    .slate
                    .items
                    .iter()
                    .map(|&item| (decision.request, id(state.of_user(&user), item))),
            );
        } else {
            let (request, item) = open.swap_remove(rng.random_range(0..open.len()));
            let reward = [0.0, 1.0, -0.5][rng.random_range(0..3)];
            lsn = answer(durable, request, &item, reward).map_or(lsn, |observed| observed.lsn);
        }
    }
    durable
        .journal
        .wait(lsn.max(durable.journal.next().unwrap()))
        .unwrap();
}

fn id(state: &State, item: u32) -> String {
    state.items().id(item).to_string()
}

fn answer(durable: &Durable, request: u64, item: &str, reward: f32) -> Result<Observed, Refused<()>> {
    durable.observe(|arms, pending| {
        let state = arms.state(pending.arm_of(request)).unwrap_or(arms);
        let subject = Subject::Request {
            request,
            item: Some(state.items().code(item).ok_or(())?),
        };
        Ok(vec![Feedback {
            subject,
            reward,
            timestamp_ms: 5,
        }])
    })
}

/// State and pending decisions, to be compared.
fn digests(durable: &Durable) -> (common::fingerprint::Fingerprint, Vec<u8>) {
    let state = durable.read().unwrap();
    (state.digest(), durable.pending_snapshot())
}

fn rebuilt(folder: &StateFolder) -> common::fingerprint::Fingerprint {
    folder.rebuild(|_: &mut (), _| ()).unwrap().0.digest()
}
