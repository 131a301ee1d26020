//! Step frames between an environment and a policy: one Arrow IPC stream each way, a record batch a vector step.
//!
//! Request columns: `env` (u32), `user_id` (text), `step` (u32), `last_item` (text, nullable), `reward` (f32,
//! nullable), `done` (bool), `truncated` (bool). Reply columns: `env` (u32), `item` (list of text, the slate),
//! `propensity` (f32), `policy_version` (u64). A reply has one row a request row, in the same order.
//!
//! Where slates have several items, `last_item` names one of the last slate, and the reward is that item's alone: the item
//! that was consumed or, where none was, the first. What else was shown has no feedback.
//!
//! An episode begins with step 0, no `last_item` and no `reward`. The row with `done` carries the last reward
//! and is answered with an empty slate and propensity 1; the environment's next row begins a new episode (the
//! NEXT_STEP autoreset of Gymnasium). `truncated` tells how it ended: at the horizon, where the return goes on beyond
//! what was seen (Gymnasium's `truncated`), or else by itself (`terminated`). `simulator serve` also takes an empty slate
//! for a row that is not done: that environment waits, and the same row comes again. The environment's first message
//! is the schema with the [`Hello`] in its metadata; the policy writes its own schema as soon as it has read it. Closing
//! the stream ends the session.
//!
//! Threat model: the other side may be any program. What it sends is checked for columns, types, nulls and
//! values before use; a frame made to exhaust memory is out of scope, both ends belong to one user.

mod receive;
mod send;
mod texts;

pub use receive::{ReplyReceiver, RequestReceiver};
pub use send::{ReplySender, RequestSender};
pub use texts::{Slates, Texts};

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// The protocol's version; a reader refuses another one.
pub const PROTOCOL: u32 = 2;
const HELLO_KEY: &str = "headstart.hello";

/// What the environment says before the first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// See [`PROTOCOL`].
    pub protocol: u32,
    /// The environment's name.
    pub environment: String,
    /// Fingerprint of the set of item ids ([`crate::ids::Dictionary::fingerprint`]).
    pub items: Fingerprint,
    /// The environment's seed.
    pub seed: u64,
    /// Most steps an episode can have.
    pub horizon: u32,
    /// Items a slate.
    pub slate: u32,
}

/// One vector step from the environment, a struct of arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Environment index.
    pub env: Vec<u32>,
    /// The user whose turn it is.
    pub user_id: Texts,
    /// Step in the episode, from 0.
    pub step: Vec<u32>,
    /// The item that the reward is for.
    pub last_item: Texts,
    /// Reward of the previous action.
    pub reward: Vec<Option<f32>>,
    /// Whether the episode is over.
    pub done: Vec<bool>,
    /// Whether it is over because of the horizon; never without `done`.
    pub truncated: Vec<bool>,
}

/// One vector step from the policy, a struct of arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Environment index.
    pub env: Vec<u32>,
    /// The slate; empty where the episode is over.
    pub item: Slates,
    /// Probability of the slate under the policy that chose it.
    pub propensity: Vec<f32>,
    /// The version of the policy that chose.
    pub policy_version: Vec<u64>,
}

impl Request {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.env.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.env.is_empty()
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.env.clear();
        self.user_id.clear();
        self.step.clear();
        self.last_item.clear();
        self.reward.clear();
        self.done.clear();
        self.truncated.clear();
    }
}

impl Reply {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.env.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.env.is_empty()
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.env.clear();
        self.item.clear();
        self.propensity.clear();
        self.policy_version.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: PROTOCOL,
            environment: "test".into(),
            items: Fingerprint::of_bytes(b"items"),
            seed: 1,
            horizon: 10,
            slate: 1,
        }
    }

    fn request() -> Request {
        Request {
            env: vec![0, 1],
            user_id: ["u", "v"].map(Some).into_iter().collect(),
            step: vec![0, 3],
            last_item: [None, Some("i")].into_iter().collect(),
            reward: vec![None, Some(1.0)],
            done: vec![false, true],
            truncated: vec![false, true],
        }
    }

    #[test]
    fn requests_come_back_as_sent() {
        let mut bytes = Vec::new();
        let mut sender = RequestSender::new(&mut bytes, &hello()).unwrap();
        sender.send(&request()).unwrap();
        sender.finish().unwrap();
        let mut receiver = RequestReceiver::new(bytes.as_slice()).unwrap();
        assert_eq!(receiver.hello(), &hello());
        assert_eq!(receiver.receive().unwrap(), Some(request()));
        assert_eq!(receiver.receive().unwrap(), None);
    }

    #[test]
    fn replies_come_back_as_sent() {
        let reply = Reply {
            env: vec![0, 1],
            item: [vec!["a", "b"], vec![]].into_iter().collect(),
            propensity: vec![0.25, 1.0],
            policy_version: vec![7, 7],
        };
        let mut bytes = Vec::new();
        let mut sender = ReplySender::new(&mut bytes).unwrap();
        sender.send(&reply).unwrap();
        sender.finish().unwrap();
        let mut receiver = ReplyReceiver::new(bytes.as_slice()).unwrap();
        assert_eq!(receiver.receive().unwrap(), Some(reply));
    }

    #[test]
    fn a_reward_that_is_not_finite_is_refused_with_its_row() {
        let mut bad = request();
        bad.reward[1] = Some(f32::NAN);
        let mut bytes = Vec::new();
        let mut sender = RequestSender::new(&mut bytes, &hello()).unwrap();
        sender.send(&bad).unwrap();
        let mut receiver = RequestReceiver::new(bytes.as_slice()).unwrap();
        let error = receiver.receive().unwrap_err().to_string();
        assert!(error.contains("not finite") && error.contains("row 1"), "{error}");
    }

    #[test]
    fn a_truncated_episode_that_is_not_over_is_refused() {
        let mut bad = request();
        bad.truncated[0] = true;
        let mut bytes = Vec::new();
        let mut sender = RequestSender::new(&mut bytes, &hello()).unwrap();
        sender.send(&bad).unwrap();
        let mut receiver = RequestReceiver::new(bytes.as_slice()).unwrap();
        let error = receiver.receive().unwrap_err().to_string();
        assert!(
            error.contains("column truncated") && error.contains("row 0"),
            "{error}"
        );
    }

    #[test]
    fn another_protocol_and_no_stream_are_refused() {
        let mut bytes = Vec::new();
        RequestSender::new(
            &mut bytes,
            &Hello {
                protocol: 99,
                ..hello()
            },
        )
        .unwrap()
        .finish()
        .unwrap();
        assert!(
            RequestReceiver::new(bytes.as_slice())
                .err()
                .unwrap()
                .to_string()
                .contains("protocol 99")
        );
        assert!(RequestReceiver::new(b"hello?".as_slice()).is_err());
        assert!(ReplyReceiver::new(b"".as_slice()).is_err());
    }

    #[test]
    fn a_stream_cut_short_is_an_error_and_not_an_end() {
        let mut bytes = Vec::new();
        let mut sender = RequestSender::new(&mut bytes, &hello()).unwrap();
        sender.send(&request()).unwrap();
        bytes.truncate(bytes.len() - 20);
        let mut receiver = RequestReceiver::new(bytes.as_slice()).unwrap();
        assert!(receiver.receive().unwrap_err().to_string().contains("cut short"));
    }
}
