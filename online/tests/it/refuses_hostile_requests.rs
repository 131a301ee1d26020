//! What breaks the protocol, the limits or good manners gets a 4xx or a closed connection, and nobody else notices.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::http::{Client, Reply, Server};
use crate::support::saved;
use serde_json::json;

/// Limits that a test can reach. What is hostile takes at most a few of these seconds.
const LIMITS: [&str; 16] = [
    "--strategy",
    "frozen",
    "--max-connections",
    "40",
    "--head-timeout",
    "1",
    "--body-timeout",
    "1",
    "--write-timeout",
    "1",
    "--max-body",
    "20000",
    "--max-k",
    "10",
    "--max-candidates",
    "50",
];

/// What a client may meet.
#[derive(Debug, Clone, Copy)]
enum Met {
    /// A reply with this status.
    Status(u16),
    /// The connection closed, with any 4xx before it or none.
    Closed,
}

/// A request with a JSON body.
fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn wish(body: &str) -> Vec<u8> {
    post("/recommend", body.as_bytes())
}

fn report(body: &str) -> Vec<u8> {
    post("/feedback", body.as_bytes())
}

/// A request without a body, with these header lines.
fn head(lines: &str) -> Vec<u8> {
    format!("GET /healthz HTTP/1.1\r\n{lines}\r\n").into_bytes()
}

fn framed(lines: &str, body: &str) -> Vec<u8> {
    format!("POST /recommend HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n{lines}\r\n\r\n{body}")
        .into_bytes()
}

