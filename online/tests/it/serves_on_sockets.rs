//! Step frames over Unix sockets: the agent connects to an environment, or environments connect to it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStderr};

use crate::support::{agent, fails_with, feed, hello, request, saved};
use common::frame::{Hello, Reply, ReplyReceiver, RequestSender};
use common::schema::events;

/// An environment's end of a connection.
struct Environment {
    sender: RequestSender<UnixStream>,
    receiver: ReplyReceiver<UnixStream>,
}

impl Environment {
    fn open(stream: &UnixStream, hello: &Hello) -> Self {
        let sender = RequestSender::new(stream.try_clone().unwrap(), hello).unwrap();
        let receiver = ReplyReceiver::new(stream.try_clone().unwrap()).unwrap();
        Environment { sender, receiver }
    }

    /// An episode of two steps of which the first item is liked: the replies.
    fn play(mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        let mut ask = |row| {
            self.sender.send(&request(&[row])).unwrap();
            let reply = self.receiver.receive().unwrap().unwrap();
            let first = reply.item.row(0).next().map(String::from);
            replies.push(reply);
            first
        };
        let first = ask((0, "u0", 0, None, None, false)).unwrap();
        let second = ask((0, "u0", 1, Some(&first), Some(1.0), false)).unwrap();
        ask((0, "u0", 2, Some(&second), Some(0.0), true));
        self.sender.finish().unwrap();
        assert!(self.receiver.receive().unwrap().is_none());
        replies
    }
}

/// An agent that listens, ended with the test.
struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Listening {
    fn start(policy: &Path, socket: &Path) -> Self {
        let mut child = agent(
            policy,
            "ft",
            &["--socket", socket.to_str().unwrap(), "--rollout", "1"],
        )
        .spawn()
        .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.contains("listening"), "{line}");
        Listening { child, stderr }
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_connects_to_an_environment_and_writes_its_events() {
    let folder = tempfile::tempdir().unwrap();
    let policy = saved(folder.path());
    let (path, file) = (folder.path().join("socket"), folder.path().join("events.parquet"));
    let listener = UnixListener::bind(&path).unwrap();
    let more = [
        "--connect",
        path.to_str().unwrap(),
        "--events",
        file.to_str().unwrap(),
    ];
    let mut child = agent(&policy, "ft", &more).spawn().unwrap();
    let (stream, _) = listener.accept().unwrap();
    // Slates of three: the first of each is answered.
    let wanted = Hello { slate: 3, ..hello() };
    let replies = Environment::open(&stream, &wanted).play();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(child.wait().unwrap().success(), "{stderr}");
    assert_eq!(replies[0].item.row(0).len(), 3);
    let events = events::read(&file).unwrap();
    assert_eq!(events.log.len(), 2);
    let first = replies[0].item.row(0).next().unwrap();
    assert_eq!(events.log.items.id(events.log.item[0]), first);
    // The probability of the first place is higher than that of the whole slate.
    assert!(events.log.propensity[0].unwrap() > replies[0].propensity[0]);
}

#[test]
fn environments_that_connect_get_agents_of_their_own_and_a_bad_one_disturbs_none() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, path) = (saved(folder.path()), folder.path().join("socket"));
    // A socket that nobody listens on any more is in nobody's way.
    drop(UnixListener::bind(&path).unwrap());
    let mut listening = Listening::start(&policy, &path);
    let waiting = Environment::open(&UnixStream::connect(&path).unwrap(), &hello());
    {
        let mut bad = UnixStream::connect(&path).unwrap();
        std::io::Write::write_all(&mut bad, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    }
    let warned = listening.next_line();
    assert!(warned.contains("an environment was given up"), "{warned}");
    let one = Environment::open(&UnixStream::connect(&path).unwrap(), &hello()).play();
    // The first is served though others came and went, and its agent is as new as theirs.
    assert_eq!(waiting.play(), one);
    assert!(one[1].policy_version[0] > 0, "the agent has learnt");
}

#[test]
fn what_cannot_be_listened_on_or_connected_to_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, path) = (saved(folder.path()), folder.path().join("file"));
    std::fs::write(&path, "precious").unwrap();
    let socket = path.to_str().unwrap();
    fails_with(
        &feed(agent(&policy, "ft", &["--socket", socket]), b""),
        2,
        "cannot listen",
    );
    fails_with(
        &feed(agent(&policy, "ft", &["--connect", socket]), b""),
        2,
        "cannot connect",
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    let both = ["--socket", "a", "--connect", "b"];
    assert_eq!(feed(agent(&policy, "ft", &both), b"").status.code(), Some(2));
}
