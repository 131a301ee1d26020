//! Step frames between an environment and a policy: one Arrow IPC stream each way, a record batch a vector step.
//!
//! Request columns: `env` (u32), `user_id` (text), `step` (u32), `last_item` (text, nullable), `reward` (f32,
//! nullable), `done` (bool). Reply columns: `env` (u32), `item` (list of text, the slate), `propensity` (f32),
//! `policy_version` (u64). A reply has one row a request row, in the same order.
//!
//! An episode begins with step 0, no `last_item` and no `reward`. The row with `done` carries the last reward
//! and is answered with an empty slate and propensity 1; the environment's next row begins a new episode (the
//! NEXT_STEP autoreset of Gymnasium). The environment's first message is the schema with the [`Hello`] in its
//! metadata; the policy writes its own schema as soon as it has read it. Closing the stream ends the session.
//!
//! Threat model: the other side may be any program. What it sends is checked for columns, types, nulls and
//! values before use; a frame made to exhaust memory is out of scope, both ends belong to one user.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Float32Array, ListArray, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::{Error, Result};

/// The protocol's version; a reader refuses another one.
pub const PROTOCOL: u32 = 1;
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
    pub user_id: Vec<String>,
    /// Step in the episode, from 0.
    pub step: Vec<u32>,
    /// The item that the reward is for.
    pub last_item: Vec<Option<String>>,
    /// Reward of the previous action.
    pub reward: Vec<Option<f32>>,
    /// Whether the episode is over.
    pub done: Vec<bool>,
}

/// One vector step from the policy, a struct of arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Environment index.
    pub env: Vec<u32>,
    /// The slate; empty where the episode is over.
    pub item: Vec<Vec<String>>,
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
}

fn request_schema(hello: &Hello) -> SchemaRef {
    let fields = vec![
        Field::new("env", DataType::UInt32, false),
        Field::new("user_id", DataType::Utf8, false),
        Field::new("step", DataType::UInt32, false),
        Field::new("last_item", DataType::Utf8, true),
        Field::new("reward", DataType::Float32, true),
        Field::new("done", DataType::Boolean, false),
    ];
    let json = serde_json::json!({
        "protocol": hello.protocol, "environment": hello.environment, "items": hello.items,
        "seed": hello.seed, "horizon": hello.horizon, "slate": hello.slate,
    });
    Arc::new(Schema::new_with_metadata(fields, HashMap::from([(HELLO_KEY.to_string(), json.to_string())])))
}

fn reply_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("env", DataType::UInt32, false),
        Field::new("item", DataType::List(Arc::new(Field::new("item", DataType::Utf8, false))), false),
        Field::new("propensity", DataType::Float32, false),
        Field::new("policy_version", DataType::UInt64, false),
    ]))
}

fn broken(error: arrow::error::ArrowError, doing: &str) -> Error {
    Error::retry(format!("cannot {doing}: {error}")).at("step frames")
}

/// Writes an Arrow IPC stream batch by batch, flushed after each so that the other side need not wait.
struct Sender<W: Write> {
    writer: StreamWriter<W>,
    schema: SchemaRef,
}

impl<W: Write> Sender<W> {
    fn new(sink: W, schema: SchemaRef) -> Result<Self> {
        let mut writer = StreamWriter::try_new(sink, &schema).map_err(|e| broken(e, "open the stream"))?;
        writer.flush().map_err(|e| broken(e, "open the stream"))?;
        Ok(Sender { writer, schema })
    }

    fn send(&mut self, columns: Vec<Arc<dyn Array>>) -> Result<()> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        self.writer.write(&batch).and_then(|()| self.writer.flush()).map_err(|e| broken(e, "send a step"))
    }

    fn finish(mut self) -> Result<()> {
        self.writer.finish().map_err(|e| broken(e, "close the stream"))
    }
}

/// The environment's sending end.
pub struct RequestSender<W: Write>(Sender<W>);

