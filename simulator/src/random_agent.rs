//! The simplest other end of step frames: every item with the same probability, whatever was seen before.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use common::frame::{Reply, ReplySender, RequestReceiver};
use common::rng::{RngExt, stream};
use common::schema::items;
use common::{Error, Result};

use crate::drive::exchange::BUFFER;

/// Answers requests from `source` on `sink` until the source ends, with items of the catalogue `items`.
///
/// # Errors
/// A missing catalogue, one that is not the environment's, a damaged stream, a sink that is gone.
pub fn run(items: &Path, seed: u64, source: impl Read, sink: impl Write) -> Result<()> {
    let items = items::read_ids(items)?;
    let mut receiver = RequestReceiver::new(BufReader::with_capacity(BUFFER, source))?;
    if receiver.hello().items != items.fingerprint() {
        return Err(Error::data("the catalogue is not the environment's")
            .hint("--items must be the items.parquet of the environment or of the import it was fit on"));
    }
    let mut sender = ReplySender::new(BufWriter::with_capacity(BUFFER, sink))?;
    let propensity = 1.0 / items.len() as f32;
    let mut rng = stream(seed, "random agent", &[]);
    let mut reply = Reply::default();
    while let Some(request) = receiver.receive()? {
        reply.clear();
        for row in 0..request.len() {
            let over = request.done[row];
            let item = rng.random_range(0..items.len() as u32);
            reply.env.push(request.env[row]);
            reply.item.push((!over).then(|| items.id(item)));
            reply.propensity.push(if over { 1.0 } else { propensity });
            reply.policy_version.push(0);
        }
        sender.send(&reply)?;
    }
    sender.finish()
}
