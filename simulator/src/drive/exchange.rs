//! Environments seen through step frames: what to ask, and what an answer leads to.

use common::frame::{Hello, PROTOCOL, Reply, Request};
use common::{Error, Result};

use crate::environment::Environment;
use crate::environment::rules::{End, Rules};
use crate::environment::vector::{Outcome, VectorEnvironment};

/// Bytes that the streams buffer: a frame of a thousand environments is some tens of kilobytes, and should take one
/// system call each way.
pub(crate) const BUFFER: usize = 1 << 16;

/// The environments of one session with an agent.
pub(crate) struct Exchange<'a> {
    environment: &'a Environment,
    vector: VectorEnvironment<'a>,
    /// Environments that still take part, in order.
    live: Vec<u32>,
    /// What the last action of each environment gave; `None` at the start of an episode.
    last: Vec<Option<(u32, Outcome)>>,
    /// Whether an empty slate makes an environment wait, instead of being an error.
    may_wait: bool,
    request: Request,
}

/// What an environment says to its agent first.
pub(crate) fn hello(environment: &Environment, rules: &Rules, seed: u64) -> Hello {
    Hello {
        protocol: PROTOCOL,
        environment: environment.name_under(rules),
        items: environment.items.fingerprint(),
        seed,
        horizon: rules.horizon,
        slate: 1,
    }
}

impl<'a> Exchange<'a> {
    /// Environments 0 to `envs` - 1, each at the start of its first episode.
    pub(crate) fn new(environment: &'a Environment, rules: Rules, seed: u64, envs: u32) -> Self {
        Exchange {
            environment,
            vector: VectorEnvironment::new(environment, rules, seed, 0..envs),
            live: (0..envs).collect(),
            last: vec![None; envs as usize],
            may_wait: false,
            request: Request::default(),
        }
    }

    /// Lets the other side answer a row with an empty slate: its user is shown nothing, and the row comes again. So
    /// learners can begin the next episode where one is over and keep the other environments where they are.
    pub(crate) fn letting_wait(mut self) -> Self {
        self.may_wait = true;
        self
    }

    /// Whether no environment takes part any more.
    pub(crate) fn is_over(&self) -> bool {
        self.live.is_empty()
    }

    /// The next vector step.
    pub(crate) fn request(&mut self) -> &Request {
        let request = &mut self.request;
        request.clear();
        for &env in &self.live {
            let at = env as usize;
            let user = self.vector.user(at);
            request.env.push(env);
            request.user_id.push(self.environment.users.id(user));
            request.step.push(self.vector.step_of(at));
            let end = match self.last[at] {
                Some((item, outcome)) => {
                    request.last_item.push(self.environment.items.id(item));
                    request.reward.push(Some(outcome.reward));
                    outcome.end
                }
                None => {
                    request.last_item.push_null();
                    request.reward.push(None);
                    None
                }
            };
            request.done.push(end.is_some());
            request.truncated.push(end == Some(End::Truncated));
        }
        request
    }

