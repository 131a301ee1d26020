//! From catalogue and states to what prompts tell of items and users.

mod asked;
mod fit;
mod summaries;

use std::collections::BTreeMap;
use std::path::Path;

use common::schema::items::Items;
use common::schema::states::States;
use common::schema::users::Users;
use common::{Error, Result, terminal};

use crate::model::Model;
use crate::prompt::{Item, User};
pub use asked::Asked;
pub(crate) use asked::require_same_making;
pub(crate) use fit::{Fit, most, warn_of_cut};
pub(crate) use summaries::Summaries;
pub use summaries::{History, Told};

/// The item of the catalogue with the code `code`.
pub fn item(catalogue: &Items, code: usize) -> Item {
    Item::new(
        &catalogue.title[code],
        catalogue.text[code].as_deref(),
        &catalogue.categories[code],
    )
}

/// The users of all states, in their order. Items that the catalogue lacks are left out, and counted in a warning.
///
/// # Errors
/// When the catalogue has none of the states' items; `place` is the file of the states.
pub fn users(states: &States, catalogue: &Items, users: Option<&Users>, place: &Path) -> Result<Vec<User>> {
    let mut describer = Describer::new(catalogue);
    let attributes = |id: &str| users.and_then(|users| users.attributes.get(users.ids.code(id)? as usize));
    let described = states.users.ids().enumerate();
    let described = described.map(|(row, id)| describer.user(states, row, attributes(id)));
    let described = described.collect();
    describer.check(place)?;
    describer.warn();
    Ok(described)
}

/// What makes users of states, a few at a time.
pub(crate) struct Describer<'a> {
    catalogue: &'a Items,
    unknown: Unknown,
    known_items: usize,
}

impl<'a> Describer<'a> {
    pub(crate) fn new(catalogue: &'a Items) -> Self {
        Describer {
            catalogue,
            unknown: Unknown::default(),
            known_items: 0,
        }
    }

    /// The user of a state, of whom `attributes` are known.
    pub(crate) fn user(
        &mut self,
        states: &States,
        row: usize,
        attributes: Option<&BTreeMap<String, String>>,
    ) -> User {
        let mut user = User::default();
        let mut categories = Vec::new();
        for (item_id, &liked) in states.items[row].iter().zip(&states.liked[row]) {
            let Some(code) = self.catalogue.ids.code(item_id) else {
                self.unknown.note(item_id);
                continue;
            };
            self.known_items += 1;
            let item = item(self.catalogue, code as usize);
            user.order.push(liked);
            if liked {
                user.liked.push(item.title);
                categories.extend(item.categories);
            } else {
                user.disliked.push(item.title);
            }
        }
        user.categories = User::frequent(&categories);
        user.attributes = attributes.map(User::attributes).unwrap_or_default();
        user
    }

    /// Requires that of the items so far one was known; `place` is the file of the states.
    ///
    /// # Errors
    /// When none was.
    pub(crate) fn check(&self, place: &Path) -> Result<()> {
        if self.unknown.count == 0 || self.known_items > 0 {
            return Ok(());
        }
        Err(Error::usage(format!(
            "none of the states' items is in the catalogue, such as `{}`",
            self.unknown.first
        ))
        .file(place)
        .hint("states and items must come from the same data"))
    }

    /// Says how many items were not known.
    pub(crate) fn warn(&self) {
        self.unknown.warn(|count| {
            let of = count + self.known_items;
            format!("{count} of {of} interactions are with items that the catalogue lacks")
        });
    }
}

/// What is wrong with a title that the model cannot be asked about.
pub(crate) fn refused(model: &Model, title: &str) -> Option<Error> {
    (!title.is_empty() && model.tokens(title).is_empty()).then(|| {
        Error::data(format!(
            "the model's tokeniser has no token for the title `{title}`"
        ))
        .hint("write the title in letters that the model knows")
    })
}

/// Ids that what they should stand in does not have.
#[derive(Default)]
pub(crate) struct Unknown {
    count: usize,
    /// The first of them, for messages.
    pub(crate) first: String,
}

