//! The prompts of what is shown, as `traits` would write them.

use std::path::Path;

use common::Result;
use common::schema::items::Items;
use common::schema::profiles::Kind;
use common::schema::states::States;
use common::schema::users;

use super::Config;
use super::choose::Subject;
use crate::prompt::{Template, Templates};
use crate::subjects;
use crate::vocab::Domain;

/// The prompts of some items and users; none of those that the catalogue or the states do not have.
pub(super) struct Prompts {
    item_beginning: String,
    user_beginning: String,
    /// Kind and whole prompt of each.
    texts: Vec<Option<(Kind, String)>>,
}

impl Prompts {
    /// Those of `subjects`.
    ///
    /// # Errors
    /// When a template or the users cannot be read.
    pub(super) fn of(
        chosen: &[Subject],
        config: &Config,
        domain: Domain,
        catalogue: &Items,
        states: Option<&States>,
    ) -> Result<Self> {
        let wanted = [Template::Item, Template::User];
        let templates = Templates::load(domain, config.templates.as_deref(), &wanted)?;
        let users = config.users.as_deref().map(users::read).transpose()?;
        let place = config.states.as_deref().unwrap_or(Path::new("states"));
        let mut texts = vec![None; chosen.len()];
        let mut rows = Vec::new();
        for (at, subject) in chosen.iter().enumerate() {
            match subject.kind {
                Kind::Item => {
                    if let Some(code) = catalogue.ids.code(&subject.id) {
                        let text = templates.item(&subjects::item(catalogue, code as usize))?;
                        texts[at] = Some((Kind::Item, text));
                    }
                }
                Kind::User => {
                    let row = states.and_then(|states| states.users.code(&subject.id));
                    rows.extend(row.map(|row| (at, row)));
                }
            }
        }
        if let (Some(states), false) = (states, rows.is_empty()) {
            let some = some_of(states, rows.iter().map(|&(_, row)| row));
            let described = subjects::users(&some, catalogue, users.as_ref(), place)?;
            for ((at, _), user) in rows.into_iter().zip(described) {
                texts[at] = Some((Kind::User, templates.user(&user)?));
            }
        }
        Ok(Prompts {
            item_beginning: templates.item_beginning()?,
            user_beginning: templates.user_beginning()?,
            texts,
        })
    }

    /// What all prompts of a kind begin with.
    pub(super) fn beginning(&self, kind: Kind) -> &str {
        match kind {
            Kind::Item => &self.item_beginning,
            Kind::User => &self.user_beginning,
        }
    }

    /// The rest of the prompt of the subject at `at`.
    pub(super) fn own(&self, at: usize) -> Option<&str> {
        let (kind, text) = self.texts[at].as_ref()?;
        Some(text.strip_prefix(self.beginning(*kind)).unwrap_or(text))
    }

    /// The whole prompts of a kind, by the place of their subject.
    pub(super) fn whole(&self, kind: Kind) -> impl Iterator<Item = (usize, &str)> {
        let texts = self.texts.iter().enumerate();
        texts.filter_map(move |(at, text)| match text {
            Some((of, text)) if *of == kind => Some((at, text.as_str())),
            _ => None,
        })
    }
}

/// The states in `rows`.
fn some_of(states: &States, rows: impl Iterator<Item = u32>) -> States {
    let mut some = States::default();
    for row in rows {
        some.users.intern(states.users.id(row));
        let row = row as usize;
        some.items.push(states.items[row].clone());
        some.feedback.push(states.feedback[row].clone());
        some.liked.push(states.liked[row].clone());
        some.interactions.push(states.interactions[row]);
        some.state_hash.push(states.state_hash[row].clone());
    }
    some
}