    /// Steps every live environment by the reply. `stepped` sees what each action gave; an environment whose next
    /// episode `begins` refuses takes part no more.
    ///
    /// # Errors
    /// A reply that breaks the protocol; environments before the bad row have been stepped.
    pub(crate) fn take(
        &mut self,
        reply: &Reply,
        mut stepped: impl FnMut(&VectorEnvironment<'_>, usize, Outcome),
        begins: impl Fn(&VectorEnvironment<'_>, usize) -> bool,
    ) -> Result<()> {
        if reply.env != self.live {
            return Err(Error::data(format!(
                "its reply has {} rows for environments {:?}, the request had {} for {:?}",
                reply.env.len(),
                brief(&reply.env),
                self.live.len(),
                brief(&self.live)
            )));
        }
        let mut ended = false;
        for (row, &env) in self.live.iter().enumerate() {
            let at = env as usize;
            let (episode, step) = (self.vector.episode(at), self.vector.step_of(at));
            let place = |error: Error| {
                error
                    .row(row)
                    .at(format!("environment {env}, its episode {episode}, step {step}"))
            };
            if self.last[at].is_some_and(|(_, outcome)| outcome.end.is_some()) {
                let count = reply.item.row(row).len();
                if count > 0 {
                    return Err(place(Error::data(format!(
                        "its slate has {count} items where the episode is over"
                    ))));
                }
                // The answer to the end of an episode holds no action; this step begins the next episode.
                self.vector.step_one(at, 0);
                self.last[at] = None;
                ended = true;
                continue;
            }
            if self.may_wait && reply.item.row(row).len() == 0 {
                continue;
            }
            let action = action(reply, row, self.environment).map_err(place)?;
            let outcome = self.vector.step_one(at, action);
            self.last[at] = Some((action, outcome));
            stepped(&self.vector, at, outcome);
        }
        if ended {
            let (vector, last) = (&self.vector, &self.last);
            self.live
                .retain(|&env| last[env as usize].is_some() || begins(vector, env as usize));
        }
        Ok(())
    }
}

/// The item of a slate of one, as its code.
fn action(reply: &Reply, row: usize, environment: &Environment) -> Result<u32> {
    let Some(item) = reply.item.single(row) else {
        let count = reply.item.row(row).len();
        return Err(Error::data(format!(
            "its slate has {count} items where 1 is asked for"
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
pub(super) mod tests {
    use super::*;
    use crate::environment::tests::small;

    /// A reply of `choose`'s items to the rows that are not over.
    pub(crate) fn reply(request: &Request, choose: impl Fn(usize) -> String) -> Reply {
        let rows = request.len();
        let mut reply = Reply {
            env: request.env.clone(),
            propensity: vec![1.0; rows],
            policy_version: vec![0; rows],
            ..Reply::default()
        };
        for row in 0..rows {
            let item = (!request.done[row]).then(|| choose(row));
            reply.item.push(item.as_deref());
        }
        reply
    }

    #[test]
    fn replies_that_break_the_protocol_are_refused() {
        let environment = small();
        let fail = |change: &dyn Fn(&mut Reply)| {
            let mut exchange = Exchange::new(&environment, Rules::fixed(3), 0, 2);
            let mut reply = reply(exchange.request(), |_| "1".into());
            change(&mut reply);
            let taken = exchange.take(&reply, |_, _, _| {}, |_, _| true);
            taken.unwrap_err().to_string()
        };
        let second = |reply: &mut Reply, slate: &[&'static str]| {
            reply.item.pop();
            reply.item.push(slate.iter().copied());
        };
        assert!(fail(&|reply| reply.env.swap(0, 1)).contains("environments [1, 0]"));
        assert!(fail(&|reply| second(reply, &["none"])).contains("`none`"));
        assert!(fail(&|reply| second(reply, &[])).contains("slate has 0 items"));
        assert!(fail(&|reply| second(reply, &["1", "2"])).contains("slate has 2 items"));
        assert!(fail(&|reply| reply.env.truncate(1)).contains("1 rows"));
    }

    #[test]
    fn items_for_an_episode_that_is_over_are_refused() {
        let environment = small();
        for waits in [false, true] {
            let mut exchange = Exchange::new(&environment, Rules::fixed(1), 0, 2);
            exchange.may_wait = waits;
            let chosen = reply(exchange.request(), |_| "1".into());
            exchange.take(&chosen, |_, _, _| {}, |_, _| true).unwrap();
            let mut answer = reply(exchange.request(), |_| "1".into());
            answer.item.pop();
            answer.item.push(["2"]);
            let refused = exchange.take(&answer, |_, _, _| {}, |_, _| true);
            let said = refused.unwrap_err().to_string();
            for words in [
                "1 items",
                "episode is over",
                "row 1",
                "environment 1, its episode 0, step 1",
            ] {
                assert!(said.contains(words), "{said}");
            }
        }
    }

    #[test]
    fn an_environment_that_waits_is_asked_again() {
        let environment = small();
        let mut exchange = Exchange::new(&environment, Rules::fixed(2), 0, 2).letting_wait();
        // The second environment acts in the first step alone, so the first begins its next episode beside it.
        for step in 0..5 {
            let request = exchange.request().clone();
            assert_eq!(request.step, [step % 3, step.min(1)]);
            assert_eq!(request.reward[1].is_some(), step > 0);
            let mut reply = reply(&request, |_| step.to_string());
            if step > 0 {
                reply.item.pop();
                reply.item.push(None);
            }
            exchange.take(&reply, |_, _, _| {}, |_, _| true).unwrap();
        }
    }

    #[test]
    fn frames_tell_how_an_episode_ended() {
        let environment = small();
        // A patience of 1 ends most episodes early, the horizon of 2 the others.
        let mut exchange = Exchange::new(&environment, Rules::leave(2, 1, 9), 0, 16);
        let (mut truncated, mut terminated) = (0, 0);
        for _ in 0..200 {
            let request = exchange.request().clone();
            for row in 0..request.len() {
                assert!(request.done[row] || !request.truncated[row]);
                if request.done[row] {
                    let liked = request.reward[row] == Some(1.0);
                    assert_eq!(request.truncated[row], liked && request.step[row] == 2);
                    truncated += u32::from(request.truncated[row]);
                    terminated += u32::from(!request.truncated[row]);
                }
            }
            let reply = reply(&request, |row| ((request.step[row] + 3) % 6).to_string());
            exchange.take(&reply, |_, _, _| {}, |_, _| true).unwrap();
        }
        assert!(truncated > 50 && terminated > 50, "{truncated} {terminated}");
    }
}