impl Unknown {
    pub(crate) fn note(&mut self, id: &str) {
        if self.count == 0 {
            self.first = id.to_string();
        }
        self.count += 1;
    }

    /// Says that they are left out, where there are any; `what` says of a count what they are.
    pub(crate) fn warn(&self, what: impl FnOnce(usize) -> String) {
        if self.count > 0 {
            let (what, first) = (what(self.count), &self.first);
            terminal::warn(&format!("{what}, such as `{first}`: left out"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Template, Templates};
    use crate::vocab::Domain;
    use common::ids::{Dictionary, IdKind};

    fn ids(names: &[&str]) -> Dictionary {
        Dictionary::from_values(IdKind::Text, names.iter().map(|n| n.to_string())).unwrap()
    }

    fn catalogue() -> Items {
        Items {
            ids: ids(&["1", "2"]),
            title: vec!["Alien".into(), "Heat".into()],
            text: vec![None, None],
            categories: vec![vec!["Horror".into()], vec![]],
        }
    }

    fn states(items: &[&str], liked: &[bool]) -> States {
        States {
            users: ids(&["u"]),
            items: vec![items.iter().map(|i| i.to_string()).collect()],
            feedback: vec![vec![1.0; items.len()]],
            liked: vec![liked.to_vec()],
            interactions: vec![2],
            state_hash: vec!["h".into()],
        }
    }

    /// The user's own part of the prompt.
    fn prompt_of(states: &States, users: Option<&Users>) -> Result<String> {
        let templates = Templates::load(Domain::Film, None, &[Template::User])?;
        let described = super::users(states, &catalogue(), users, Path::new("s"))?;
        let beginning = templates.user_beginning()?;
        Ok(templates.user(&described[0])?[beginning.len()..].to_string())
    }

    #[test]
    fn a_state_tells_likes_dislikes_and_attributes_by_title() {
        let users = Users {
            ids: ids(&["u"]),
            attributes: vec![BTreeMap::from([("job".to_string(), "pilot".to_string())])],
        };
        let prompt = prompt_of(&states(&["2", "1"], &[true, false]), Some(&users)).unwrap();
        assert!(prompt.contains("Liked: Heat\n"), "{prompt}");
        assert!(prompt.contains("Disliked: Alien\n"), "{prompt}");
        assert!(prompt.contains("Viewer: job pilot\n"), "{prompt}");
        assert!(
            !prompt.contains("Genres: Horror"),
            "only liked films count: {prompt}"
        );
    }

    #[test]
    fn an_empty_state_tells_attributes_alone() {
        let users = Users {
            ids: ids(&["u"]),
            attributes: vec![BTreeMap::from([("job".to_string(), "pilot".to_string())])],
        };
        let prompt = prompt_of(&states(&[], &[]), Some(&users)).unwrap();
        assert!(prompt.contains("Viewer: job pilot\n"), "{prompt}");
        assert!(
            !prompt.contains("Liked:") && !prompt.contains("Genres:"),
            "{prompt}"
        );
        assert!(prompt_of(&states(&[], &[]), None).is_ok());
    }

    #[test]
    fn items_that_the_catalogue_lacks_are_left_out_unless_all_are() {
        let prompt = prompt_of(&states(&["9", "1"], &[true, true]), None).unwrap();
        assert!(
            prompt.contains("Liked: Alien\n") && !prompt.contains("Disliked"),
            "{prompt}"
        );
        let refused = prompt_of(&states(&["8", "9"], &[true, true]), None).unwrap_err();
        assert!(
            refused.to_string().contains("none of the states' items"),
            "{refused}"
        );
    }

    #[test]
    fn an_item_tells_title_and_categories() {
        let templates = Templates::load(Domain::Film, None, &[Template::Item]).unwrap();
        let beginning = templates.item_beginning().unwrap().len();
        let own = |row: usize| templates.item(&item(&catalogue(), row)).unwrap()[beginning..].to_string();
        assert!(own(0).contains("Alien\nGenre: Horror\n"), "{}", own(0));
        assert!(!own(1).contains("Genre"), "{}", own(1));
    }
}
