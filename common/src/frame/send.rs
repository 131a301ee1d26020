//! The sending ends of step frames.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Float32Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;

use super::texts::slate_field;
use super::{HELLO_KEY, Hello, Reply, Request};
use crate::{Error, Result};

fn request_schema(hello: &Hello) -> SchemaRef {
    let fields = vec![
        Field::new("env", DataType::UInt32, false),
        Field::new("user_id", DataType::Utf8, false),
        Field::new("step", DataType::UInt32, false),
        Field::new("last_item", DataType::Utf8, true),
        Field::new("reward", DataType::Float32, true),
        Field::new("done", DataType::Boolean, false),
        Field::new("truncated", DataType::Boolean, false),
    ];
    let json = serde_json::json!({
        "protocol": hello.protocol, "environment": hello.environment, "items": hello.items,
        "seed": hello.seed, "horizon": hello.horizon, "slate": hello.slate,
    });
    Arc::new(Schema::new_with_metadata(
        fields,
        HashMap::from([(HELLO_KEY.to_string(), json.to_string())]),
    ))
}

fn reply_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("env", DataType::UInt32, false),
        Field::new("item", DataType::List(slate_field()), false),
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
        self.writer
            .write(&batch)
            .and_then(|()| self.writer.flush())
            .map_err(|e| broken(e, "send a step"))
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
            Arc::new(request.user_id.to_array()?),
            Arc::new(UInt32Array::from(request.step.clone())),
            Arc::new(request.last_item.to_array()?),
            Arc::new(Float32Array::from(request.reward.clone())),
            Arc::new(BooleanArray::from(request.done.clone())),
            Arc::new(BooleanArray::from(request.truncated.clone())),
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
        self.0.send(vec![
            Arc::new(UInt32Array::from(reply.env.clone())),
            Arc::new(reply.item.to_array()?),
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
