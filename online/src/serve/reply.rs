//! Replies in JSON.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::refusal::{Answer, Refusal};

/// A reply with status 200. It is written at once, so that what it borrows may be behind a lock.
pub(super) fn json(body: &impl Serialize) -> Answer<Response> {
    match serde_json::to_vec(body) {
        Ok(bytes) => Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response()),
        Err(e) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the reply cannot be written: {e}"),
        )),
    }
}
