//! `GET /policy` and `POST /policy`: which policy acts, and how another takes over.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use common::{Result, input, terminal};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::journal::{Durable, OpenConfig, Swapped};
use crate::live::{self, Carried, Settings};

/// Digits of a fingerprint in a recommendation: enough to tell the policies of one service apart.
const SHORT: usize = 12;

/// The policy that a recommendation came from.
#[derive(Debug, Serialize)]
pub(super) struct Acting<'a> {
    epoch: u32,
    fingerprint: &'a str,
    version: u64,
}

impl<'a> Acting<'a> {
    pub(super) fn of(state: &'a live::State) -> Self {
        let fingerprint = state.policy().as_str();
        Acting {
            epoch: state.epoch(),
            fingerprint: fingerprint.get(..SHORT).unwrap_or(fingerprint),
            version: state.version(),
        }
    }
}

/// The policy in full.
#[derive(Debug, Serialize)]
struct Present<'a> {
    epoch: u32,
    fingerprint: &'a str,
    version: u64,
    /// Feedback in the state since it began.
    applied: u64,
    items: usize,
    settings: &'a Settings,
}

/// The body of a request for another policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A folder below the one that the operator named.
    folder: String,
    /// The arm of an experiment in which it is to serve; none: the reference.
    arm: Option<String>,
}

/// The body of the reply.
#[derive(Debug, Serialize)]
struct Taken<'a> {
    epoch: u32,
    fingerprint: &'a str,
    carried: &'a Carried,
}

pub(super) async fn get(State(app): State<Arc<App>>) -> Answer<Response> {
    let state = app.live()?.read().map_err(Refusal::of_failure)?;
    reply::json(&Present {
        epoch: state.epoch(),
        fingerprint: state.policy().as_str(),
        version: state.version(),
        applied: state.applied(),
        items: state.items().len(),
        settings: state.settings(),
    })
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?.clone();
    let Some(base) = &app.policies else {
        let text = "policies are not taken over HTTP";
        return Err(Refusal::new(StatusCode::FORBIDDEN, text)
            .hint("start the service with --policies DIR, or send it SIGHUP to read --policy again"));
    };
    let body = body::read(request, &app.limits).await?;
    let wanted: Wanted = body::parse(&body)?;
    let folder = below(base, &wanted.folder)?;
    let arm = match &wanted.arm {
        None => 0,
        Some(name) => live
            .arm_number(name)
            .map_err(|e| Refusal::of_library(e).at("body, arm"))?,
    };
    // Loading reads files and fills pages: it may not hold up the threads that answer others.
    let swapped = tokio::task::spawn_blocking({
        let app = app.clone();
        move || swap(&app, &live, arm, &folder)
    })
    .await
    .map_err(Refusal::of_panic)?
    .map_err(Refusal::of_library)?;
    reply::json(&Taken {
        epoch: swapped.carried.epoch,
        fingerprint: swapped.fingerprint.as_str(),
        carried: &swapped.carried,
    })
}

/// Lets the policy in `folder` take over in an arm; what came of it is counted and logged.
pub(super) fn swap(app: &App, live: &Durable, arm: u16, folder: &Path) -> Result<Swapped> {
    let swapped = live.swap(arm, folder);
    match &swapped {
        Ok(swapped) => {
            app.metrics.swap("taken");
            let Carried {
                epoch,
                items_shared,
                items_new,
                items_gone,
                users_kept,
                ..
            } = &swapped.carried;
            terminal::info(&format!(
                "policy {epoch} ({}) has taken over: {items_shared} items of both, {items_new} new, {items_gone} gone, \
                 {users_kept} users keep what they have lived",
                swapped.fingerprint
            ));
        }
        Err(error) => {
            app.metrics.swap("refused");
            terminal::warn(&format!("a policy was refused, the present one stays: {error}"));
        }
    }
    swapped
}

/// Reads the policies of the command line again. What is wrong with one is logged, and the present one stays.
pub(super) fn reload(app: &App, live: &Durable, open: &OpenConfig) {
    let _ = swap(app, live, 0, &open.policy);
    for arm in &open.arms {
        let taken = live
            .arm_number(&arm.name)
            .and_then(|number| live.take_over_if_new(number, &arm.policy));
        if let Err(error) = taken {
            app.metrics.swap("refused");
            terminal::warn(&format!(
                "a policy was refused, the present one stays (arm `{}`): {error}",
                arm.name
            ));
        }
    }
}

/// The folder that `name` means: a client may name what lies below `base` and nothing else, whatever links lie there.
fn below(base: &Path, name: &str) -> Answer<PathBuf> {
    let refused = |what: &str| Refusal::unfit(what).at("body, folder");
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
        return Err(refused("not a plain path below the folder of policies")
            .hint("name a folder as it stands below --policies, without `..`"));
    }
    input::below(base, Path::new(name)).ok_or_else(|| refused("no such folder below the folder of policies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_reach_nothing_beside_the_folder_of_policies() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("policies");
        std::fs::create_dir_all(base.join("a/b")).unwrap();
        std::fs::create_dir_all(root.path().join("secret")).unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), base.join("link")).unwrap();
        for fine in ["a", "a/b", "a/./b", "a/"] {
            assert!(below(&base, fine).is_ok(), "{fine}");
        }
        let absolute = base.join("a");
        for bad in [
            "",
            ".",
            "..",
            "../secret",
            "a/../../secret",
            "/etc",
            absolute.to_str().unwrap(),
            "link",
            "a\0",
            "missing",
        ] {
            let status = below(&base, bad).unwrap_err().status;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        }
    }
}
