//! `POST /shown` and `GET /apprentice`: what another system showed, as a lesson, and how the policy would have done.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::clock;
use super::id::GivenId;
use super::policy::Acting;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::journal::{Incumbent, Refused};
use crate::live::{Feedback, Subject};

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen<'a> {
    #[serde(borrow)]
    user: GivenId<'a>,
    #[serde(borrow)]
    item: GivenId<'a>,
    /// The probability that the caller's system showed it with.
    propensity: Option<f32>,
    /// What came back, where that is known already.
    reward: Option<f32>,
    /// Milliseconds since 1970.
    timestamp: Option<i64>,
}

/// The body of a reply.
#[derive(Debug, Serialize)]
struct Noted<'a> {
    /// For `POST /feedback`.
    request_id: String,
    policy: Acting<'a>,
    /// Rewards that count from now on: 1 where one was sent along.
    applied: usize,
    /// It is on disk: always true, for there is no reply before.
    durable: bool,
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?;
    if !app.apprentice {
        return Err(
            Refusal::new(StatusCode::FORBIDDEN, "this service recommends itself")
                .hint("start one with --apprentice to let a policy learn from another system"),
        );
    }
    let body = body::read(request, &app.limits).await?;
    let seen: Seen<'_> = body::parse(&body)?;
    seen.user.check(&app.limits, || "body, user".into())?;
    if seen.propensity.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
        return Err(Refusal::unfit("a propensity is above 0 and at most 1").at("body, propensity"));
    }
    let mut buffers = app.buffers.take();
    let (request, lsn) = {
        let arms = live.read().map_err(Refusal::of_failure)?;
        let item = seen
            .item
            .code(arms.items(), &app.limits, || "body, item".into())?;
        let incumbent = Incumbent {
            user: seen.user.as_str(),
            item,
            propensity: seen.propensity,
        };
        live.shown(&arms, &incumbent, &mut buffers)
            .map_err(Refusal::of_library)?
    };
    app.buffers.give_back(buffers);
    let mut last = lsn;
    let mut applied = 0;
    if let Some(reward) = seen.reward {
        let observed = live.observe(|_, _| {
            Ok::<_, Refusal>(vec![Feedback {
                subject: Subject::Request { request, item: None },
                reward,
                timestamp_ms: seen.timestamp.unwrap_or_else(clock::now_ms),
            }])
        });
        let observed = observed.map_err(|refused| match refused {
            Refused::Unresolved(refusal) => refusal,
            Refused::Failed(error) => Refusal::of_failure(error),
            Refused::Feedback(_, refusal) => Refusal::unfit(refusal.to_string()).at("body, reward"),
        })?;
        (last, applied) = (observed.lsn, observed.applied);
    }
    live.durable(last).await.map_err(Refusal::of_failure)?;
    app.metrics.rewards("applied", applied as u64);
    let arms = live.read().map_err(Refusal::of_failure)?;
    reply::json(&Noted {
        request_id: request.to_string(),
        policy: Acting::of(&arms),
        applied,
        durable: true,
    })
}

pub(super) async fn get(State(app): State<Arc<App>>) -> Answer<Response> {
    reply::json(&app.live()?.apprentice())
}
