//! `GET /experiment` and `POST /experiment`: the arms as they stand, and other shares for them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::experiment::{Past, Standing, places_of};

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Arms that are not named keep theirs.
    shares: Vec<Share>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    arm: String,
    /// Of the users, in steps of 0.0001.
    share: f64,
}

/// The body of a reply.
#[derive(Debug, Serialize)]
struct Experiment {
    /// The reference first; empty where no experiment runs.
    arms: Vec<Standing>,
    /// What came before the shares, or the policies, were what they are.
    past: Vec<Past>,
}

pub(super) async fn get(State(app): State<Arc<App>>) -> Answer<Response> {
    let arms = app.live()?.read().map_err(Refusal::of_failure)?;
    reply::json(&Experiment {
        arms: arms.standings(),
        past: arms.past(),
    })
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?.clone();
    app.require_admin("shares")?;
    let body = body::read(request, &app.limits).await?;
    let wanted: Wanted = body::parse(&body)?;
    let mut shares: Vec<(String, u32)> = Vec::with_capacity(wanted.shares.len());
    for (at, Share { arm, share }) in wanted.shares.into_iter().enumerate() {
        let place = || format!("body, shares[{at}]");
        let places = places_of(share).map_err(|e| Refusal::of_library(e).at(place()))?;
        if shares.iter().any(|(other, _)| *other == arm) {
            return Err(Refusal::unfit(format!("the arm `{arm}` is named twice")).at(place()));
        }
        shares.push((arm, places));
    }
    if shares.is_empty() {
        return Err(Refusal::unfit("no share is named").at("body, shares"));
    }
    // It waits for the disk.
    let changed = tokio::task::spawn_blocking(move || {
        live.change_shares(&shares)?;
        let arms = live.read()?;
        Ok(Experiment {
            arms: arms.standings(),
            past: arms.past(),
        })
    });
    let changed = changed.await.map_err(Refusal::of_panic)?;
    reply::json(&changed.map_err(Refusal::of_library)?)
}
