//! Reads a request's body as JSON, within the limits.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::error::Category;

use super::limits::Limits;
use super::refusal::{Answer, Refusal};

/// The whole body of a request that says it is JSON.
pub(super) async fn read(request: Request<Body>, limits: &Limits) -> Answer<Bytes> {
    check_type(request.headers())?;
    // Before the first byte is asked for: a client that waits for `100 Continue` need not send it at all.
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body as u64) {
        return Err(too_large(limits));
    }
    let whole = Limited::new(request.into_body(), limits.body).collect();
    match tokio::time::timeout(limits.body_time, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limits)),
        Ok(Err(error)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("the body did not come whole: {error}"),
        )
        .closing()),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not come within {:?}", limits.body_time),
        )
        .closing()),
    }
}

/// Reads JSON. Text that is none is a 400; JSON of another form than the route's is a 422.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Answer<T> {
    serde_json::from_slice(body).map_err(|error| {
        let status = match error.classify() {
            Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
        };
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = text.strip_suffix(place.as_str()).unwrap_or(&text);
        Refusal::new(status, what)
            .at(format!("body, line {}, column {}", error.line(), error.column()))
            .hint("GET /openapi.json tells the form of every request")
    })
}

fn check_type(headers: &HeaderMap) -> Answer<()> {
    let unsupported = |what: &str| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what);
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(unsupported("a compressed body is not read").at("header content-encoding"));
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // A browser sends this type to another site only after asking it, which this service never allows: a page that a
    // user happens to visit cannot post to a service on their machine.
    let fits = given.is_some_and(|given| {
        let mut parts = given.split(';').map(str::trim);
        let json = parts
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
        json && parts.all(|parameter| {
            let utf8 = ["charset=utf-8", "charset=\"utf-8\""];
            parameter.is_empty() || utf8.iter().any(|wanted| parameter.eq_ignore_ascii_case(wanted))
        })
    });
    if fits {
        return Ok(());
    }
    Err(unsupported("the body is not `application/json` in UTF-8")
        .at("header content-type")
        .hint("send `content-type: application/json`"))
}

fn too_large(limits: &Limits) -> Refusal {
    let text = format!("the body is larger than {} bytes", limits.body);
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text).closing()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_json_in_utf_8_is_read() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
            check_type(&headers).map_err(|refusal| refusal.status)
        };
        for fine in [
            "application/json",
            "Application/JSON",
            "application/json; charset=UTF-8",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for bad in [
            "text/plain",
            "application/json; charset=utf-16",
            "application/jsonx",
            "application/x-www-form-urlencoded",
            "",
        ] {
            assert_eq!(check(bad), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{bad}");
        }
        assert!(check_type(&HeaderMap::new()).is_err());
    }

    #[test]
    fn broken_json_is_told_from_json_of_another_form() {
        let status = |body: &str| parse::<Vec<u32>>(body.as_bytes()).unwrap_err().status;
        for broken in ["", "[1,", "[1,]", "[NaN]", "\u{0}", "[1] []"] {
            assert_eq!(status(broken), StatusCode::BAD_REQUEST, "{broken}");
        }
        for other in ["{}", "[\"a\"]", "[-1]", "[1.5]"] {
            assert_eq!(status(other), StatusCode::UNPROCESSABLE_ENTITY, "{other}");
        }
    }
}
