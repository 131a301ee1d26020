//! The description of the service, for people and for generators of clients.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// The OpenAPI 3.1 file; the tests hold the service to it.
pub const OPENAPI: &str = include_str!("../../openapi.json");

pub(super) async fn get() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}
