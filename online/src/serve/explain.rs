//! `POST /explain`: what would be drawn from for a user, and why. A POST, so that users' ids stay out of the logs of
//! addresses that proxies keep.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::app::App;
use super::body;
use super::id::GivenId;
use super::limits::Limits;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::inspect::portrait;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    #[serde(borrow)]
    user: GivenId<'a>,
    #[serde(default = "ten")]
    top: usize,
}

fn ten() -> usize {
    10
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?;
    if !app.explains {
        return Err(
            Refusal::new(StatusCode::FORBIDDEN, "users are not explained over HTTP")
                .hint("start the service with --explain, or use `online inspect --state`"),
        );
    }
    let body = body::read(request, &app.limits).await?;
    let question: Question<'_> = body::parse(&body)?;
    question.check(&app.limits)?;
    let mut buffers = app.buffers.take();
    let reply = {
        let arms = live.read().map_err(Refusal::of_failure)?;
        let portrait = portrait(
            arms.of_user(question.user.as_str()),
            question.user.as_str(),
            question.top,
            |_| None,
            &mut buffers,
        );
        reply::json(&portrait.map_err(Refusal::of_library)?)
    };
    app.buffers.give_back(buffers);
    reply
}

impl Question<'_> {
    fn check(&self, limits: &Limits) -> Answer<()> {
        self.user.check(limits, || "body, user".into())?;
        if self.top == 0 || self.top > limits.k {
            let text = format!("{} items to show, where 1 to {} can be had", self.top, limits.k);
            return Err(Refusal::unfit(text).at("body, top"));
        }
        Ok(())
    }
}
