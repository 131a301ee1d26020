//! The keeper: a thread that compacts what is finished, and sees to it that old segments come to an end.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::{Error, Result, terminal};

use super::durable::Durable;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// Events after which it writes a snapshot though no segment is finished: so many are at most to be applied again after a
/// crash, and those of half a second.
const EVENTS_A_SNAPSHOT: u64 = 50_000;
/// How long it waits after a failure, such as a full disk, before it tries again.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// The thread, and how to stop it.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    stop: Arc<Stop>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Keeper {
    /// Starts the keeper of `durable`.
    pub(super) fn start(durable: &Arc<Durable>) -> Result<()> {
        let keeper = &durable.keeper;
        let (weak, stop) = (Arc::downgrade(durable), Arc::clone(&keeper.stop));
        let thread = std::thread::Builder::new().name("keeper".into());
        let thread = thread
            .spawn(move || run(&weak, &stop))
            .map_err(|e| Error::retry(format!("cannot start the keeper's thread: {e}")))?;
        *keeper.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Stops it, after the compaction that it may be in.
    pub(super) fn stop(&self) {
        *self.stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Stop {
    /// Waits; whether it is time to stop.
    fn wait(&self, time: Duration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(asked, time, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn run(durable: &Weak<Durable>, stop: &Stop) {
    let mut seen = Seen {
        segment: 0,
        since: Instant::now(),
        snapshot: 0,
        pruned: false,
    };
    loop {
        // First of all what a crash left to do.
        let Some(durable) = durable.upgrade() else {
            return;
        };
        let pause = match look_after(&durable, &mut seen) {
            Ok(()) => EVERY,
            Err(error) if durable.progress().failed.is_some() => {
                terminal::error(&error);
                return;
            }
            Err(error) => {
                terminal::warn(&format!(
                    "the state folder could not be tidied up and grows: {error}"
                ));
                AFTER_FAILURE
            }
        };
        drop(durable);
        if stop.wait(pause) {
            return;
        }
    }
}

/// What the keeper has seen.
struct Seen {
    /// The segment that is written to.
    segment: u64,
    /// Since when.
    since: Instant,
    /// Events in the last snapshot.
    snapshot: u64,
    /// Whether old policies were looked for since this process began.
    pruned: bool,
}

fn look_after(durable: &Durable, seen: &mut Seen) -> Result<()> {
    let open = durable.progress().segment;
    if seen.segment != open {
        (seen.segment, seen.since) = (open, Instant::now());
    } else if seen.since.elapsed().as_secs() >= durable.keeping.segment_seconds {
        seen.since = Instant::now();
        durable.journal.rotate()?;
    }
    let applied = durable.read()?.applied();
    let due = applied >= seen.snapshot + EVENTS_A_SNAPSHOT;
    // A compaction makes one itself.
    let compacted = durable.compact()? > 0;
    // Another policy begins a segment, and so what was before it is compacted.
    if compacted || !seen.pruned {
        durable.prune()?;
        seen.pruned = true;
    }
    if compacted {
        seen.snapshot = applied;
    } else if due {
        durable.snapshot()?;
        seen.snapshot = applied;
    }
    Ok(())
}
