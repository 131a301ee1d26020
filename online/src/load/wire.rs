//! Requests as bytes, and what is read of replies: no more than this service needs.

use std::io::Write;

/// A reply that has come whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    pub(super) status: u16,
    pub(super) body: &'a str,
    /// Bytes of the buffer that it takes.
    pub(super) length: usize,
}

/// Puts a request for `k` items for a user in place of what `buffer` holds.
pub(super) fn recommend(buffer: &mut Vec<u8>, user: u32, k: u32) {
    post(
        buffer,
        "/recommend",
        format_args!("{{\"user\":{user},\"k\":{k}}}"),
    );
}

/// Puts feedback in place of what `buffer` holds. `item` is JSON as the recommendation had it.
pub(super) fn feedback(buffer: &mut Vec<u8>, request: &str, item: &str, reward: u8) {
    let body = format_args!("{{\"request_id\":\"{request}\",\"item\":{item},\"reward\":{reward}}}");
    post(buffer, "/feedback", body);
}

fn post(buffer: &mut Vec<u8>, path: &str, body: std::fmt::Arguments<'_>) {
    buffer.clear();
    let body = body.to_string();
    let length = body.len();
    // Writing to memory does not fail.
    let _ = write!(
        buffer,
        "POST {path} HTTP/1.1\r\nhost: load\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
}

/// The reply at the beginning of `buffer`, once it is whole.
///
/// # Errors
/// Bytes that are not a reply of this service.
pub(super) fn reply(buffer: &[u8]) -> Result<Option<Reply<'_>>, &'static str> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(head) = buffer.windows(END.len()).position(|bytes| bytes == END) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[..head]).map_err(|_| "a head that is not text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or("no status line")?;
    let length: usize = lines
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .ok_or("no content-length")?;
    let start = head + END.len();
    let Some(body) = buffer.get(start..start + length) else {
        return Ok(None);
    };
    Ok(Some(Reply {
        status,
        body: std::str::from_utf8(body).map_err(|_| "a body that is not text")?,
        length: start + length,
    }))
}

/// The request id and the first item (as JSON) of a recommendation.
pub(super) fn recommended(body: &str) -> Option<(&str, &str)> {
    let (_, rest) = body.split_once("\"request_id\":\"")?;
    let (request, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("\"item\":")?;
    let (item, _) = rest.split_once(",\"propensity\"")?;
    Some((request, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_when_it_is_whole_and_its_fields_found() {
        let body = r#"{"request_id":"17","items":[{"item":"a,b","propensity":0.5}],"policy":{}}"#;
        let text = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\ndate: x\r\n\r\n{body}",
            body.len()
        );
        let whole = format!("{text}HTTP/1.1 ");
        for cut in 0..text.len() {
            assert_eq!(reply(&whole.as_bytes()[..cut]), Ok(None), "{cut}");
        }
        let found = reply(whole.as_bytes()).unwrap().unwrap();
        assert_eq!((found.status, found.body, found.length), (200, body, text.len()));
        assert_eq!(recommended(body), Some(("17", r#""a,b""#)));
        assert_eq!(recommended("{}"), None);
    }

    #[test]
    fn requests_have_the_length_that_they_say() {
        let mut buffer = b"old".to_vec();
        feedback(&mut buffer, "17", "\"a\"", 1);
        let text = String::from_utf8(buffer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, r#"{"request_id":"17","item":"a","reward":1}"#);
        assert!(
            head.ends_with(&format!("content-length: {}", body.len())),
            "{head}"
        );
    }
}
