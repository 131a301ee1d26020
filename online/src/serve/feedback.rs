//! `POST /feedback`: what came back for a recommendation. It is acknowledged when it is on disk.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::app::App;
use super::body;
use super::clock;
use super::id::GivenId;
use super::limits::Limits;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::experiment::Arms;
use crate::journal::Refused;
use crate::live::{self, Feedback, Pending, Subject};

/// The body of a request: one of three forms, which [`Report::rewards`] tells apart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report<'a> {
    request_id: Option<RequestId>,
    #[serde(borrow)]
    user: Option<GivenId<'a>>,
    #[serde(borrow)]
    item: Option<GivenId<'a>>,
    reward: Option<f32>,
    #[serde(borrow)]
    rewards: Option<Vec<Reward<'a>>>,
    /// Milliseconds since 1970.
    timestamp: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reward<'a> {
    #[serde(borrow)]
    item: GivenId<'a>,
    reward: f32,
}

/// The number of a decision, as text: as a number of JSON, a client may have rounded it to that of another one.
#[derive(Debug, Clone, Copy)]
struct RequestId(u64);

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        match digits.parse() {
            Ok(number) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(RequestId(number)),
            _ => Err(D::Error::custom("not a request id, as POST /recommend gave it")),
        }
    }
}

/// The body of a reply.
#[derive(Debug, Serialize)]
struct Acknowledged {
    /// Rewards that count from now on.
    applied: usize,
    /// Rewards that had come before, and count once.
    duplicates: usize,
    /// They are on disk: always true, for there is no reply before.
    durable: bool,
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?;
    let body = body::read(request, &app.limits).await?;
    let report: Report<'_> = body::parse(&body)?;
    let now = clock::now_ms();
    // Held as shortly as the lock of a recommendation. Once the events are in the journal's order they count, whether or
    // not this client waits for the reply.
    let observed = live
        .observe(|arms, pending| report.rewards(arms, pending, &app.limits, now))
        .map_err(|refused| {
            app.metrics.rewards("refused", 1);
            report.refusal(refused)
        })?;
    live.durable(observed.lsn).await.map_err(Refusal::of_failure)?;
    app.metrics.rewards("applied", observed.applied as u64);
    app.metrics.rewards("duplicate", observed.duplicates as u64);
    reply::json(&Acknowledged {
        applied: observed.applied,
        duplicates: observed.duplicates,
        durable: true,
    })
}

impl Report<'_> {
    /// The rewards in the codes of the arms that decided.
    fn rewards(
        &self,
        arms: &Arms,
        pending: &Pending,
        limits: &Limits,
        now: i64,
    ) -> Answer<Vec<Feedback<'_>>> {
        let timestamp_ms = self.timestamp.unwrap_or(now);
        // What an arm has recommended that left since is in the codes of the reference.
        let items_of = |arm: u16| arms.state(arm).unwrap_or(arms).items();
        let arm = self
            .request_id
            .map_or(0, |RequestId(request)| pending.arm_of(request));
        let code = |id: &GivenId<'_>, place: &dyn Fn() -> String| id.code(items_of(arm), limits, place);
        let feedback = |subject, reward| Feedback {
            subject,
            reward,
            timestamp_ms,
        };
        let of_request = |request, item| Subject::Request { request, item };
        match self {
            Report {
                request_id: Some(RequestId(request)),
                user: None,
                item,
                reward: Some(reward),
                rewards: None,
                ..
            } => {
                let item = match item {
                    Some(id) => Some(code(id, &|| "body, item".into())?),
                    None => None,
                };
                Ok(vec![feedback(of_request(*request, item), *reward)])
            }
            Report {
                request_id: None,
                user: Some(user),
                item: Some(item),
                reward: Some(reward),
                rewards: None,
                ..
            } => {
                user.check(limits, || "body, user".into())?;
                let user = user.as_str();
                let code_of = |arm: u16| items_of(arm).code(item.as_str());
                if let Some((request, item)) = pending.newest_by(user, code_of) {
                    return Ok(vec![feedback(of_request(request, Some(item)), *reward)]);
                }
                let item = code(item, &|| "body, item".into())?;
                Ok(vec![feedback(Subject::Shown { user, item }, *reward)])
            }
            Report {
                request_id: Some(RequestId(request)),
                user: None,
                item: None,
                reward: None,
                rewards: Some(rewards),
                ..
            } => {
                if rewards.is_empty() || rewards.len() > limits.k {
                    let text = format!("{} rewards, where 1 to {} are taken", rewards.len(), limits.k);
                    return Err(Refusal::unfit(text).at("body, rewards"));
                }
                let one = |(at, given): (usize, &Reward<'_>)| {
                    let item = code(&given.item, &|| format!("body, rewards[{at}].item"))?;
                    Ok(feedback(of_request(*request, Some(item)), given.reward))
                };
                rewards.iter().enumerate().map(one).collect()
            }
            _ => Err(Refusal::unfit("the fields are none of the three forms of feedback").hint(
                "send request_id and reward (and item), or user, item and reward, or request_id and rewards",
            )),
        }
    }

    fn refusal(&self, refused: Refused<Refusal>) -> Refusal {
        match refused {
            Refused::Unresolved(refusal) => refusal,
            Refused::Failed(error) => Refusal::of_failure(error),
            Refused::Feedback(at, refusal) => {
                let place = match self.rewards {
                    Some(_) => format!("body, rewards[{at}]"),
                    None => "body".to_string(),
                };
                Refusal::new(status(&refusal), refusal.to_string()).at(place)
            }
        }
    }
}

fn status(refusal: &live::Refusal) -> StatusCode {
    match refusal {
        live::Refusal::Unknown => StatusCode::NOT_FOUND,
        live::Refusal::Expired => StatusCode::GONE,
        live::Refusal::Conflict { .. } => StatusCode::CONFLICT,
        live::Refusal::NotRecommended | live::Refusal::Ambiguous | live::Refusal::Reward => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}
