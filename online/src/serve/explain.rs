//! `POST /explain`: what would be drawn from for a user, and why. A POST, so that users' ids stay out of the logs of
//! addresses that proxies keep.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::id::{GivenId, ItemId};
use super::limits::Limits;
use super::policy::Acting;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::adapt::{Explanation, Reason};
use crate::live::{self, Ask};

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

/// The body of a reply.
#[derive(Debug, Serialize)]
struct Told<'a> {
    user: &'a str,
    /// Whether anything is known of the user.
    known: bool,
    /// Feedback that the user has given to this service.
    events: u32,
    consumed: usize,
    history: Vec<Step<'a>>,
    policy: Acting<'a>,
    /// The prior's share of the mixture.
    weight: f32,
    value: Option<f32>,
    adapted_value: Option<f32>,
    reasons: &'a [Reason],
    /// The most probable items.
    items: Vec<Chances<'a>>,
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    item: ItemId<'a>,
    feedback: f32,
}

#[derive(Debug, Serialize)]
struct Chances<'a> {
    item: ItemId<'a>,
    acting: f32,
    prior: Option<f32>,
    adapted: Option<f32>,
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
    let user = question.user.as_str();
    let ask = Ask {
        user,
        k: 1,
        candidates: None,
        given: None,
    };
    let mut room = app.rooms.take();
    let reply = {
        let state = live.read().map_err(Refusal::of_failure)?;
        let (situation, explanation) = state.explain(&ask, &mut room).map_err(Refusal::of_library)?;
        let history = &situation.context().history;
        reply::json(&Told {
            user,
            known: state.knows(user),
            events: state.events(user),
            consumed: state.consumed(user).len(),
            history: history
                .iter()
                .map(|&(item, feedback)| Step {
                    item: ItemId::of(state.items(), item),
                    feedback,
                })
                .collect(),
            policy: Acting::of(&state),
            weight: explanation.weight,
            value: explanation.value,
            adapted_value: explanation.adapted_value,
            reasons: &explanation.reasons,
            items: best(&state, &explanation, question.top),
        })
    };
    app.rooms.give_back(room);
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

/// The `top` items that would most probably be drawn first.
fn best<'a>(state: &'a live::State, explanation: &Explanation, top: usize) -> Vec<Chances<'a>> {
    let acting = &explanation.acting;
    let mut codes: Vec<u32> = (0..acting.len() as u32).collect();
    let falling = |a: &u32, b: &u32| acting[*b as usize].total_cmp(&acting[*a as usize]).then(a.cmp(b));
    if codes.len() > top {
        codes.select_nth_unstable_by(top, falling);
        codes.truncate(top);
    }
    codes.sort_unstable_by(falling);
    codes
        .into_iter()
        .map(|code| Chances {
            item: ItemId::of(state.items(), code),
            acting: acting[code as usize],
            prior: explanation.prior.get(code as usize).copied(),
            adapted: explanation.adapted.get(code as usize).copied(),
        })
        .collect()
}
