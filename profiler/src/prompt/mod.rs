//! Prompts: MiniJinja templates in plain files.
//!
//! A template gets its subject as `item` (`title`, `text`, `categories`) or `user` (`liked`, `disliked`,
//! `categories`, `attributes`, and `summary` with `likes`, `avoids`, `next` and `about`); all are empty in the rendering
//! that calibrates (the subject left out). The prompt must end where the next word would be the trait, the title that the
//! user likes next, or the label of the choice among `candidates` (`label`, `title`).

mod subject;

use std::path::Path;

use common::fingerprint::Fingerprint;
use common::{Error, Result, input};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use crate::vocab::Domain;
pub(crate) use subject::clean;
pub use subject::{Item, User};

/// A template by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Template {
    /// What the traits of an item are read from.
    Item,
    /// What the traits of a user's state are read from.
    User,
    /// What the title that a user likes next would follow.
    Prefer,
    /// What the label of a user's choice would follow.
    Choose,
    /// What a user's profile is written from.
    Summarise,
    /// What the titles of well-known items would follow. A folder need not have it, and goods have none: how probable the
    /// name of a good is says nothing of how well it sells.
    Fame,
}

impl Template {
    /// Its file in a folder of templates.
    fn file(self) -> &'static str {
        match self {
            Template::Item => "item.jinja",
            Template::User => "user.jinja",
            Template::Prefer => "prefer.jinja",
            Template::Choose => "choose.jinja",
            Template::Summarise => "summarise.jinja",
            Template::Fame => "fame.jinja",
        }
    }

    /// The text of `domain`'s own.
    fn built_in(self, domain: Domain) -> &'static str {
        match (self, domain) {
            (Template::Item, Domain::Film) => include_str!("film/item.jinja"),
            (Template::User, Domain::Film) => include_str!("film/user.jinja"),
            (Template::Item, Domain::Music) => include_str!("music/item.jinja"),
            (Template::User, Domain::Music) => include_str!("music/user.jinja"),
            (Template::Item, Domain::Shop) => include_str!("shop/item.jinja"),
            (Template::User, Domain::Shop) => include_str!("shop/user.jinja"),
            (Template::Prefer, Domain::Film) => include_str!("film/prefer.jinja"),
            (Template::Prefer, Domain::Music) => include_str!("music/prefer.jinja"),
            (Template::Prefer, Domain::Shop) => include_str!("shop/prefer.jinja"),
            (Template::Choose, Domain::Film) => include_str!("film/choose.jinja"),
            (Template::Choose, Domain::Music) => include_str!("music/choose.jinja"),
            (Template::Choose, Domain::Shop) => include_str!("shop/choose.jinja"),
            (Template::Summarise, Domain::Film) => include_str!("film/summarise.jinja"),
            (Template::Summarise, Domain::Music) => include_str!("music/summarise.jinja"),
            (Template::Summarise, Domain::Shop) => include_str!("shop/summarise.jinja"),
            (Template::Fame, Domain::Film) => include_str!("film/fame.jinja"),
            (Template::Fame, Domain::Music) => include_str!("music/fame.jinja"),
            (Template::Fame, Domain::Shop) => "",
        }
    }
}

/// The templates of a run.
pub struct Templates {
    environment: Environment<'static>,
    fingerprint: Fingerprint,
}

impl Templates {
    /// The templates `wanted`: from `folder`, which must hold all of them, else the built-in ones of `domain`.
    ///
    /// # Errors
    /// When one is missing or no template.
    pub fn load(domain: Domain, folder: Option<&Path>, wanted: &[Template]) -> Result<Self> {
        let text = |template: &Template| match folder {
            None => Ok(template.built_in(domain).to_string()),
            Some(folder) => {
                let path = folder.join(template.file());
                if *template == Template::Fame && !input::exists(&path) {
                    return Ok(String::new());
                }
                input::read_text("read the template", &path).map_err(|failed| {
                    let files: Vec<&str> = wanted.iter().map(|template| template.file()).collect();
                    failed.hint(format!("this verb takes {} from the folder", files.join(" and ")))
                })
            }
        };
        let texts = wanted.iter().map(text).collect::<Result<Vec<_>>>()?;
        let named = wanted.iter().copied().zip(texts).collect();
        Self::new(named, folder.unwrap_or(Path::new("built-in")))
    }

