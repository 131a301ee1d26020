//! One thread a training job; many jobs side by side.
//!
//! Networks of this size gain nothing from threads within an operation, and candle's own pool would let the jobs
//! wait for each other. The results do not depend on it: candle splits work only where the parts do not meet.

use common::{Error, Result};

/// Makes candle compute on the thread that calls it. For the start of `main`, before any other thread runs.
pub fn one_a_job() {
    // candle reads these before each matrix product, and without them the machine's CPU list, each time anew.
    for name in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"] {
        #[expect(
            unsafe_code,
            reason = "candle takes the number of threads from the environment alone"
        )]
        // SAFETY: called first in `main`: no other thread exists that could read the environment.
        unsafe {
            std::env::set_var(name, "1");
        }
    }
}

/// A pool of `workers` threads for jobs side by side.
///
/// # Errors
/// When the threads cannot be started.
pub fn pool(workers: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
    pool.map_err(|e| Error::retry(format!("cannot start {workers} threads: {e}")))
}
