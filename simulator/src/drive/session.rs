//! One seed: all its episodes against one agent process.

use std::sync::atomic::{AtomicBool, Ordering};

use common::frame::{Hello, PROTOCOL, Reply, Request};
use common::terminal::Progress;
use common::{Error, Result};
use rayon::prelude::*;

use super::agent::Agent;
use super::{Command, Config};
use crate::environment::Environment;
use crate::environment::returns;
use crate::environment::vector::{Outcome, VectorEnvironment};

/// What one seed's episodes gave; episode e was played by environment e mod envs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    /// Return of each episode: the sum of its drawn rewards.
    pub returns: Vec<f64>,
    /// Expected return of each episode: the sum of the probabilities that its rewards were drawn with.
    pub expected: Vec<f64>,
    /// The oracle's expected return for each episode's user.
    pub oracle: Vec<f64>,
    /// Actions that named an item consumed already.
    pub repeats: u64,
    /// All actions.
    pub steps: u64,
}

/// What all seeds of a run share.
pub(super) struct Stage<'a> {
    pub(super) environment: &'a Environment,
    pub(super) config: &'a Config,
    /// The environment's name under the rules.
    pub(super) name: &'a str,
    pub(super) command: &'a Command,
    pub(super) progress: &'a Progress,
    /// Set when the run is to end early.
    pub(super) stop: &'a AtomicBool,
}

impl Stage<'_> {
    /// Plays one seed. `None` when the run was stopped before the end.
    ///
    /// # Errors
    /// When the agent cannot be started, fails, or breaks the protocol.
    pub(super) fn play(&self, seed: u64) -> Result<Option<Played>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let hello = Hello {
            protocol: PROTOCOL,
            environment: self.name.to_string(),
            items: self.environment.items.fingerprint(),
            seed,
            horizon: self.config.rules.horizon,
            slate: 1,
        };
        let mut agent = Agent::start(
            &self.command.words(seed),
            &hello,
            format!("the agent of seed {seed}"),
        )?;
        let mut session = Session::new(self.environment, self.config, seed);
        while !session.live.is_empty() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let reply = match agent.ask(&session.request()) {
                Ok(reply) => reply,
                Err(cause) => return Err(agent.explain(cause)),
            };
            match session.take(&reply) {
                Ok(ended) => self.progress.add(ended),
                Err(cause) => return Err(agent.refuse(cause)),
            }
        }
        agent.finish()?;
        Ok(Some(session.into_played(self.config)))
    }
}

/// Where all environments of a seed stand.
struct Session<'a> {
    environment: &'a Environment,
    vector: VectorEnvironment<'a>,
    episodes: u64,
    /// Environments that have episodes left, in order.
    live: Vec<usize>,
    /// What the last action of each environment gave; `None` at the start of an episode.
    last: Vec<Option<(u32, Outcome)>>,
    users: Vec<u32>,
    played: Played,
}

impl<'a> Session<'a> {
    fn new(environment: &'a Environment, config: &Config, seed: u64) -> Self {
        let (envs, episodes) = (config.envs() as usize, config.episodes as usize);
        Session {
            environment,
            vector: VectorEnvironment::new(environment, config.rules, seed, envs),
            episodes: config.episodes,
            live: (0..envs).collect(),
            last: vec![None; envs],
            users: vec![0; episodes],
            played: Played {
                returns: vec![0.0; episodes],
                expected: vec![0.0; episodes],
                ..Played::default()
            },
        }
    }

    /// The episode that environment `env` is in, counted over all environments.
    fn episode(&self, env: usize) -> u64 {
        self.vector.episode(env) * self.vector.len() as u64 + env as u64
    }

    fn request(&self) -> Request {
        let mut request = Request::default();
        for &env in &self.live {
            let last = &self.last[env];
            request.env.push(env as u32);
            request
                .user_id
                .push(self.environment.users.id(self.vector.user(env)).to_string());
            request.step.push(self.vector.step_of(env));
            request.last_item.push(
                last.as_ref()
                    .map(|(item, _)| self.environment.items.id(*item).to_string()),
            );
            request
                .reward
                .push(last.as_ref().map(|(_, outcome)| outcome.reward));
            request
                .done
                .push(last.as_ref().is_some_and(|(_, outcome)| outcome.end.is_some()));
        }
        request
    }