    fn new(texts: Vec<(Template, String)>, folder: &Path) -> Result<Self> {
        let fingerprint = Fingerprint::of_parts(texts.iter().map(|(_, text)| text.as_bytes()));
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // A line that holds only a block tag leaves no empty line behind.
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .map_err(|e| template_error(&e))?,
        );
        for (template, text) in texts {
            environment
                .add_template_owned(template.file(), text)
                .map_err(|e| {
                    template_error(&e)
                        .file(folder.join(template.file()))
                        .line(e.line().unwrap_or(1))
                })?;
        }
        Ok(Templates {
            environment,
            fingerprint,
        })
    }

    /// The fingerprint of all texts.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The prompt of an item.
    ///
    /// # Errors
    /// When the template asks for what items do not have.
    pub fn item(&self, item: &Item) -> Result<String> {
        self.render(Template::Item, context! { item => item.value() })
    }

    /// The prompt of a user's state.
    ///
    /// # Errors
    /// When the template asks for what users do not have.
    pub fn user(&self, user: &User) -> Result<String> {
        self.render(Template::User, context! { user => user.value() })
    }

    /// The prompt that the title a user likes next would follow.
    ///
    /// # Errors
    /// When the template asks for what users do not have.
    pub fn preference(&self, user: &User) -> Result<String> {
        self.render(Template::Prefer, context! { user => user.value() })
    }

    /// The prompt that the label of a user's choice among `candidates` (label, title) would follow.
    ///
    /// # Errors
    /// When the template asks for what users or candidates do not have.
    pub fn choice(&self, user: &User, candidates: &[(&str, &str)]) -> Result<String> {
        let candidates: Vec<minijinja::Value> = candidates
            .iter()
            .map(|&(label, title)| context! { label, title })
            .collect();
        self.render(Template::Choose, context! { user => user.value(), candidates })
    }

    /// The prompt that a user's profile, as JSON, would follow.
    ///
    /// # Errors
    /// When the template asks for what users do not have.
    pub fn summary(&self, user: &User) -> Result<String> {
        self.render(Template::Summarise, context! { user => user.value() })
    }

    /// The prompt that the titles of well-known items would follow, and the text that it begins with; none where the
    /// templates have none.
    ///
    /// # Errors
    /// When the template asks for anything.
    pub fn fame(&self) -> Result<Option<(String, String)>> {
        let prompt = self.render(Template::Fame, context! {})?;
        let beginning = common_beginning(std::slice::from_ref(&prompt));
        Ok((!prompt.trim().is_empty()).then_some((prompt, beginning)))
    }

    /// The text that item prompts begin with, whatever the item.
    ///
    /// # Errors
    /// As [`Templates::item`].
    pub fn item_beginning(&self) -> Result<String> {
        let prompts = Item::extremes()
            .iter()
            .map(|item| self.item(item))
            .collect::<Result<Vec<_>>>()?;
        Ok(common_beginning(&prompts))
    }

    /// The text that user prompts begin with, whatever the state.
    ///
    /// # Errors
    /// As [`Templates::user`].
    pub fn user_beginning(&self) -> Result<String> {
        let prompts = User::extremes()
            .iter()
            .map(|user| self.user(user))
            .collect::<Result<Vec<_>>>()?;
        Ok(common_beginning(&prompts))
    }

    /// The text that [`Templates::preference`] begins with, whatever the state.
    ///
    /// # Errors
    /// As [`Templates::preference`].
    pub fn preference_beginning(&self) -> Result<String> {
        let prompts = User::extremes()
            .iter()
            .map(|user| self.preference(user))
            .collect::<Result<Vec<_>>>()?;
        Ok(common_beginning(&prompts))
    }

    /// The text that [`Templates::choice`] begins with, whatever the state and the candidates.
    ///
    /// # Errors
    /// As [`Templates::choice`].
    pub fn choice_beginning(&self) -> Result<String> {
        let lists: [&[(&str, &str)]; 2] = [&[("A", "A")], &[("Z", "Z"), ("A", "A")]];
        let prompts = User::extremes()
            .iter()
            .flat_map(|user| lists.iter().map(move |list| self.choice(user, list)))
            .collect::<Result<Vec<_>>>()?;
        Ok(common_beginning(&prompts))
    }

    /// The text that [`Templates::summary`] begins with, whatever the state.
    ///
    /// # Errors
    /// As [`Templates::summary`].
    pub fn summary_beginning(&self) -> Result<String> {
        let prompts = User::extremes()
            .iter()
            .map(|user| self.summary(user))
            .collect::<Result<Vec<_>>>()?;
        Ok(common_beginning(&prompts))
    }

    fn render(&self, template: Template, subject: minijinja::Value) -> Result<String> {
        self.environment
            .get_template(template.file())
            .and_then(|template| template.render(subject))
            .map_err(|e| template_error(&e).at(template.file()).line(e.line().unwrap_or(1)))
    }
}

