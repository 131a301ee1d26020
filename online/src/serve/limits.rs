//! What one client may ask for: every bound of the service in one place.

use std::time::Duration;

/// Bounds on connections and requests. What lies beyond is answered with a 4xx or by closing the connection; it never
/// costs more than these bounds allow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Open connections; one more is answered with 503 and closed.
    pub connections: usize,
    /// Bytes of a request's line and headers together; at least 8,192 are buffered whatever this says.
    pub head: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// Time from the opening of a connection, or from its last reply, until a whole request head has come.
    pub head_time: Duration,
    /// Bytes of a request's body.
    pub body: usize,
    /// Time from a request's head until its whole body has come.
    pub body_time: Duration,
    /// Time that a reply may wait for a client that does not read.
    pub write_time: Duration,
    /// Items of one slate.
    pub k: usize,
    /// Items of a candidate filter.
    pub candidates: usize,
    /// Bytes of an id.
    pub id: usize,
}

impl Limits {
    /// The defaults of the command line.
    pub const DEFAULT: Limits = Limits {
        connections: 1024,
        head: 8 << 10,
        headers: 64,
        head_time: Duration::from_secs(30),
        body: 256 << 10,
        body_time: Duration::from_secs(10),
        write_time: Duration::from_secs(10),
        k: 100,
        candidates: 10_000,
        id: 256,
    };
}
