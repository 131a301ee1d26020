//! A situation on disk: the context that it is. What an encoder made of it is computed again where it is needed.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::adapt::Situation;
use crate::context::Context;

pub(super) fn serialize<S: Serializer>(situation: &Arc<Situation>, to: S) -> Result<S::Ok, S::Error> {
    situation.context().serialize(to)
}

pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Arc<Situation>, D::Error> {
    Ok(Arc::new(Situation::new(Context::deserialize(from)?)))
}