fn template_error(error: &minijinja::Error) -> Error {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_string);
    Error::usage(format!("the template does not work: {detail}")).hint(
        "templates know `item` (title, text, categories) or `user` (liked, disliked, categories, attributes, summary), \
         choose.jinja also `candidates` (a list of label, title)",
    )
}

/// The longest common beginning, cut before its last white space: tokens rarely reach across one, and those of
/// most tokenisers begin with it.
fn common_beginning(prompts: &[String]) -> String {
    let Some((first, others)) = prompts.split_first() else {
        return String::new();
    };
    let shared = others.iter().fold(first.len(), |shared, other| {
        let same = first
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        shared.min(same)
    });
    let shared = (0..=shared)
        .rev()
        .find(|&at| first.is_char_boundary(at))
        .unwrap_or(0);
    let beginning = &first[..shared];
    let end = beginning
        .rfind(char::is_whitespace)
        .map_or(0, |at| beginning[..at].trim_end().len());
    beginning[..end].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    const BOTH: [Template; 2] = [Template::Item, Template::User];

    fn templates(item: &str, user: &str) -> Result<Templates> {
        let texts = BOTH.into_iter().zip([item.into(), user.into()]);
        Templates::new(texts.collect(), Path::new("here"))
    }

    #[test]
    fn built_in_templates_render_and_share_a_beginning() {
        for &domain in Domain::value_variants() {
            let templates = Templates::load(domain, None, &BOTH).unwrap();
            let item = Item::new("Heat & Dust", Some("A long\n text"), &["Drama".into()]);
            let prompt = templates.item(&item).unwrap();
            assert!(
                prompt.contains("Heat & Dust") && prompt.contains("Drama"),
                "{prompt}"
            );
            assert!(prompt.starts_with(&templates.item_beginning().unwrap()));
            let user = User {
                liked: vec!["Heat".into()],
                disliked: vec!["Dust".into()],
                ..User::default()
            };
            let prompt = templates.user(&user).unwrap();
            assert!(prompt.contains("Heat") && prompt.contains("Dust"), "{prompt}");
            assert!(prompt.starts_with(&templates.user_beginning().unwrap()));
            for empty in [templates.item(&Item::default()), templates.user(&User::default())] {
                let empty = empty.unwrap();
                assert_eq!(
                    empty.trim_end(),
                    empty,
                    "a prompt must end where a word with its space comes next"
                );
            }
        }
    }

    #[test]
    fn the_beginning_is_cut_before_white_space() {
        let cut = |a: &str, b: &str| common_beginning(&[a.into(), b.into()]);
        assert_eq!(cut("Film: Alien", "Film: Arrival"), "Film:");
        assert_eq!(cut("One two\n\nAlien", "One two\n\nHeat"), "One two");
        assert_eq!(cut("Alien", "Heat"), "");
        assert_eq!(cut("Né à", "Né ô"), "Né");
    }

    #[test]
    fn a_template_that_asks_for_too_much_is_refused_with_its_line() {
        let broken = templates("\n{% if %}", "x").err().unwrap().to_string();
        assert!(
            broken.contains("item.jinja") && broken.contains("line 2"),
            "{broken}"
        );
        let unknown = templates("a\n{{ item.price }}", "x")
            .unwrap()
            .item(&Item::default())
            .unwrap_err();
        assert!(unknown.to_string().contains("line 2"), "{unknown}");
    }

    #[test]
    fn nothing_is_escaped() {
        let templates = templates("{{ item.title }}:", "x").unwrap();
        assert_eq!(
            templates.item(&Item::new("<a> & {{ b }}", None, &[])).unwrap(),
            "<a> & {{ b }}:"
        );
    }
}