    /// Steps every live environment by the reply; gives how many episodes it ended.
    fn take(&mut self, reply: &Reply) -> Result<u64> {
        let expected: Vec<u32> = self.live.iter().map(|&env| env as u32).collect();
        if reply.env != expected {
            return Err(Error::data(format!(
                "its reply has {} rows for environments {:?}, the request had {} for {:?}",
                reply.env.len(),
                brief(&reply.env),
                expected.len(),
                brief(&expected)
            )));
        }
        let mut ended = 0;
        for (row, &env) in self.live.iter().enumerate() {
            let episode = self.episode(env) as usize;
            if self.last[env].is_some_and(|(_, outcome)| outcome.end.is_some()) {
                // The answer to the end of an episode holds no action; this step begins the next episode.
                self.vector.step_one(env, 0);
                self.last[env] = None;
                continue;
            }
            self.users[episode] = self.vector.user(env);
            let action = action(&reply.item[row], self.environment).map_err(|e| {
                e.at(format!(
                    "environment {env}, episode {episode}, step {}",
                    self.vector.step_of(env)
                ))
            })?;
            let outcome = self.vector.step_one(env, action);
            self.played.returns[episode] += f64::from(outcome.reward);
            self.played.expected[episode] += f64::from(outcome.expected);
            self.played.steps += 1;
            self.played.repeats += u64::from(outcome.repeat);
            ended += u64::from(outcome.end.is_some());
            self.last[env] = Some((action, outcome));
        }
        let (vector, last, episodes) = (&self.vector, &self.last, self.episodes);
        self.live.retain(|&env| {
            let begins = last[env].is_none();
            !begins || vector.episode(env) * vector.len() as u64 + (env as u64) < episodes
        });
        Ok(ended)
    }

    fn into_played(mut self, config: &Config) -> Played {
        let mut users = self.users.clone();
        users.sort_unstable();
        users.dedup();
        let oracle: Vec<f64> = users
            .par_iter()
            .map(|&user| returns::oracle(self.environment, &config.rules, user))
            .collect();
        let of_user = |user: &u32| oracle[users.partition_point(|other| other < user)];
        self.played.oracle = self.users.iter().map(of_user).collect();
        self.played
    }
}

/// The item of a slate of one, as its code.
fn action(slate: &[String], environment: &Environment) -> Result<u32> {
    let [item] = slate else {
        return Err(Error::data(format!(
            "its slate has {} items where 1 is asked for",
            slate.len()
        )));
    };
    environment.items.code(item).ok_or_else(|| {
        Error::data(format!(
            "it chose item `{item}`, which the catalogue does not have"
        ))
    })
}

fn brief(envs: &[u32]) -> &[u32] {
    &envs[..envs.len().min(8)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::rules::{Rule, Rules};
    use crate::environment::tests::small;

    fn config(episodes: u64, envs: u32) -> Config {
        Config {
            environment: "".into(),
            method: "test".into(),
            agent: String::new(),
            seed: 0,
            seeds: 1,
            episodes,
            envs,
            rules: Rules::new(Rule::Fixed, Some(3), None),
            out: "".into(),
            overwrite: false,
        }
    }

    fn reply(request: &Request, choose: impl Fn(usize) -> Vec<String>) -> Reply {
        let rows = request.len();
        Reply {
            env: request.env.clone(),
            item: (0..rows)
                .map(|row| if request.done[row] { vec![] } else { choose(row) })
                .collect(),
            propensity: vec![1.0; rows],
            policy_version: vec![0; rows],
        }
    }

    #[test]
    fn exactly_the_wanted_episodes_are_played_and_the_frames_follow_the_protocol() {
        let environment = small();
        let mut session = Session::new(&environment, &config(7, 3), 0);
        let (mut ended, mut begun) = (0, [0; 3]);
        while !session.live.is_empty() {
            let request = session.request();
            for row in 0..request.len() {
                let first = request.step[row] == 0;
                begun[request.env[row] as usize] += usize::from(first);
                assert_eq!(
                    first,
                    request.last_item[row].is_none() && request.reward[row].is_none()
                );
                assert_eq!(request.done[row], request.step[row] == 3);
            }
            let chosen = |row: usize| vec![((request.step[row] + 1) % 6).to_string()];
            ended += session.take(&reply(&request, chosen)).unwrap();
        }
        assert_eq!((ended, begun, session.played.steps), (7, [3, 2, 2], 21));
        let played = session.into_played(&config(7, 3));
        assert!(
            played
                .oracle
                .iter()
                .zip(&played.expected)
                .all(|(oracle, expected)| oracle >= expected)
        );
        assert!(played.expected.iter().all(|&expected| expected > 0.0));
    }

    #[test]
    fn replies_that_break_the_protocol_are_refused() {
        let environment = small();
        let fail = |change: &dyn Fn(&mut Reply)| {
            let mut session = Session::new(&environment, &config(2, 2), 0);
            let mut reply = reply(&session.request(), |_| vec!["1".into()]);
            change(&mut reply);
            session.take(&reply).unwrap_err().to_string()
        };
        assert!(fail(&|reply| reply.env.swap(0, 1)).contains("environments [1, 0]"));
        assert!(fail(&|reply| reply.item[1] = vec!["none".into()]).contains("`none`"));
        assert!(fail(&|reply| reply.item[1].clear()).contains("slate has 0 items"));
        assert!(fail(&|reply| reply.env.truncate(1)).contains("1 rows"));
    }
}
