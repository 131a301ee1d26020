//! One seed: all its episodes against one agent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use common::frame::Reply;
use common::socket::Socket;
use common::terminal::Progress;
use common::{Error, Result};
use rayon::prelude::*;

use super::agent::Agent;
use super::exchange::{self, Exchange};
use super::exposure::{Exposure, Popularity};
use super::{Command, Config};
use crate::environment::Environment;
use crate::environment::interest::Interest;
use crate::environment::returns::References;
use crate::environment::vector::VectorEnvironment;

/// What one seed's episodes gave; episode e was played by environment e mod envs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    /// Return of each episode: the sum of its drawn rewards.
    pub returns: Vec<f64>,
    /// Expected return of each episode: the sum of the probabilities that its rewards were drawn with.
    pub expected: Vec<f64>,
    /// The oracle's expected return for each episode's user; empty where rewards are ratings.
    pub oracle: Vec<f64>,
    /// Actions that named an item consumed already.
    pub repeats: u64,
    /// All actions.
    pub steps: u64,
    /// Each episode's user.
    pub users: Vec<u32>,
    /// What was shown.
    pub exposure: Exposure,
    /// Whether rewards are ratings: they are their own expectation, and no oracle is known.
    pub are_ratings: bool,
}

/// Where agents come from.
pub(super) enum Source<'a> {
    /// A command starts one.
    Command(&'a Command),
    /// They connect.
    Socket(Socket),
}

/// What all seeds of a run share.
pub(super) struct Stage<'a> {
    pub(super) environment: &'a Environment,
    pub(super) config: &'a Config,
    pub(super) popularity: &'a Popularity,
    pub(super) source: &'a Source<'a>,
    pub(super) progress: &'a Progress,
    /// Set when the run is to end early.
    pub(super) stop: &'a AtomicBool,
}

impl Stage<'_> {
    /// Plays one seed. `None` when the run was stopped before the end.
    ///
    /// # Errors
    /// When the agent cannot be started, does not connect, fails, or breaks the protocol.
    pub(super) fn play(&self, seed: u64) -> Result<Option<Played>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let hello = exchange::hello(self.environment, &self.config.rules, seed);
        let (name, limit) = (format!("the agent of seed {seed}"), self.config.agent_timeout);
        let mut agent = match self.source {
            Source::Command(command) => Agent::start(&command.words(seed), &hello, name, limit)?,
            Source::Socket(socket) => {
                let stream = socket.accept(Some(limit)).map_err(|e| {
                    e.at(&name)
                        .hint("start one agent for every seed, or give it more time by --agent-timeout")
                })?;
                Agent::connected(&stream, &hello, name, limit)?
            }
        };
        let mut session = Session::new(self.environment, self.popularity, self.config, seed);
        while !session.exchange.is_over() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let reply = agent.ask(session.exchange.request()).and_then(|reply| {
                reply
                    .ok_or_else(|| Error::data("it closed its reply stream before the last episode was over"))
            });
            let reply = match reply {
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
    popularity: &'a Popularity,
    exchange: Exchange<'a>,
    episodes: u64,
    /// Each episode's user, and whose taste decided in it.
    users: Vec<(u32, Interest)>,
    played: Played,
}

impl<'a> Session<'a> {
    fn new(environment: &'a Environment, popularity: &'a Popularity, config: &Config, seed: u64) -> Self {
        let episodes = config.episodes as usize;
        Session {
            environment,
            popularity,
            exchange: Exchange::new(environment, config.rules, seed, config.envs()),
            episodes: config.episodes,
            users: vec![(0, Interest::own(0)); episodes],
            played: Played {
                returns: vec![0.0; episodes],
                expected: vec![0.0; episodes],
                exposure: Exposure::new(environment.items.len(), config.episodes),
                are_ratings: config.rules.easyrl4rec.is_some(),
                ..Played::default()
            },
        }
    }

