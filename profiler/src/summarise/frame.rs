//! What stands around a user in the prompt: the template, and the model's chat template around that.

use common::Result;

use super::Chat;
use super::task::{Subject, Task};
use crate::model::{self, Model};
use crate::prompt::{Templates, User};
use crate::subjects::most;

/// Titles of each kind that a prompt tells, the most recent: a longer history would not fit small models' windows.
const TITLES: usize = 20;

/// The frame of prompts, as tokens.
pub(super) struct Frame<'a> {
    model: &'a Model,
    templates: &'a Templates,
    beginning: String,
    /// What every prompt begins with.
    pub(super) prefix: Vec<i32>,
    /// What every prompt ends with.
    after: Vec<i32>,
    /// What stands between the prompt and the profile.
    pub(super) gap: &'static str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(model: &'a Model, templates: &'a Templates, chat: Chat) -> Result<Self> {
        let plain = model::Chat {
            before: model.beginning().iter().map(|token| token.0).collect(),
            after: Vec::new(),
        };
        let (layout, gap) = match chat {
            Chat::Auto => model.chat().map_or((plain, " "), |layout| (layout, "")),
            Chat::Never => (plain, " "),
        };
        let mut frame = Frame {
            model,
            templates,
            beginning: templates.summary_beginning()?,
            prefix: layout.before,
            after: layout.after,
            gap,
        };
        frame.prefix.extend(frame.tokens(&frame.beginning));
        Ok(frame)
    }

    /// A user as the engine takes it, with as many of the latest titles as the model's window takes, and whether that is not
    /// all of them. Where prompt and profile do not fit without any title, that is the user's own error.
    ///
    /// # Errors
    /// When the template asks for what users do not have.
    pub(super) fn subject(&self, user: &User, task: &Task) -> Result<Result<(Subject, bool)>> {
        let user = user.recent(TITLES);
        let whole = self.whole(&user)?;
        let Err(error) = task.check_length(&whole.tail) else {
            return Ok(Ok((whole, false)));
        };
        let found = most(user.order.len(), |titles| {
            let subject = self.whole(&user.latest(titles))?;
            Ok(task.check_length(&subject.tail).is_ok().then_some(subject))
        })?;
        Ok(found.map(|subject| (subject, true)).ok_or(error))
    }

    fn whole(&self, user: &User) -> Result<Subject> {
        let prompt = self.templates.summary(user)?;
        let rest = prompt.strip_prefix(&self.beginning).unwrap_or(&prompt);
        let mut tail = self.tokens(rest);
        tail.extend(&self.after);
        Ok(Subject {
            tail,
            liked: user.liked.clone(),
            disliked: user.disliked.clone(),
        })
    }

    fn tokens(&self, text: &str) -> Vec<i32> {
        self.model.tokens(text).iter().map(|token| token.0).collect()
    }
}
