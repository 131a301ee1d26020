//! What stands around a user in the prompt: the template, and the model's chat template around that.

use common::Result;

use super::Chat;
use crate::model::{self, Model};
use crate::prompt::{Templates, User};

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

    /// The prompt of a user behind the prefix.
    pub(super) fn tail(&self, user: &User) -> Result<Vec<i32>> {
        let prompt = self.templates.summary(user)?;
        let rest = prompt.strip_prefix(&self.beginning).unwrap_or(&prompt);
        let mut tail = self.tokens(rest);
        tail.extend(&self.after);
        Ok(tail)
    }

    fn tokens(&self, text: &str) -> Vec<i32> {
        self.model.tokens(text).iter().map(|token| token.0).collect()
    }
}
