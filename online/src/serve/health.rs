//! What watches the service: whether it lives, whether it takes requests, and its numbers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::app::{App, Stage};
use super::metrics::MEDIA_TYPE;
use super::reading::Reading;
use super::refusal::{Answer, Refusal};

/// The process lives: whoever asks may restart it when this does not answer.
pub(super) async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "alive" }))
}

/// Requests are welcome: whoever balances load may send them.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Answer<Json<serde_json::Value>> {
    let what = match app.stage() {
        Stage::Ready => return Ok(Json(json!({ "status": "ready" }))),
        Stage::Recovering => "the state is being recovered",
        Stage::Draining => "the process is being stopped",
        Stage::Failed => "the journal cannot be written",
    };
    Err(Refusal::unavailable(what))
}

/// Numbers for Prometheus. They are given at every stage.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Answer<Response> {
    let ready = app.stage() == Stage::Ready;
    let mut buffers = app.buffers.take();
    let reading = match app.live() {
        Ok(live) => Reading::of(live, ready, &mut buffers).map_err(Refusal::of_failure)?,
        Err(_) => Reading::default(),
    };
    app.buffers.give_back(buffers);
    let text = app.metrics.text(&reading).map_err(|e| {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the numbers cannot be written: {e}"),
        )
    })?;
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
