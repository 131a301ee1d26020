//! The receiving ends of step frames: everything is checked before use.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float32Type, UInt32Type, UInt64Type};
use arrow::ipc::reader::StreamReader;

use super::{HELLO_KEY, Hello, PROTOCOL, Reply, Request, Slates, Texts};
use crate::convert::convert;
use crate::{Error, Result, fence};

/// Reads record batches and checks their columns.
struct Receiver<R: Read> {
    reader: StreamReader<R>,
    frames: usize,
}

impl<R: Read> Receiver<R> {
    fn new(source: R) -> Result<Self> {
        let reader = fence::decode(|| StreamReader::try_new(source, None))
            .map_err(|e| e.at("step frames"))?
            .map_err(|e| Error::data(format!("no Arrow IPC stream: {e}")).at("step frames"))?;
        Ok(Receiver { reader, frames: 0 })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let frame = self.frames;
        match fence::decode(|| self.reader.next()).map_err(|e| e.at(format!("frame {frame}")))? {
            None => Ok(None),
            Some(Ok(batch)) => {
                self.frames += 1;
                Ok(Some(batch))
            }
            Some(Err(e)) => {
                Err(Error::data(format!("the stream is damaged or cut short: {e}"))
                    .at(format!("frame {frame}")))
            }
        }
    }

    fn column(
        &self,
        batch: &RecordBatch,
        name: &str,
        wanted: &DataType,
        nullable: bool,
    ) -> Result<Arc<dyn Array>> {
        let place = |e: Error| e.at(format!("frame {}", self.frames - 1)).column(name);
        let found = batch
            .column_by_name(name)
            .ok_or_else(|| place(Error::data(format!("the frame has no column `{name}`"))))?;
        let array = convert(found, wanted).ok_or_else(|| {
            place(Error::data(format!(
                "the column is {}, not {wanted}, or holds more than 2 GiB of text",
                found.data_type()
            )))
        })?;
        if array.null_count() > if nullable { found.null_count() } else { 0 } {
            return Err(place(Error::data(
                "the column holds a null or a value out of range",
            )));
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
    /// When it is not an Arrow stream, says no hello, or speaks another protocol.
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
        let Some(batch) = self.receiver.next()? else {
            return Ok(None);
        };
        let column = |name, wanted: &DataType, nullable| self.receiver.column(&batch, name, wanted, nullable);
        let env = column("env", &DataType::UInt32, false)?;
        let user = column("user_id", &DataType::Utf8, false)?;
        let step = column("step", &DataType::UInt32, false)?;
        let last = column("last_item", &DataType::Utf8, true)?;
        let reward = column("reward", &DataType::Float32, true)?;
        let done = column("done", &DataType::Boolean, false)?;
        let truncated = column("truncated", &DataType::Boolean, false)?;
        let reward: Vec<Option<f32>> = reward.as_primitive::<Float32Type>().iter().collect();
        if let Some(row) = reward.iter().position(|r| r.is_some_and(|r| !r.is_finite())) {
            let error = Error::data(format!("the reward {:?} is not finite", reward[row])).column("reward");
            return Err(error.at(format!("frame {}", self.receiver.frames - 1)).row(row));
        }
        let done: Vec<bool> = done.as_boolean().values().iter().collect();
        let truncated: Vec<bool> = truncated.as_boolean().values().iter().collect();
        if let Some(row) = (0..done.len()).find(|&row| truncated[row] && !done[row]) {
            let error = Error::data("the episode is truncated and not done").column("truncated");
            return Err(error.at(format!("frame {}", self.receiver.frames - 1)).row(row));
        }
        Ok(Some(Request {
            env: env.as_primitive::<UInt32Type>().values().to_vec(),
            user_id: Texts::from_array(user.as_string()),
            step: step.as_primitive::<UInt32Type>().values().to_vec(),
            last_item: Texts::from_array(last.as_string()),
            reward,
            done,
            truncated,
        }))
    }
}

/// The environment's receiving end.
pub struct ReplyReceiver<R: Read>(Receiver<R>);

impl<R: Read> ReplyReceiver<R> {
    /// Opens the stream.
    ///
    /// # Errors
    /// When it is not an Arrow stream.
    pub fn new(source: R) -> Result<Self> {
        Receiver::new(source).map(ReplyReceiver)
    }

    /// The next vector step; `None` when the policy has closed the stream.
    ///
    /// # Errors
    /// A damaged stream, a missing column, a wrong type, a null, a propensity outside (0, 1].
    pub fn receive(&mut self) -> Result<Option<Reply>> {
        let Some(batch) = self.0.next()? else {
            return Ok(None);
        };
        let env = self.0.column(&batch, "env", &DataType::UInt32, false)?;
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        let item = self.0.column(&batch, "item", &list, false)?;
        let propensity = self.0.column(&batch, "propensity", &DataType::Float32, false)?;
        let version = self
            .0
            .column(&batch, "policy_version", &DataType::UInt64, false)?;
        let propensity = propensity.as_primitive::<Float32Type>().values().to_vec();
        let frame = self.0.frames - 1;
        if let Some(row) = propensity.iter().position(|p| !(*p > 0.0 && *p <= 1.0 + 1e-4)) {
            let error = Error::data(format!(
                "the propensity {} is not a probability in (0, 1]",
                propensity[row]
            ));
            return Err(error.at(format!("frame {frame}")).column("propensity").row(row));
        }
        let slates = item.as_list::<i32>();
        let items = slates.values().as_string::<i32>();
        if items.null_count() > 0 {
            let holds_null = |row: &usize| slates.value(*row).null_count() > 0;
            if let Some(row) = (0..slates.len()).find(holds_null) {
                let error = Error::data("the slate holds a null").at(format!("frame {frame}"));
                return Err(error.column("item").row(row));
            }
        }
        Ok(Some(Reply {
            env: env.as_primitive::<UInt32Type>().values().to_vec(),
            item: Slates::from_array(slates, items),
            propensity,
            policy_version: version.as_primitive::<UInt64Type>().values().to_vec(),
        }))
    }
}
