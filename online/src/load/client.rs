//! One connection of the load generator.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use common::rng::{ChaCha8Rng, RngExt};
use common::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tally::{Kind, Shared};
use super::wire;

/// Feedback that is owed at most, so that it comes late and out of order, but comes.
const OWED: usize = 8;
/// One in so many recommendations is liked.
const LIKED: u32 = 5;

/// What all clients of a run have in common.
pub(super) struct Habits {
    pub(super) address: SocketAddr,
    /// The probability that a recommendation gets feedback.
    pub(super) feedback: f64,
    pub(super) users: u32,
    pub(super) k: u32,
    pub(super) seed: u64,
}

pub(super) struct Client {
    habits: Rc<Habits>,
    tally: Shared,
    rng: ChaCha8Rng,
    stream: TcpStream,
    sent: Vec<u8>,
    received: Vec<u8>,
    /// Recommendations whose feedback is to be sent: the request and the item as JSON.
    owed: Vec<(String, String)>,
}

impl Client {
    /// Client `number` of a run.
    ///
    /// # Errors
    /// When nobody listens.
    pub(super) async fn connect(number: u32, habits: Rc<Habits>, tally: Shared) -> Result<Self> {
        let stream = connect(habits.address).await.map_err(|e| {
            Error::usage(format!("nobody answers at {}: {e}", habits.address))
                .hint("start `online serve`, or leave out --address to have one started")
        })?;
        Ok(Client {
            rng: common::rng::stream(habits.seed, "load", &[u64::from(number)]),
            habits,
            tally,
            stream,
            sent: Vec::new(),
            received: Vec::new(),
            owed: Vec::new(),
        })
    }

    /// Asks and answers until `end`.
    pub(super) async fn run(mut self, end: Instant) {
        while Instant::now() < end {
            if let Err(broken) = self.turn().await {
                self.tally.broken(&broken.to_string());
                self.received.clear();
                match connect(self.habits.address).await {
                    Ok(stream) => self.stream = stream,
                    // Nobody is there any more.
                    Err(_) => return,
                }
            }
        }
    }

    async fn turn(&mut self) -> std::io::Result<()> {
        let user = self.rng.random_range(0..self.habits.users);
        wire::recommend(&mut self.sent, user, self.habits.k);
        let recommended = self.exchange(Kind::Recommend).await?;
        if let Some(recommended) = recommended
            && self.rng.random::<f64>() < self.habits.feedback
        {
            self.owed.push(recommended);
        }
        if self.owed.len() >= OWED {
            let (request, item) = self.owed.swap_remove(self.rng.random_range(0..OWED));
            let reward = u8::from(self.rng.random_range(0..LIKED) == 0);
            wire::feedback(&mut self.sent, &request, &item, reward);
            self.exchange(Kind::Feedback).await?;
        }
        Ok(())
    }

    /// Sends what is prepared and waits for the reply; the request and item of a recommendation.
    async fn exchange(&mut self, kind: Kind) -> std::io::Result<Option<(String, String)>> {
        let start = Instant::now();
        self.stream.write_all(&self.sent).await?;
        loop {
            if let Some(reply) = wire::reply(&self.received).map_err(std::io::Error::other)? {
                self.tally.answered(kind, start.elapsed(), &reply);
                let found = wire::recommended(reply.body);
                let found = found.map(|(request, item)| (request.to_string(), item.to_string()));
                let length = reply.length;
                self.received.drain(..length);
                return Ok(found);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