    /// Steps every live environment by the reply; gives how many episodes it ended.
    fn take(&mut self, reply: &Reply) -> Result<u64> {
        let (played, users, episodes) = (&mut self.played, &mut self.users, self.episodes);
        let popularity = self.popularity;
        let mut ended = 0;
        self.exchange.take(
            reply,
            |vector, env, outcome| {
                let number = episode(vector, env);
                if let Some(&item) = vector.shown(env).last() {
                    played.exposure.add(item, number, popularity);
                }
                let episode = number as usize;
                users[episode] = (vector.user(env), vector.interest(env));
                played.returns[episode] += f64::from(outcome.reward);
                played.expected[episode] += f64::from(outcome.expected);
                played.steps += 1;
                played.repeats += u64::from(outcome.repeat);
                ended += u64::from(outcome.end.is_some());
            },
            |vector, env| episode(vector, env) < episodes,
        )?;
        Ok(ended)
    }

    fn into_played(mut self, config: &Config) -> Played {
        self.played.users = self.users.iter().map(|(user, _)| *user).collect();
        if self.played.are_ratings {
            return self.played;
        }
        let references = References::new(self.environment, config.rules);
        // Without drift an oracle's return is one per user; each is computed once.
        let mut asked: Vec<(u32, Interest)> = self.users.clone();
        asked.sort_unstable_by_key(|(user, interest)| (*user, interest.key()));
        asked.dedup();
        let oracle = |(user, interest): &(u32, Interest)| references.oracle(*user, interest);
        let returns: Vec<f64> = asked.par_iter().map(oracle).collect();
        let keys = asked.iter().map(|(user, interest)| (*user, interest.key()));
        let by_key: HashMap<_, f64> = keys.zip(returns).collect();
        self.played.oracle = self
            .users
            .iter()
            .map(|(user, interest)| by_key[&(*user, interest.key())])
            .collect();
        self.played
    }
}

/// The episode that environment `env` is in, counted over all environments.
fn episode(vector: &VectorEnvironment<'_>, env: usize) -> u64 {
    vector.episode(env) * vector.len() as u64 + env as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::exchange::tests::reply;
    use super::*;
    use crate::environment::rules::Rules;
    use crate::environment::tests::small;

    fn config(episodes: u64, envs: u32, drift: Option<u32>) -> Config {
        Config {
            environment: "".into(),
            method: "test".into(),
            agent: super::super::From::Socket("".into()),
            agent_timeout: Duration::from_secs(1),
            seed: 0,
            seeds: 1,
            episodes,
            envs,
            rules: Rules {
                drift,
                ..Rules::fixed(3)
            },
            by: Vec::new(),
            ratings: None,
            out: "".into(),
            overwrite: false,
            sharding: Default::default(),
        }
    }

    #[test]
    fn exactly_the_wanted_episodes_are_played_and_the_frames_follow_the_protocol() {
        let environment = small();
        for drift in [None, Some(2)] {
            let config = config(7, 3, drift);
            let popularity = Popularity::of(&environment);
            let mut session = Session::new(&environment, &popularity, &config, 0);
            let (mut ended, mut begun) = (0, [0; 3]);
            while !session.exchange.is_over() {
                let request = session.exchange.request().clone();
                for row in 0..request.len() {
                    let first = request.step[row] == 0;
                    begun[request.env[row] as usize] += usize::from(first);
                    assert_eq!(
                        first,
                        request.last_item.get(row).is_none() && request.reward[row].is_none()
                    );
                    assert_eq!(request.done[row], request.step[row] == 3);
                }
                let reply = reply(&request, |row| ((request.step[row] + 1) % 6).to_string());
                ended += session.take(&reply).unwrap();
            }
            assert_eq!((ended, begun, session.played.steps), (7, [3, 2, 2], 21));
            let played = session.into_played(&config);
            assert_eq!(played.users.len(), 7);
            let metrics = played.exposure.metrics(&popularity);
            let of = |name| metrics.iter().find(|(of, _)| *of == name).unwrap().1;
            // Items 1, 2 and 3 of six, each in every episode.
            assert_eq!(of(crate::metric::COVERAGE), 0.5);
            assert_eq!(of(crate::metric::GINI), 0.5);
            assert!(
                played
                    .oracle
                    .iter()
                    .zip(&played.expected)
                    .all(|(oracle, expected)| oracle >= expected)
            );
            assert!(played.expected.iter().all(|&expected| expected > 0.0));
        }
    }
}