impl<W: Write> RequestSender<W> {
    /// Opens the stream and says hello.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn new(sink: W, hello: &Hello) -> Result<Self> {
        Sender::new(sink, request_schema(hello)).map(RequestSender)
    }

    /// Sends one vector step.
    ///
    /// # Errors
    /// When the other side is gone, or the arrays differ in length.
    pub fn send(&mut self, request: &Request) -> Result<()> {
        self.0.send(vec![
            Arc::new(UInt32Array::from(request.env.clone())),
            Arc::new(StringArray::from_iter_values(&request.user_id)),
            Arc::new(UInt32Array::from(request.step.clone())),
            Arc::new(StringArray::from_iter(request.last_item.iter().map(Option::as_deref))),
            Arc::new(Float32Array::from(request.reward.clone())),
            Arc::new(BooleanArray::from(request.done.clone())),
        ])
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

/// The policy's sending end.
pub struct ReplySender<W: Write>(Sender<W>);

impl<W: Write> ReplySender<W> {
    /// Opens the stream.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn new(sink: W) -> Result<Self> {
        Sender::new(sink, reply_schema()).map(ReplySender)
    }

    /// Sends one vector step.
    ///
    /// # Errors
    /// When the other side is gone, or the arrays differ in length.
    pub fn send(&mut self, reply: &Reply) -> Result<()> {
        let items = StringArray::from_iter_values(reply.item.iter().flatten());
        let offsets = OffsetBuffer::from_lengths(reply.item.iter().map(Vec::len));
        let field = Arc::new(Field::new("item", DataType::Utf8, false));
        self.0.send(vec![
            Arc::new(UInt32Array::from(reply.env.clone())),
            Arc::new(ListArray::try_new(field, offsets, Arc::new(items), None)?),
            Arc::new(Float32Array::from(reply.propensity.clone())),
            Arc::new(UInt64Array::from(reply.policy_version.clone())),
        ])
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

/// Reads record batches and checks their columns.
struct Receiver<R: Read> {
    reader: StreamReader<R>,
    frames: usize,
}

impl<R: Read> Receiver<R> {
    fn new(source: R) -> Result<Self> {
        let reader = StreamReader::try_new(source, None)
            .map_err(|e| Error::data(format!("no Arrow IPC stream: {e}")).at("step frames"))?;
        Ok(Receiver { reader, frames: 0 })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let frame = self.frames;
        match self.reader.next() {
            None => Ok(None),
            Some(Ok(batch)) => {
                self.frames += 1;
                Ok(Some(batch))
            }
            Some(Err(e)) => {
                Err(Error::data(format!("the stream is damaged or cut short: {e}")).at(format!("frame {frame}")))
            }
        }
    }

    fn column(&self, batch: &RecordBatch, name: &str, wanted: &DataType, nullable: bool) -> Result<Arc<dyn Array>> {
        let place = |e: Error| e.at(format!("frame {}", self.frames - 1)).column(name);
        let found = batch
            .column_by_name(name)
            .ok_or_else(|| place(Error::data(format!("the frame has no column `{name}`"))))?;
        let array = cast(found, wanted)
            .map_err(|_| place(Error::data(format!("the column is {}, not {wanted}", found.data_type()))))?;
        if array.null_count() > if nullable { found.null_count() } else { 0 } {
            return Err(place(Error::data("the column holds a null or a value out of range")));
        }
        Ok(array)
    }
}

/// The policy's receiving end.
pub struct RequestReceiver<R: Read> {
    receiver: Receiver<R>,
    hello: Hello,
}

impl<R: Read> RequestReceiver<R> {
    /// Opens the stream and reads the hello.
    ///
    /// # Errors
    /// When it is no Arrow stream, says no hello, or speaks another protocol.
    pub fn new(source: R) -> Result<Self> {
        let receiver = Receiver::new(source)?;
        let schema = receiver.reader.schema();
        let json = schema.metadata().get(HELLO_KEY).ok_or_else(|| {
            Error::data(format!("the stream's schema metadata has no {HELLO_KEY}"))
                .at("step frames")
                .hint("start the policy from an environment: simulator run --agent \"online agent ...\"")
        })?;
        let hello: Hello = serde_json::from_str(json)
            .map_err(|e| Error::data(format!("{HELLO_KEY} cannot be read: {e}")).at("step frames"))?;
        if hello.protocol != PROTOCOL {
            return Err(Error::usage(format!(
                "the environment speaks protocol {}, this policy speaks {PROTOCOL}",
                hello.protocol
            ))
            .hint("use tools of the same release"));
        }
        Ok(RequestReceiver { receiver, hello })
    }

    /// What the environment said first.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The next vector step; `None` at the end of the session.
    ///
    /// # Errors
    /// A damaged stream, a missing column, a wrong type, a null, a reward that is not finite.
    pub fn receive(&mut self) -> Result<Option<Request>> {
        let Some(batch) = self.receiver.next()? else { return Ok(None) };
        let column = |name, wanted: &DataType, nullable| self.receiver.column(&batch, name, wanted, nullable);
        let env = column("env", &DataType::UInt32, false)?;
        let user = column("user_id", &DataType::Utf8, false)?;
        let step = column("step", &DataType::UInt32, false)?;
        let last = column("last_item", &DataType::Utf8, true)?;
        let reward = column("reward", &DataType::Float32, true)?;
        let done = column("done", &DataType::Boolean, false)?;
        let reward: Vec<Option<f32>> = reward.as_primitive::<Float32Type>().iter().collect();
        if let Some(row) = reward.iter().position(|r| r.is_some_and(|r| !r.is_finite())) {
            let error = Error::data(format!("the reward {:?} is not finite", reward[row])).column("reward");
            return Err(error.at(format!("frame {}", self.receiver.frames - 1)).row(row));
        }
        Ok(Some(Request {
            env: env.as_primitive::<UInt32Type>().values().to_vec(),
            user_id: user.as_string::<i32>().iter().flatten().map(String::from).collect(),
            step: step.as_primitive::<UInt32Type>().values().to_vec(),
            last_item: last.as_string::<i32>().iter().map(|item| item.map(String::from)).collect(),
            reward,
            done: done.as_boolean().iter().flatten().collect(),
        }))
    }
}

/// The environment's receiving end.
pub struct ReplyReceiver<R: Read>(Receiver<R>);

impl<R: Read> ReplyReceiver<R> {
    /// Opens the stream.
    ///
    /// # Errors
    /// When it is no Arrow stream.
    pub fn new(source: R) -> Result<Self> {
        Receiver::new(source).map(ReplyReceiver)
    }

    /// The next vector step; `None` when the policy has closed the stream.
    ///
    /// # Errors
    /// A damaged stream, a missing column, a wrong type, a null, a propensity outside (0, 1].
    pub fn receive(&mut self) -> Result<Option<Reply>> {
        let Some(batch) = self.0.next()? else { return Ok(None) };
        let env = self.0.column(&batch, "env", &DataType::UInt32, false)?;
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        let item = self.0.column(&batch, "item", &list, false)?;
        let propensity = self.0.column(&batch, "propensity", &DataType::Float32, false)?;
        let version = self.0.column(&batch, "policy_version", &DataType::UInt64, false)?;
        let propensity = propensity.as_primitive::<Float32Type>().values().to_vec();
        let frame = self.0.frames - 1;
        if let Some(row) = propensity.iter().position(|p| !(*p > 0.0 && *p <= 1.0 + 1e-4)) {
            let error = Error::data(format!("the propensity {} is no probability in (0, 1]", propensity[row]));
            return Err(error.at(format!("frame {frame}")).column("propensity").row(row));
        }
        let slates = item.as_list::<i32>();
        let slate = |row| {
            let values = slates.value(row);
            if values.null_count() > 0 {
                let error = Error::data("the slate holds a null").at(format!("frame {frame}"));
                return Err(error.column("item").row(row));
            }
            Ok(values.as_string::<i32>().iter().flatten().map(String::from).collect())
        };
        Ok(Some(Reply {
            env: env.as_primitive::<UInt32Type>().values().to_vec(),
            item: (0..slates.len()).map(slate).collect::<Result<_>>()?,
            propensity,
            policy_version: version.as_primitive::<UInt64Type>().values().to_vec(),
        }))
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
            user_id: vec!["u".into(), "v".into()],
            step: vec![0, 3],
            last_item: vec![None, Some("i".into())],
            reward: vec![None, Some(1.0)],
            done: vec![false, true],
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
            item: vec![vec!["a".into(), "b".into()], vec![]],
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
    fn another_protocol_and_no_stream_are_refused() {
        let mut bytes = Vec::new();
        RequestSender::new(&mut bytes, &Hello { protocol: 99, ..hello() }).unwrap().finish().unwrap();
        assert!(RequestReceiver::new(bytes.as_slice()).err().unwrap().to_string().contains("protocol 99"));
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
