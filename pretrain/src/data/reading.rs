//! How much of the inputs is read, and how.

use std::path::Path;

use common::bad_rows::MaxBad;

/// How much of the inputs is read, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The part of the log's interactions that is read, the first in time (ties in the order of rows). Users and
    /// catalogue are known whatever it is. Below 1, states are those at the end of the part, and a user's profile
    /// counts only where it was read from that very state.
    pub log_fraction: f64,
    /// Most interactions in a state; as many as the longest in the states file, and at least
    /// [`super::WINDOW`], where none is given.
    pub window: Option<usize>,
    /// Bad rows of the log that may be set aside.
    pub max_bad: MaxBad,
    /// Threads that decode the log; what is read does not depend on it.
    pub workers: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Reading {
            log_fraction: 1.0,
            window: None,
            max_bad: MaxBad::default(),
            workers: 1,
        }
    }
}

impl Reading {
    /// Whether the whole log is read.
    pub(crate) fn is_whole(&self) -> bool {
        self.log_fraction >= 1.0
    }
}

/// Where a replay goes that is too large for memory.
#[derive(Clone, Copy, Debug)]
pub struct ReplayFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// The tool and verb that make it.
    pub tool: &'a str,
    /// Replace another run's.
    pub overwrite: bool,
}
