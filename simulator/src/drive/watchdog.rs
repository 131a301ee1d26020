//! Ends what an agent is waited for at too long: a process is killed, a connection shut down.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::terminal;

/// How often the watchdog looks: a wait is ended this much late at most.
const LOOK: Duration = Duration::from_millis(500);

/// Watches over one wait at a time. It has no influence on any result, only on whether there is one.
#[derive(Debug)]
pub(super) struct Watchdog {
    limit: Duration,
    state: Arc<Mutex<State>>,
    /// Dropped to end the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    /// What is to be said in a wait, and when.
    notice: Option<(Instant, String)>,
    fired: bool,
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    /// Calls `end` once when a wait takes longer than `limit`.
    pub(super) fn new(limit: Duration, end: impl FnOnce() + Send + 'static) -> Self {
        let (alive, ended) = channel();
        let state = Arc::new(Mutex::new(State::default()));
        let watched = state.clone();
        let thread = std::thread::spawn(move || watch(&watched, &ended, end));
        Watchdog {
            limit,
            state,
            alive: Some(alive),
            thread: Some(thread),
        }
    }

    /// Does `wait`, which `end` must be able to break off.
    pub(super) fn during<T>(&self, wait: impl FnOnce() -> T) -> T {
        lock(&self.state).deadline = Some(Instant::now() + self.limit);
        let value = wait();
        let mut state = lock(&self.state);
        (state.deadline, state.notice) = (None, None);
        drop(state);
        value
    }

    /// Warns once with `notice` where the next wait takes longer than `patience`.
    pub(super) fn after(&self, patience: Duration, notice: String) -> &Self {
        lock(&self.state).notice = Some((Instant::now() + patience, notice));
        self
    }

    /// What to say of a wait that was ended, if one was.
    pub(super) fn verdict(&self) -> Option<String> {
        lock(&self.state).fired.then(|| {
            format!(
                "no answer within {} seconds (--agent-timeout)",
                self.limit.as_secs()
            )
        })
    }
}

fn watch(state: &Mutex<State>, ended: &Receiver<()>, end: impl FnOnce()) {
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let mut state = lock(state);
        if let Some((_, notice)) = state.notice.take_if(|(due, _)| Instant::now() >= *due) {
            terminal::warn(&notice);
        }
        if state.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            state.fired = true;
            drop(state);
            end();
            return;
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.alive.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_takes_too_long_is_ended_and_others_are_not() {
        let (ender, ended) = channel::<()>();
        let dog = Watchdog::new(Duration::from_millis(1), move || drop(ender));
        assert_eq!(dog.during(|| 1), 1);
        std::thread::sleep(2 * LOOK);
        assert_eq!(dog.verdict(), None);
        // Ends only when the watchdog drops its end of the channel.
        dog.during(|| ended.recv().unwrap_err());
        assert!(dog.verdict().unwrap().contains("--agent-timeout"));
    }
}
