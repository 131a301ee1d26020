//! The model's own chat template.
//!
//! llama.cpp recognises the templates that models carry and lays out a conversation by its own code for each: it
//! runs no foreign program, and knows the templates that are in use. What it does not recognise is treated as a
//! model without a template.

use llama_cpp_2::model::LlamaChatMessage;

use super::Model;

/// Stands for the message while the template is asked where it goes; no template has a use for it.
const MESSAGE: &str = "<headstart message>";

/// The tokens around a user's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Up to the message.
    pub before: Vec<i32>,
    /// From its end to where the answer begins.
    pub after: Vec<i32>,
}

impl Model {
    /// The layout of a question and the beginning of an answer; none for a model that is not made for chat.
    pub fn chat(&self) -> Option<Chat> {
        let template = self.inner.chat_template(None).ok()?;
        let message = LlamaChatMessage::new("user".into(), MESSAGE.into()).ok()?;
        let text = self.inner.apply_chat_template(&template, &[message], true).ok()?;
        let (before, after) = text.split_once(MESSAGE)?;
        // The template's marks are marks; what is put between them never is, see `Model::tokens`.
        let tokens = |text: &str| {
            let tokens = self.inner.vocab().tokenize(text.as_bytes(), false, true);
            tokens.iter().map(|token| token.0).collect::<Vec<i32>>()
        };
        let mut before = tokens(before);
        let start: Vec<i32> = self.beginning().iter().map(|token| token.0).collect();
        // Some templates write the mark of the beginning themselves.
        if !before.starts_with(&start) {
            before.splice(..0, start);
        }
        Some(Chat {
            before,
            after: tokens(after),
        })
    }
}
