//! An agent on a pair of streams.

use std::io::{Read, Write};

use common::fingerprint::Fingerprint;
use common::frame::{Hello, ReplySender, RequestReceiver};
use common::{Error, Result};

use super::Agent;

/// What a session amounted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Recommendations that were answered.
    pub events: usize,
    /// Episodes begun.
    pub episodes: u32,
    /// Updates of the policy.
    pub updates: u64,
    /// Mean feedback.
    pub mean_feedback: f64,
}

/// Answers requests from `source` on `sink` until the source ends. `check` sees what the environment says first.
///
/// An environment may ask for slates of several items. Its next row names one of them with its reward: the one that was
/// consumed or, where none was, the first. That item is the event, and its probability that of its place, given those above
/// it; of the others nothing is learnt.
///
/// # Errors
/// A damaged stream, a breach of the protocol, another catalogue than the policy's, what `check` refuses, or a
/// `sink` that is gone.
pub fn serve(
    agent: &mut Agent,
    source: impl Read,
    sink: impl Write,
    check: impl FnOnce(&Hello) -> Result<()>,
) -> Result<Summary> {
    let mut receiver = RequestReceiver::new(source)?;
    let hello = receiver.hello();
    let items = agent.state.items();
    belong_together(hello, &items.fingerprint(), items.len())?;
    agent.slate = hello.slate as usize;
    check(hello)?;
    let mut sender = ReplySender::new(sink)?;
    while let Some(request) = receiver.receive()? {
        let reply = agent.handle(&request)?;
        sender.send(&reply)?;
    }
    sender.finish()?;
    Ok(Summary {
        events: agent.events.len(),
        episodes: agent.episodes,
        updates: agent.version(),
        mean_feedback: agent.events.mean_feedback(),
    })
}

fn belong_together(hello: &Hello, items: &Fingerprint, count: usize) -> Result<()> {
    if &hello.items != items {
        return Err(Error::data(format!(
            "the policy and the environment `{}` do not belong together: the policy's catalogue of {count} items is \
             {items}, the environment's is {}",
            hello.environment, hello.items
        ))
        .hint("train the policy on the log of the same import as the environment"));
    }
    if hello.slate == 0 || hello.slate as usize > count {
        return Err(Error::data(format!(
            "the environment wants slates of {} from a catalogue of {count} items",
            hello.slate
        )));
    }
    Ok(())
}
