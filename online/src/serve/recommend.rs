//! `POST /recommend`: a user in, a slate with its probabilities out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::eligible::Where;
use super::id::{GivenId, ItemId};
use super::limits::Limits;
use super::policy::Acting;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::context::Context;
use crate::live::{self, Ask, Decision};

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish<'a> {
    #[serde(borrow)]
    user: GivenId<'a>,
    #[serde(default = "one")]
    k: usize,
    #[serde(borrow)]
    context: Option<GivenContext<'a>>,
    #[serde(borrow)]
    candidates: Option<Vec<GivenId<'a>>>,
    /// Not to be recommended; ids that are in no catalogue are taken too.
    #[serde(borrow, default)]
    exclude: Vec<GivenId<'a>>,
    #[serde(borrow, rename = "where")]
    rules: Option<Where<'a>>,
}

fn one() -> usize {
    1
}

/// A state that the client keeps, to decide by in place of the service's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenContext<'a> {
    #[serde(borrow, default)]
    history: Vec<GivenStep<'a>>,
    /// None: no traits are known.
    traits: Option<Vec<f32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenStep<'a> {
    #[serde(borrow)]
    item: GivenId<'a>,
    feedback: f32,
}

/// The body of a reply.
#[derive(Debug, Serialize)]
struct Recommendation<'a> {
    /// As text: JavaScript reads numbers of this size inexactly.
    request_id: String,
    items: Vec<Position<'a>>,
    /// The product of the items' probabilities: that of the slate in this order.
    slate_propensity: f64,
    policy: Acting<'a>,
    /// The arm that the user belongs to, while an experiment runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    arm: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Position<'a> {
    item: ItemId<'a>,
    /// The probability of the item given those above it.
    propensity: f32,
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?;
    if app.apprentice {
        let text = "an apprentice recommends nothing";
        return Err(Refusal::new(StatusCode::FORBIDDEN, text)
            .hint("tell it what was shown by POST /shown, or start the service without --apprentice"));
    }
    let body = body::read(request, &app.limits).await?;
    let wish: Wish<'_> = body::parse(&body)?;
    wish.check(&app.limits)?;
    let mut buffers = app.buffers.take();
    let reply = {
        // This lock is held for tens of microseconds, less than to hand the work to another thread would take. Ids are
        // turned into codes and back under it, since a swap changes the codes.
        let arms = live.read().map_err(Refusal::of_failure)?;
        let state = arms.of_user(wish.user.as_str());
        let codes = wish.codes(state, &app)?;
        let decision = live
            .recommend(&arms, &wish.ask(&codes), &mut buffers)
            .map_err(Refusal::of_library)?;
        reply::json(&Recommendation::new(state, arms.name_of(decision.arm), &decision))
    };
    app.buffers.give_back(buffers);
    reply
}

/// What a wish says in the codes of one catalogue.
struct Codes {
    candidates: Option<Vec<u32>>,
    context: Option<Context>,
}

impl Wish<'_> {
    fn check(&self, limits: &Limits) -> Answer<()> {
        self.user.check(limits, || "body, user".into())?;
        if self.k == 0 || self.k > limits.k {
            let text = format!("{} items wanted, where 1 to {} can be had", self.k, limits.k);
            return Err(Refusal::unfit(text).at("body, k"));
        }
        let candidates = self.candidates.as_deref().unwrap_or_default();
        for (name, ids) in [("candidates", candidates), ("exclude", &self.exclude)] {
            if ids.len() > limits.candidates {
                let text = format!(
                    "{} ids in `{name}`, where at most {} are taken",
                    ids.len(),
                    limits.candidates
                );
                return Err(Refusal::unfit(text).at(format!("body, {name}")));
            }
        }
        Ok(())
    }

    fn codes(&self, state: &live::State, app: &App) -> Answer<Codes> {
        let limits = &app.limits;
        let code = |id: &GivenId<'_>, place: &dyn Fn() -> String| id.code(state.items(), limits, place);
        let candidates = match &self.candidates {
            None => None,
            Some(ids) => {
                let mut codes = Vec::with_capacity(ids.len());
                for (at, id) in ids.iter().enumerate() {
                    codes.push(code(id, &|| format!("body, candidates[{at}]"))?);
                }
                codes.sort_unstable();
                codes.dedup();
                Some(codes)
            }
        };
        let context = match &self.context {
            None => None,
            Some(given) => {
                let mut history = Vec::with_capacity(given.history.len());
                for (at, step) in given.history.iter().enumerate() {
                    let item = code(&step.item, &|| format!("body, context.history[{at}].item"))?;
                    history.push((item, step.feedback));
                }
                // A client that keeps more than the policy reads need not know how much that is.
                history.drain(..history.len().saturating_sub(state.network().window));
                let unknown = || vec![0.0; state.network().traits];
                let traits = given.traits.clone().unwrap_or_else(unknown);
                Some(Context {
                    traits,
                    history,
                    memory: Vec::new(),
                })
            }
        };
        let excluded = self.exclude.iter();
        let excluded: Vec<u32> = excluded
            .filter_map(|id| state.items().code(id.as_str()))
            .collect();
        let rules = self.rules.as_ref();
        let candidates = app.attributes.admitted(state, candidates, &excluded, rules)?;
        Ok(Codes { candidates, context })
    }

    fn ask<'b>(&'b self, codes: &'b Codes) -> Ask<'b> {
        Ask {
            user: self.user.as_str(),
            k: self.k,
            candidates: codes.candidates.as_deref(),
            given: codes.context.as_ref(),
        }
    }
}

impl<'a> Recommendation<'a> {
    fn new(state: &'a live::State, arm: Option<&'a str>, decision: &Decision) -> Self {
        let slate = &decision.slate;
        let positions = slate.items.iter().zip(&slate.propensities);
        Recommendation {
            request_id: decision.request.to_string(),
            items: positions
                .map(|(&item, &propensity)| Position {
                    item: ItemId::of(state.items(), item),
                    propensity,
                })
                .collect(),
            slate_propensity: slate.propensities.iter().map(|&p| f64::from(p)).product(),
            policy: Acting::of(state),
            arm,
        }
    }
}