/// Each is sent as it stands on a connection of its own.
fn requests() -> Vec<(&'static str, Vec<u8>, Met)> {
    use Met::{Closed, Status};
    let many = |text: &str, count: usize| text.repeat(count);
    let user = r#"{"user":"u0"}"#;
    vec![
        // No HTTP at all, or another version of it.
        ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), Closed),
        ("bytes of no protocol", vec![0xff; 64], Closed),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n".to_vec(), Closed),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), Closed),
        ("HTTP/3.7", b"GET /healthz HTTP/3.7\r\nhost: t\r\n\r\n".to_vec(), Closed),
        ("a method that is not a token", b"G(T /healthz HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Closed),
        ("a method in small letters", b"get /healthz HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Status(405)),
        ("a NUL in the path", b"GET /health\0z HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Closed),
        ("a space in the path", b"GET /health z HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Closed),
        ("a path of 70,000 bytes", format!("GET /{} HTTP/1.1\r\nhost: t\r\n\r\n", many("a", 70_000)).into_bytes(), Closed),
        // Heads.
        ("no host", head(""), Status(400)),
        ("two hosts", head("host: a\r\nhost: b\r\n"), Status(400)),
        ("a header without a colon", head("host: t\r\nnonsense\r\n"), Closed),
        ("a space before the colon", head("host: t\r\nx : y\r\n"), Closed),
        ("a folded header", head("host: t\r\nx: y\r\n z\r\n"), Closed),
        ("a NUL in a header", head("host: t\r\nx: a\0b\r\n"), Closed),
        ("a lone CR in a header", head("host: t\r\nx: a\rb\r\n"), Closed),
        ("a header of 100,000 bytes", head(&format!("host: t\r\nx: {}\r\n", many("y", 100_000))), Closed),
        ("2,000 headers", head(&format!("host: t\r\n{}", many("x: y\r\n", 2_000))), Closed),
        ("headers without end", format!("GET / HTTP/1.1\r\nhost: t\r\n{}", many("x: y\r\n", 20_000)).into_bytes(), Closed),
        // Two readings of where a body ends: the ways to smuggle a request.
        ("length and chunks", framed("content-length: 13\r\ntransfer-encoding: chunked", "0\r\n\r\n"), Status(411)),
        ("chunks and length", framed("transfer-encoding: chunked\r\ncontent-length: 13", "0\r\n\r\n"), Status(411)),
        ("chunks", framed("transfer-encoding: chunked", &format!("d\r\n{user}\r\n0\r\n\r\n")), Status(411)),
        ("a chunk of no size", framed("transfer-encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"), Status(411)),
        ("chunks that are not last", framed("transfer-encoding: chunked, gzip", "0\r\n\r\n"), Closed),
        ("almost chunks", framed("transfer-encoding: xchunked", "0\r\n\r\n"), Closed),
        ("two lengths", framed("content-length: 13\r\ncontent-length: 2", user), Closed),
        ("a length of words", framed("content-length: many", user), Closed),
        ("a negative length", framed("content-length: -1", user), Closed),
        ("a length with a sign", framed("content-length: +13", user), Closed),
        ("a length beyond 64 bits", framed("content-length: 99999999999999999999999", user), Closed),
        ("a length that is too short", framed("content-length: 4", user), Status(400)),
        // Bodies that are too large, of another kind, or not wanted.
        ("a terabyte announced", framed("content-length: 1000000000000", "{"), Status(413)),
        ("a terabyte to be continued", framed("expect: 100-continue\r\ncontent-length: 1000000000000", ""), Status(413)),
        ("a body beyond the limit", wish(&format!(r#"{{"user":"{}"}}"#, many("u", 30_000))), Status(413)),
        ("no content type", b"POST /recommend HTTP/1.1\r\nhost: t\r\ncontent-length: 13\r\n\r\n{\"user\":\"u0\"}".to_vec(), Status(415)),
        ("a form", b"POST /recommend HTTP/1.1\r\nhost: t\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n{\"user\":\"u0\"}".to_vec(), Status(415)),
        ("a compressed body", framed("content-encoding: gzip\r\ncontent-length: 2", "\x1f\x08"), Status(415)),
        ("UTF-16", b"POST /recommend HTTP/1.1\r\nhost: t\r\ncontent-type: application/json; charset=utf-16\r\ncontent-length: 2\r\n\r\n{}".to_vec(), Status(415)),
        // Routes and methods.
        ("TRACE", b"TRACE /recommend HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Status(405)),
        ("CONNECT", b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_vec(), Closed),
        ("the wrong method", b"DELETE /policy HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Status(405)),
        ("a path outside", b"GET /../../etc/passwd HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Status(404)),
        ("the same in disguise", b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), Status(404)),
        ("another server's page", b"GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_vec(), Status(404)),
        ("a policy that nobody allowed", post("/policy", br#"{"folder":"../../etc"}"#), Status(403)),
        ("a user that nobody may see", post("/explain", user.as_bytes()), Status(403)),
        // JSON.
        ("an empty body", wish(""), Status(400)),
        ("half a body", wish(r#"{"user":"#), Status(400)),
        ("two bodies", wish(r#"{"user":"u0"}{"user":"u0"}"#), Status(400)),
        ("no UTF-8", post("/recommend", b"{\"user\":\"\xff\xfe\"}"), Status(400)),
        ("half a surrogate", wish(r#"{"user":"\ud800"}"#), Status(400)),
        ("a control character", wish("{\"user\":\"a\nb\"}"), Status(400)),
        ("not a number", wish(r#"{"user":"u0","k":NaN}"#), Status(400)),
        ("a number beyond all", report(r#"{"request_id":"1","reward":1e999}"#), Status(400)),
        ("10,000 brackets", wish(&many("[", 10_000)), Status(422)),
        ("10,000 objects", wish(&many("{\"context\":", 1_000)), Status(422)),
        ("an array", wish("[]"), Status(422)),
        ("an unknown field", wish(r#"{"user":"u0","admin":true}"#), Status(422)),
        ("a field twice", wish(r#"{"user":"u0","user":"u1"}"#), Status(422)),
        ("no user", wish("{}"), Status(422)),
        ("an empty user", wish(r#"{"user":""}"#), Status(422)),
        ("a user of 10,000 bytes", wish(&format!(r#"{{"user":"{}"}}"#, many("u", 10_000))), Status(422)),
        ("a user that is an object", wish(r#"{"user":{"$ne":null}}"#), Status(422)),
        ("no items", wish(r#"{"user":"u0","k":0}"#), Status(422)),
        ("fewer than no items", wish(r#"{"user":"u0","k":-1}"#), Status(422)),
        ("half an item", wish(r#"{"user":"u0","k":1.5}"#), Status(422)),
        ("more items than there are numbers", wish(r#"{"user":"u0","k":18446744073709551616}"#), Status(422)),
        ("more items than allowed", wish(r#"{"user":"u0","k":11}"#), Status(422)),
        ("no candidates", wish(r#"{"user":"u0","candidates":[]}"#), Status(422)),
        ("more items than candidates", wish(r#"{"user":"u0","k":2,"candidates":["i1","i1"]}"#), Status(422)),
        ("an unknown candidate", wish(r#"{"user":"u0","candidates":["i1","' or 1=1"]}"#), Status(422)),
        ("more candidates than allowed", wish(&format!(r#"{{"user":"u0","candidates":[{}"i1"]}}"#, many("\"i1\",", 50))), Status(422)),
        ("other traits", wish(r#"{"user":"u0","context":{"traits":[1]}}"#), Status(422)),
        ("traits beyond all", wish(r#"{"user":"u0","context":{"traits":[1e300,0]}}"#), Status(422)),
        ("an unknown history", wish(r#"{"user":"u0","context":{"history":[{"item":"x","feedback":1}]}}"#), Status(422)),
        ("no form of feedback", report(r#"{"reward":1}"#), Status(422)),
        ("two forms of feedback", report(r#"{"request_id":"1","user":"u0","item":"i1","reward":1}"#), Status(422)),
        ("no rewards", report(r#"{"request_id":"1","rewards":[]}"#), Status(422)),
        ("a reward beyond all", report(r#"{"request_id":"1","reward":1e39}"#), Status(422)),
        ("a reward in words", report(r#"{"request_id":"1","reward":"1"}"#), Status(422)),
        ("a request before all", report(r#"{"request_id":"-1","reward":1}"#), Status(422)),
        ("a request as a number", report(r#"{"request_id":7,"reward":1}"#), Status(422)),
        ("a request with a sign", report(r#"{"request_id":"+1","reward":1}"#), Status(422)),
        ("a request beyond all", report(r#"{"request_id":"18446744073709551616","reward":1}"#), Status(422)),
        ("a request of long ago", report(r#"{"request_id":"7","reward":1}"#), Status(410)),
        ("a request that was not made", report(r#"{"request_id":"18446744073709551615","reward":1}"#), Status(404)),
        ("a user who was shown nothing", report(r#"{"user":"u3","item":"i1","reward":1}"#), Status(404)),
        ("a time beyond all", report(r#"{"request_id":"7","reward":1,"timestamp":9223372036854775808}"#), Status(422)),
    ]
}

/// What comes back on a connection: a reply, or none and the end of the connection.
fn outcome(client: &mut Client) -> Option<Reply> {
    match client.read_reply(false) {
        Ok(reply) => Some(reply),
        Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => {
            panic!("neither a reply nor the end of the connection")
        }
        // Closed or reset, which a peer sees when it still sends.
        Err(_) => None,
    }
}

fn is_met(met: Met, reply: Option<&Reply>) -> bool {
    match (met, reply) {
        (Met::Status(status), Some(reply)) => reply.status == status,
        (Met::Status(_), None) => false,
        (Met::Closed, Some(reply)) => (400..500).contains(&reply.status),
        (Met::Closed, None) => true,
    }
}

/// Clients who go on while something hostile happens, each with one connection.
const OTHERS: usize = 2;

/// Asks and answers until told to stop; every request must succeed. How many did.
fn behave(server: &Server, begun: &Barrier, stop: &AtomicBool) -> u32 {
    let mut client = server.client();
    let mut count = 0;
    loop {
        let user = format!("good-{}", count % 7);
        let body = client.post("/recommend", &json!({ "user": user })).expect(200);
        let feedback = json!({ "request_id": body["request_id"], "reward": 1 });
        client.post("/feedback", &feedback).expect(200);
        count += 1;
        if count == 1 {
            begun.wait();
        }
        // However short the hostile part was, a round is made after it began.
        if count > 1 && stop.load(Ordering::Relaxed) {
            return count;
        }
    }
}

/// Says stop when the hostile part is over, whether it passed or not.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `hostile` while well-behaved clients go on.
fn among_others(hostile: impl FnOnce(&Server)) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&saved(folder.path()), &folder.path().join("state"), &LIMITS);
    let (begun, stop) = (Barrier::new(OTHERS + 1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..OTHERS)
            .map(|_| scope.spawn(|| behave(&server, &begun, &stop)))
            .collect();
        begun.wait();
        let stopping = Stop(&stop);
        hostile(&server);
        drop(stopping);
        for other in others {
            assert!(other.join().unwrap() > 1);
        }
    });
    let stderr = server.stop();
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn every_hostile_request_is_refused_and_nobody_else_notices() {
    among_others(|server| {
        let requests = requests();
        assert!(requests.len() >= 30);
        for (name, bytes, met) in requests {
            let mut client = server.client();
            // A server may close while we still send.
            let _ = client.write(&bytes);
            let reply = outcome(&mut client);
            assert!(
                is_met(met, reply.as_ref()),
                "{name}: wanted {met:?}, met {reply:?}"
            );
            if let Some(reply) = reply.filter(|reply| !reply.body.is_empty()) {
                assert!(reply.json()["error"].is_string(), "{name}: {}", reply.text());
            }
        }
    });
}

#[test]
fn who_is_slow_or_does_not_read_is_closed() {
    among_others(|server| {
        let sends = |bytes: &[u8]| {
            let mut client = server.client();
            client.write(bytes).unwrap();
            client
        };
        // Nothing, half a head, and half a body: all wait at the same time.
        let mut silent = sends(b"");
        let mut half_head = sends(b"POST /recommend HTTP/1.1\r\nhost:");
        let mut half_body = sends(&framed("content-length: 13", "{\"user"));
        let mut idle = server.client();
        assert_eq!(idle.send("GET", "/healthz", "").status, 200);
        assert!(outcome(&mut silent).is_none());
        assert!(outcome(&mut half_head).is_none());
        assert_eq!(outcome(&mut half_body).unwrap().status, 408);
        assert!(outcome(&mut idle).is_none());

        // A byte now and then does not buy more time.
        let mut trickle = server.client();
        while trickle.write(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }

        // Asks for more and more and reads nothing: replies fill every buffer, and then the connection ends.
        let mut greedy = server.client();
        let request = b"GET /openapi.json HTTP/1.1\r\nhost: t\r\n\r\n".repeat(100);
        greedy
            .stream()
            .set_write_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        while greedy.write(&request).is_ok() {}
    });
}

#[test]
fn who_goes_away_halfway_leaves_nothing_behind() {
    among_others(|server| {
        // Fewer than may be open at a time, for a server that is slow to see them go.
        for _ in 0..30 {
            let mut client = server.client();
            client.write(&framed("content-length: 13", "{\"user")).unwrap();
            drop(client);
        }
        // Who only closes the sending side gets the reply.
        let mut client = server.client();
        client.write(&wish(r#"{"user":"u1"}"#)).unwrap();
        client.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(outcome(&mut client).unwrap().status, 200);
        // Who does so halfway gets none that says yes.
        let mut client = server.client();
        client.write(&framed("content-length: 13", "{\"user")).unwrap();
        client.stream().shutdown(Shutdown::Write).unwrap();
        assert!(is_met(Met::Closed, outcome(&mut client).as_ref()));
    });
}

#[test]
fn pipelined_requests_are_answered_in_order_until_one_is_refused() {
    among_others(|server| {
        let mut client = server.client();
        let good = wish(r#"{"user":"u1"}"#);
        let bad = wish(r#"{"user":7.5}"#);
        let smuggled = framed("transfer-encoding: chunked", "0\r\n\r\n");
        client
            .write(&[good.as_slice(), &bad, &good, &smuggled, &good].concat())
            .unwrap();
        let statuses: Vec<u16> =
            std::iter::from_fn(|| outcome(&mut client).map(|reply| reply.status)).collect();
        assert_eq!(statuses, [200, 422, 200, 411]);
    });
}

#[test]
fn more_connections_than_allowed_are_turned_away_and_room_comes_back() {
    among_others(|server| {
        let mut crowd: Vec<TcpStream> = Vec::new();
        let mut turned_away = 0;
        // Those that are let in say nothing, and are closed after the head timeout.
        for _ in 0..60 {
            crowd.push(TcpStream::connect(server.address).unwrap());
        }
        for stream in &mut crowd {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            turned_away += usize::from(reply.starts_with("HTTP/1.1 503 "));
        }
        assert_eq!(turned_away, 60 + OTHERS - 40);
        assert_eq!(server.get("/healthz").status, 200);
    });
}
