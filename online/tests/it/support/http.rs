//! `online serve` as a process, and a client that can say anything to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::online;

/// Longer than anything in these tests takes: a reply that does not come is a failure and no hanging test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Server {
    child: Child,
    stderr: Option<JoinHandle<String>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `online serve` on a free port and waits until it takes requests.
    pub(crate) fn start(policy: &Path, state: &Path, more: &[&str]) -> Self {
        Server::try_start(policy, state, more).unwrap_or_else(|(status, stderr)| panic!("{status}: {stderr}"))
    }

    /// As [`Server::start`]; the exit status and stderr where it ends instead.
    pub(crate) fn try_start(
        policy: &Path,
        state: &Path,
        more: &[&str],
    ) -> Result<Self, (ExitStatus, String)> {
        let mut arguments = vec!["serve", "--workers", "2"];
        if !more.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        let mut command = online(&arguments);
        command
            .arg("--policy")
            .arg(policy)
            .arg("--state")
            .arg(state)
            .args(more);
        Server::of(command)
    }

    /// As [`Server::try_start`], of any command that becomes `online serve`.
    pub(crate) fn of(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.is_empty() {
            return Err((child.wait().unwrap(), stderr.join().unwrap()));
        }
        let said: Value = serde_json::from_str(&line).unwrap();
        Ok(Server {
            address: said["listening"].as_str().unwrap().parse().unwrap(),
            stderr: Some(stderr),
            child,
        })
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// One request on a connection of its own.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.client().post(path, body)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.client().send("GET", path, "")
    }

    /// Sends a signal by its name (`TERM`, `HUP`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; the exit status and what it wrote on stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.stderr.take().unwrap().join().unwrap())
    }

    /// Tells it to stop and requires that it ends well; what it wrote on stderr.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (status, stderr) = self.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that fails leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A reply.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// The body as JSON of a reply with this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }
}

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &body.to_string())
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Reply {
        self.try_send(method, path, body).unwrap()
    }

    /// A request as a well-behaved client makes it, and its reply.
    pub(crate) fn try_send(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<Reply> {
        let kind = match body {
            "" => String::new(),
            _ => format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            ),
        };
        self.write(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{kind}\r\n{body}").as_bytes())?;
        self.read_reply(method == "HEAD")
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// The next reply, those of status 100 left out.
    pub(crate) fn read_reply(&mut self, without_body: bool) -> std::io::Result<Reply> {
        loop {
            let line = self.read_line()?;
            let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status: u16 =
                status.ok_or_else(|| std::io::Error::other(format!("no status line: {line}")))?;
            let mut headers = Vec::new();
            loop {
                let line = self.read_line()?;
                let Some((name, value)) = line.split_once(':') else {
                    break;
                };
                headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
            }
            if status == 100 {
                continue;
            }
            let mut reply = Reply {
                status,
                headers,
                body: Vec::new(),
            };
            let length = reply
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            if !without_body {
                reply.body.resize(length, 0);
                self.stream.read_exact(&mut reply.body)?;
            }
            return Ok(reply);
        }
    }

    fn read_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_string())
    }
}
