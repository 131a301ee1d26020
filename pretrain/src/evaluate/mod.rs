//! What a policy is worth by the log and by the reward model; never by an environment.

mod modelled;
mod recall;

pub use modelled::Modelled;
pub(crate) use modelled::modelled;
pub use recall::Held;
pub(crate) use recall::recall;
