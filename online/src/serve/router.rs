//! The routes, and what holds for all of them.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::{Request, StatusCode, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::app::App;
use super::refusal::{Answer, Refusal};
use super::{experiment, explain, feedback, health, items, openapi, policy, recommend, shown};

/// Every route over `app`.
pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/recommend", post(recommend::post))
        .route("/feedback", post(feedback::post))
        .route("/policy", get(policy::get).post(policy::post))
        .route("/experiment", get(experiment::get).post(experiment::post))
        .route("/items", get(items::get).post(items::post))
        .route("/shown", post(shown::post))
        .route("/apprentice", get(shown::get))
        .route("/explain", post(explain::post))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::get))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(app.clone(), watched))
        .with_state(app)
}

/// Checks what every request must fulfil, and counts the reply.
async fn watched(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let start = Instant::now();
    let route = route_of(request.uri().path());
    let response = match check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    app.metrics.answered(route, response.status(), start.elapsed());
    response
}

/// The name that a path is counted under: paths are the client's choice, so that those of no route share one.
fn route_of(path: &str) -> &'static str {
    const ROUTES: [&str; 12] = [
        "/recommend",
        "/feedback",
        "/policy",
        "/experiment",
        "/items",
        "/shown",
        "/apprentice",
        "/explain",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
    ];
    ROUTES.into_iter().find(|route| *route == path).unwrap_or("other")
}

fn check(request: &Request<Body>) -> Answer<()> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let wanted = usize::from(request.version() == Version::HTTP_11);
    if hosts > 1 || hosts < wanted {
        // RFC 9112, section 3.2.
        let text = format!("{hosts} `host` headers, but a request has one");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, text).closing());
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        // A length that a proxy in front might read in another way is how one request is smuggled in another; RFC 9112,
        // section 6.1, lets a server ask for a plain length instead.
        let text = "a body without a plain length is not read";
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, text)
            .at("header transfer-encoding")
            .hint("send `content-length`")
            .closing());
    }
    Ok(())
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "no such route").hint("GET /openapi.json lists the routes")
}

async fn method_not_allowed(request: Request<Body>) -> Refusal {
    let allowed = match route_of(request.uri().path()) {
        "/recommend" | "/feedback" | "/shown" | "/explain" => "POST",
        "/policy" | "/experiment" | "/items" => "GET, HEAD, POST",
        _ => "GET, HEAD",
    };
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "the route does not have this method",
    )
    .allowing(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::app::Stage;
    use crate::serve::limits::Limits;
    use axum::http::header::RETRY_AFTER;
    use http_body_util::BodyExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use serde_json::Value;

    /// The status of a reply, its JSON, and whether it says when to try again.
    fn ask(app: &Arc<App>, method: &str, path: &str) -> (u16, Value, bool) {
        let request = Request::builder().method(method).uri(path).header(HOST, "t");
        let request = request.body(Body::from("{}")).unwrap();
        let service = TowerToHyperService::new(router(app.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let reply = service.call(request).await.unwrap();
            let (status, later) = (reply.status().as_u16(), reply.headers().contains_key(RETRY_AFTER));
            let body = reply.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&body).unwrap_or_default(), later)
        })
    }

    #[test]
    fn what_is_not_ready_says_so_on_every_route_that_the_openapi_file_names() {
        let file: Value = serde_json::from_str(openapi::OPENAPI).unwrap();
        for (stage, says) in [
            (Stage::Recovering, "is being recovered"),
            (Stage::Failed, "cannot be written"),
        ] {
            let app = Arc::new(App::plain(Limits::DEFAULT));
            app.enter(stage);
            let mut unavailable = 0;
            for (path, methods) in file["paths"].as_object().unwrap() {
                for (method, operation) in methods.as_object().unwrap() {
                    let (status, body, later) = ask(&app, &method.to_uppercase(), path);
                    if operation["responses"].get("503").is_none() {
                        assert_eq!(status, 200, "{method} {path}");
                        continue;
                    }
                    assert_eq!((status, later), (503, true), "{method} {path}");
                    assert!(body["error"].as_str().unwrap().contains(says), "{path}: {body}");
                    unavailable += 1;
                }
            }
            assert_eq!(unavailable, 12);
        }
    }

    #[test]
    fn paths_of_no_route_are_counted_as_one() {
        let app = Arc::new(App::plain(Limits::DEFAULT));
        for path in ["/a", "/b?user=7", "/recommend/7", "/metrics"] {
            ask(&app, "GET", path);
        }
        let text = app.metrics.text(&Default::default()).unwrap();
        assert!(
            text.contains("requests_total{route=\"other\",status=\"404\"} 3"),
            "{text}"
        );
        assert!(!text.contains("user=7"));
    }
}
