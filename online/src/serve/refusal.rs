//! A request that is not answered as it wished: the status and a JSON body that says what, where and what to do.

use axum::Json;
use axum::http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use common::Error;
use common::error::Class;
use serde::Serialize;

/// The result of a handler.
pub(super) type Answer<T> = std::result::Result<T, Refusal>;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    body: Body,
    close: bool,
    allow: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Body {
    error: String,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Refusal {
            status,
            body: Body {
                error: error.into(),
                place: None,
                hint: None,
            },
            close: false,
            allow: None,
        }
    }

    /// What was sent is well-formed and cannot be done (422).
    pub(super) fn unfit(error: impl Into<String>) -> Self {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    }

    /// The service cannot answer at present (503); another try may help.
    pub(super) fn unavailable(error: impl Into<String>) -> Self {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    /// The journal or the state has failed for good (503): the process is about to end, and another try meets its
    /// successor.
    pub(super) fn of_failure(error: Error) -> Self {
        Refusal::with_parts(StatusCode::SERVICE_UNAVAILABLE, &error)
    }

    /// What the library says to a request: bad data and wrong use are the client's (422), the rest is ours (503).
    pub(super) fn of_library(error: Error) -> Self {
        let status = match error.class() {
            Class::Data | Class::Usage | Class::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Class::Retry => StatusCode::SERVICE_UNAVAILABLE,
        };
        Refusal::with_parts(status, &error)
    }

    /// A thread that worked for the request panicked (500).
    pub(super) fn of_panic(error: tokio::task::JoinError) -> Self {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the work panicked: {error}"),
        )
    }

    fn with_parts(status: StatusCode, error: &Error) -> Self {
        let (what, place, hint) = error.parts();
        let mut refusal = Refusal::new(status, what);
        refusal.body.place = Some(place).filter(|place| !place.is_empty());
        refusal.body.hint = hint.map(String::from);
        refusal
    }

    /// Where in the request it is.
    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.body.place = Some(place.into());
        self
    }

    /// What to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// Closes the connection after the reply: what follows on it cannot be told apart from a body that was not read.
    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Names the methods of the route.
    pub(super) fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
