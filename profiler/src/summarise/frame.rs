//! What stands around a user in the prompt: the template, and the model's chat template around that.

use common::Result;

use super::Chat;
use super::task::{Subject, Task};
use crate::model::{self, Model};
use crate::prompt::{Templates, User};

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

    /// A user as the engine takes it.
    ///
    /// # Errors
    /// When the template asks for what users do not have, or prompt and profile do not fit the model's window.
    pub(super) fn subject(&self, user: &User, task: &Task) -> Result<Subject> {
        let user = user.recent(TITLES);
        let prompt = self.templates.summary(&user)?;
        let rest = prompt.strip_prefix(&self.beginning).unwrap_or(&prompt);
        let mut tail = self.tokens(rest);
        tail.extend(&self.after);
        task.check_length(&tail)?;
        Ok(Subject {
            tail,
            liked: user.liked,
            disliked: user.disliked,
        })
    }

    fn tokens(&self, text: &str) -> Vec<i32> {
        self.model.tokens(text).iter().map(|token| token.0).collect()
    }
}
