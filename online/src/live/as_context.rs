//! An encoded context on disk: the context that it is. What an encoder made of it is computed again where it is needed.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::adapt::EncodedContext;
use crate::context::Context;

pub(super) fn serialize<S: Serializer>(user_context: &Arc<EncodedContext>, to: S) -> Result<S::Ok, S::Error> {
    user_context.context().serialize(to)
}

pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Arc<EncodedContext>, D::Error> {
    Ok(Arc::new(EncodedContext::new(Context::deserialize(from)?)))
}
