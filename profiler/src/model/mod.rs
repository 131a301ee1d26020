//! Language models: the check of their files, the conversion of their weights, and loading.

mod bounds;
mod chat;
pub mod convert;
mod foreign;
mod header;
mod load;
mod reader;
mod session;
mod tensor_type;
mod zeros;

pub use chat::Chat;
pub use header::Header;
pub(crate) use load::ContextSize;
pub use load::{Model, backend};
pub(crate) use session::Session;
