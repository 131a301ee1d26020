//! A hand-made policy folder, and the real binary at the other end of a pair of pipes.

pub(crate) mod http;
pub(crate) mod schema;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use common::fingerprint::Fingerprint;
use common::frame::{Hello, PROTOCOL, Reply, ReplyReceiver, Request, RequestSender};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::{
    NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};

/// Items of the catalogue: `i0` ... `i29`.
pub(crate) const ITEMS: usize = 30;

/// A policy over 30 items that knows the users `u0` ... `u3`.
pub(crate) fn policy() -> Policy {
    let network = NetworkConfig {
        items: ITEMS,
        dims: 6,
        hidden: 7,
        traits: 2,
        window: 10,
        encoder: common::policy_artifact::Encoder::Gru,
    };
    let ids = |prefix: &str, count: usize| {
        Dictionary::from_values(IdKind::Text, (0..count).map(|i| format!("{prefix}{i}"))).unwrap()
    };
    Policy {
        manifest: Manifest::new(POLICY, "pretrain train").seed(1),
        config: PolicyConfig {
            network: network.clone(),
            method: "bc".into(),
            traits: "profile".into(),
            gamma: 0.9,
            likes: None,
            training: serde_json::Value::Null,
        },
        weights: Weights::init(&network, 1),
        items: PolicyItems {
            ids: ids("i", ITEMS),
            popularity: (0..ITEMS).map(|i| (i * 7 % ITEMS) as f32).collect(),
            traits: vec![0.1; 2 * ITEMS],
        },
        users: PolicyUsers {
            ids: ids("u", 4),
            history: vec![
                vec![(1, 1.0), (2, -1.0)],
                vec![(29, 1.0)],
                vec![],
                vec![(5, -1.0)],
            ],
            traits: vec![0.5, -0.5, 1.0, 0.0, 0.0, 0.0, -1.0, 1.0],
            consumed: vec![vec![1, 2, 3], vec![29], vec![], (0..20).collect()],
            memory: Vec::new(),
            answered: Vec::new(),
        },
    }
}

/// The policy as a folder.
pub(crate) fn saved(folder: &Path) -> PathBuf {
    let path = folder.join("policy");
    policy().save(&path).unwrap();
    path
}

/// What an environment on the policy's catalogue says first.
pub(crate) fn hello() -> Hello {
    Hello {
        protocol: PROTOCOL,
        environment: "hand-made".into(),
        items: policy().items.ids.fingerprint(),
        seed: 5,
        horizon: 4,
        slate: 1,
    }
}

/// `online` with arguments.
pub(crate) fn online(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_online"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// `online agent` on a policy.
pub(crate) fn agent(policy: &Path, strategy: &str, more: &[&str]) -> Command {
    let mut command = online(&[
        "agent",
        "--policy",
        policy.to_str().unwrap(),
        "--strategy",
        strategy,
    ]);
    command.args(more);
    command
}

/// A running agent.
pub(crate) struct Session {
    child: Child,
    sender: RequestSender<std::process::ChildStdin>,
    receiver: ReplyReceiver<ChildStdout>,
}

impl Session {
    pub(crate) fn start(mut command: Command, hello: &Hello) -> Self {
        let mut child = command.spawn().unwrap();
        let sender = RequestSender::new(child.stdin.take().unwrap(), hello).unwrap();
        let receiver = ReplyReceiver::new(child.stdout.take().unwrap()).unwrap();
        Session {
            child,
            sender,
            receiver,
        }
    }

    pub(crate) fn step(&mut self, request: &Request) -> Reply {
        self.sender.send(request).unwrap();
        self.receiver.receive().unwrap().expect("a reply")
    }

    /// Closes the agent's stdin; what it wrote on stderr. Its stdout must hold no more than the replies.
    pub(crate) fn finish(mut self) -> String {
        self.sender.finish().unwrap();
        assert_eq!(self.receiver.receive().unwrap(), None);
        let mut stderr = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert!(self.child.wait().unwrap().success(), "{stderr}");
        stderr
    }
}

/// Writes `bytes` to the process and waits for its end. A process that stops reading early is not a failure.
pub(crate) fn feed(mut command: Command, bytes: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(bytes);
    child.wait_with_output().unwrap()
}

/// What `online inspect` says of a state, asked by `flag` in a format.
pub(crate) fn inspected(state: &Path, flag: &str, format: &str) -> String {
    let mut command = online(&["inspect", flag, "--format", format, "--state"]);
    command.arg(state);
    let output = feed(command, b"");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Requires that all of a state's history makes it again.
pub(crate) fn replays(state: &Path) {
    let checked = online(&["replay", "--check", "--state", state.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(
        checked.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

/// The stream of `requests` after `hello`, as bytes.
pub(crate) fn stream(hello: &Hello, requests: &[Request]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sender = RequestSender::new(&mut bytes, hello).unwrap();
    for request in requests {
        sender.send(request).unwrap();
    }
    sender.finish().unwrap();
    bytes
}

/// A row of a request: environment, user, step, last item, reward, done.
pub(crate) type Row<'a> = (u32, &'a str, u32, Option<&'a str>, Option<f32>, bool);

pub(crate) fn request(rows: &[Row<'_>]) -> Request {
    let mut request = Request::default();
    for &(env, user, step, item, reward, done) in rows {
        request.env.push(env);
        request.user_id.push(user);
        request.step.push(step);
        request.last_item.extend([item]);
        request.reward.push(reward);
        request.done.push(done);
        request.truncated.push(false);
    }
    request
}

/// Requires the exit code, one error that says `expected`, and no panic.
pub(crate) fn fails_with(output: &Output, code: i32, expected: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(expected), "wanted `{expected}` in: {stderr}");
    assert_eq!(
        stderr.lines().filter(|line| line.starts_with("error:")).count(),
        1,
        "{stderr}"
    );
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Replaces a file of a policy and its fingerprint in the manifest, so that only the content is wrong.
pub(crate) fn replace_file(policy: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(policy.join(name), bytes).unwrap();
    let mut manifest = Manifest::from_json(
        &std::fs::read_to_string(policy.join("manifest.json")).unwrap(),
        &policy.join("manifest.json"),
    )
    .unwrap();
    manifest.files.insert(
        name.to_string(),
        Fingerprint::of_file(&policy.join(name)).unwrap(),
    );
    manifest.write_to_folder(policy).unwrap();
}
