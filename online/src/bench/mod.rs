//! How fast it is: recommend and feedback in process; recommendations to many; the journal under many writers; scans of large
//! catalogues. Policies are made up, of the sizes asked for.

mod batch;
mod index;
mod journal;
pub(crate) mod latency;
mod lengths;
mod made;
mod pairs;

pub use batch::{BatchConfig, batch};
pub use index::{IndexConfig, index};
pub use journal::{JournalConfig, journal};
pub use made::Sizes;
pub(crate) use made::policy as made_up;
pub use pairs::{PairsConfig, pairs};
