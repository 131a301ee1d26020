//! `online serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use common::cli::{Shared, seconds};
use common::{Error, Result, terminal};

use super::learning::LearningArguments;
use crate::adapt::Name;
use crate::journal::{Keeping, OpenConfig};
use crate::live::Pending;
use crate::serve::{self, Address, Config, Limits};

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// The policy folder that `pretrain train` wrote. One that never served in the state folder takes over at the start;
    /// SIGHUP reads it again
    #[arg(long, value_name = "DIR", required_unless_present = "openapi")]
    policy: Option<PathBuf>,
    /// All that the service keeps on disk; made where it is missing. One process at a time
    #[arg(long, value_name = "DIR", required_unless_present = "openapi")]
    state: Option<PathBuf>,
    /// How to act and learn
    #[arg(long, value_enum, default_value_t = Name::Adapter)]
    strategy: Name,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Listen on a Unix socket instead
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    unix: Option<PathBuf>,
    /// Try another policy or strategy beside --policy on a share of the users (A/B); may be given several times. Settings as of
    /// `online serve`: share (of the users, from 0 to 1), policy (default: that of --policy), strategy (default: that of
    /// --strategy), and any option of how to learn, such as temperature:0.5 or lr:0.01
    #[arg(long, value_name = "NAME=SETTING:VALUE,...", value_parser = super::arm::parse)]
    arm: Vec<super::arm::Arm>,
    /// Items table with categories, for rules over them in requests ("where") and for new items (POST /items)
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Recommend nothing and learn from another system: POST /shown tells what it showed, POST /feedback what came back. GET
    /// /apprentice and `online inspect --apprentice` tell how the policy would have done, and whether it is ready
    #[arg(long, conflicts_with = "arm")]
    apprentice: bool,
    /// Answer POST /experiment, which changes the shares of arms, and POST /items. Without it they are answered with 403
    #[arg(long)]
    admin: bool,
    /// Let clients name policies below this folder by POST /policy. Without it they are answered with 403
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Answer POST /explain, which tells what is known of a user. Without it it is answered with 403
    #[arg(long)]
    explain: bool,
    /// How long running requests may take when the process is told to stop
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    grace: Duration,
    /// Print the OpenAPI file of the service and end
    #[arg(long, exclusive = true)]
    openapi: bool,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    keeping: KeepingArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    shared: Shared,
}

const AFTER: &str = "\
POST /recommend {\"user\":\"ada\",\"k\":3} answers items with their probabilities and a request id;
POST /feedback {\"request_id\":\"...\",\"item\":\"...\",\"reward\":1} answers when it is on disk.
GET /healthz, /readyz, /metrics (OpenMetrics), /policy, /openapi.json. When requests are taken, one line
on stdout says where: {\"listening\":\"127.0.0.1:8080\"}. SIGTERM ends with nothing lost, and so does any
other end: what was acknowledged is on disk. The service knows no users' rights and no TLS: it belongs
behind a gateway that does.";

#[derive(Args, Debug)]
#[command(next_help_heading = "What is kept")]
struct KeepingArguments {
    /// The latest decisions that wait for their feedback; feedback for older ones is answered with 410
    #[arg(long, value_name = "N", default_value_t = Pending::CAPACITY as u32, value_parser = clap::value_parser!(u32).range(1..))]
    pending: u32,
    /// Bytes at which a part of the journal is full and becomes Parquet
    #[arg(long, value_name = "BYTES", default_value_t = Keeping::DEFAULT.segment_bytes, value_parser = clap::value_parser!(u64).range(1..))]
    segment_size: u64,
    /// Seconds after which it becomes Parquet though it is not full
    #[arg(long, value_name = "SECONDS", default_value_t = Keeping::DEFAULT.segment_seconds, value_parser = clap::value_parser!(u64).range(1..))]
    segment_age: u64,
    /// Copies of policies that served which are kept of each arm, the present one among them. Where there are more, the state as it
    /// is becomes what `online replay` begins with, and of older policies their manifests are left [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep_policies: Option<u32>,
}

const LIMITS: Limits = Limits::DEFAULT;

#[derive(Args, Debug)]
#[command(next_help_heading = "What one client may ask for")]
struct LimitArguments {
    /// Open connections; one more is answered with 503 and closed
    #[arg(long, value_name = "N", default_value_t = LIMITS.connections as u32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Time from the opening of a connection, or its last reply, until the head of a request has come
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    head_timeout: Duration,
    /// Time from the head of a request until its body has come
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    body_timeout: Duration,
    /// Time that a reply waits for a client that does not read
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    write_timeout: Duration,
    /// Bytes of a body
    #[arg(long, value_name = "BYTES", default_value_t = LIMITS.body as u32, value_parser = clap::value_parser!(u32).range(1..))]
    max_body: u32,
    /// Items of a slate
    #[arg(long, value_name = "N", default_value_t = LIMITS.k as u32, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    max_k: u32,
    /// Items of a candidate filter
    #[arg(long, value_name = "N", default_value_t = LIMITS.candidates as u32, value_parser = clap::value_parser!(u32).range(1..))]
    max_candidates: u32,
}

impl LimitArguments {
    fn resolve(&self) -> Limits {
        Limits {
            connections: self.max_connections as usize,
            head_time: self.head_timeout,
            body: self.max_body as usize,
            body_time: self.body_timeout,
            write_time: self.write_timeout,
            k: self.max_k as usize,
            candidates: self.max_candidates as usize,
            ..LIMITS
        }
    }
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        if self.openapi {
            return terminal::print(serve::OPENAPI);
        }
        self.shared.init_terminal();
        serve::run(self.resolve()?)
    }

    fn resolve(self) -> Result<Config> {
        let (Some(policy), Some(state)) = (self.policy, self.state) else {
            return Err(Error::usage("--policy and --state are needed"));
        };
        let workers = self.shared.workers();
        let settings = self.learning.settings(self.strategy, self.shared.seed);
        let arms = super::arm::resolve(&self.arm, &policy, self.strategy, self.shared.seed)?;
        Ok(Config {
            open: OpenConfig {
                state,
                policy,
                settings,
                keeping: Keeping {
                    segment_bytes: self.keeping.segment_size,
                    segment_seconds: self.keeping.segment_age,
                    policies: self.keeping.keep_policies.map(|most| most as usize),
                },
                pending: self.keeping.pending as usize,
                arms,
            },
            address: match self.unix {
                Some(path) => Address::Unix(path),
                None => Address::Tcp(self.listen),
            },
            limits: self.limits.resolve(),
            policies: self.policies,
            explains: self.explain,
            admin: self.admin,
            items: self.items,
            apprentice: self.apprentice,
            grace: self.grace,
            workers,
        })
    }
}
