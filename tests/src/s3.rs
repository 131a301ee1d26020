//! A real S3 server on this machine (moto's), what stands between it and the tools, and tests that run with its environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One request after the other, so that what the server decides about one it has decided before the next.
const SERVER: &str = "
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
server = make_server('127.0.0.1', 0, DomainDispatcherApplication(create_backend_app), threaded=False)
print(server.port, flush=True)
server.serve_forever()
";
const PORT: &str = "HEADSTART_TEST_S3_PORT";
/// The bucket that each server has.
pub const BUCKET: &str = "bucket";

/// A server with an empty bucket; it ends with this.
#[derive(Debug)]
pub struct Server {
    child: Option<Child>,
    /// Where it listens.
    pub port: u16,
}

impl Server {
    /// # Panics
    /// When `scripts/setup` has not installed it, or it does not start.
    pub fn start() -> Self {
        let python = crate::cache().join("s3/python3");
        assert!(
            python.exists(),
            "{} is missing: run `make setup`, which says so where this Python has no pinned packages",
            python.display()
        );
        let mut child = Command::new(python)
            .args(["-W", "ignore", "-c", SERVER])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("the server has a stdout"));
        stdout.read_line(&mut line).expect("the server says its port");
        let port = line.trim().parse().expect("the server says its port");
        let server = Server {
            child: Some(child),
            port,
        };
        server.request(&format!("PUT /{BUCKET}"), "");
        server
    }

    /// The variables that lead to it, by way of `port`.
    pub fn environment(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
            ("AWS_REGION", "us-east-1".into()),
            (PORT, self.port.to_string()),
        ]
    }

    /// The answer to a plain request without a signature.
    ///
    /// # Panics
    /// When there is none.
    pub fn request(&self, line: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        let request = format!("{line} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs `body` with the environment of a server of its own: the test `name` (with its modules) starts itself again as a process
/// that has it, since a process must not change its own.
///
/// # Panics
/// When the test fails there.
pub fn on_s3(name: &str, body: impl FnOnce(&Server)) {
    if let Some(port) = std::env::var(PORT).ok().and_then(|port| port.parse().ok()) {
        return body(&Server { child: None, port });
    }
    let server = Server::start();
    again(name, &server.environment(server.port));
}

/// Runs the test `name` of this binary once more, in a process with `environment`.
///
/// # Panics
/// When it fails there, or is not found.
pub fn again(name: &str, environment: &[(&'static str, String)]) {
    let output = Command::new(std::env::current_exe().expect("a test knows its own path"))
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .output()
        .expect("the test starts again");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "no test `{name}`: {stdout}");
}

/// What stands between the tools and a server, and counts.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    answered: Arc<AtomicU64>,
}

impl Proxy {
    /// Passes all on to `server`. With `forgetful` it leaves out the preconditions, as a store that does not know them.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(server: &Server, forgetful: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has a port").port();
        let answered = Arc::new(AtomicU64::new(0));
        let (count, target) = (Arc::clone(&answered), server.port);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || pass(client, target, forgetful, &count));
            }
        });
        Proxy { port, answered }
    }

    /// Bytes of the answers so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }
}

/// Passes one request on, and its answer back.
fn pass(client: TcpStream, target: u16, forgetful: bool, count: &AtomicU64) -> Option<()> {
    let mut server = TcpStream::connect(("127.0.0.1", target)).ok()?;
    let (mut back, mut answer) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let mut from = BufReader::new(client);
    let mut head = String::new();
    while from.read_line(&mut head).ok()? > 2 {}
    let kept = head.split_inclusive("\r\n").filter(|line| {
        let line = line.to_lowercase();
        !(line.starts_with("connection") || forgetful && line.starts_with("if-none-match"))
    });
    let kept: String = kept.collect();
    let kept = kept.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(kept.as_bytes()).ok()?;
    let mut requester = server.try_clone().ok()?;
    std::thread::spawn(move || std::io::copy(&mut from, &mut requester));
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = answer.read(&mut piece).ok()?;
        if length == 0 {
            break;
        }
        count.fetch_add(length as u64, Ordering::SeqCst);
        back.write_all(&piece[..length]).ok()?;
    }
    back.shutdown(Shutdown::Both).ok()
}

/// The URL of `name` in the bucket.
pub fn url(name: &str) -> PathBuf {
    PathBuf::from(format!("s3://{BUCKET}/{name}"))
}
