//! How it looks in a terminal.

use common::schema::profiles::{Kind, Profiles};
use serde_json::Value;

use super::answers::Answer;
use super::choose::Subject;

/// Columns of a line, where words allow.
pub(super) const WIDTH: usize = 96;
/// Columns of the labels on the left.
const LABEL: usize = 13;

/// The text in the making.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// What all prompts of a kind begin with.
    pub(super) fn beginning(&mut self, kind: Kind, text: &str) {
        self.0 += &format!("every prompt of {} begins with\n", of(kind));
        self.quote(text, 2);
        self.0.push('\n');
    }

    /// Who it is.
    pub(super) fn heading(&mut self, subject: &Subject, title: Option<&str>) {
        self.0 += &format!("{} {}", subject.kind.as_str(), subject.id);
        if let Some(title) = title {
            self.0 += &format!("  {title}");
        }
        self.0.push('\n');
    }

    /// Some texts after a label; nothing where there is none.
    pub(super) fn list(&mut self, label: &str, texts: &[String], between: &str) {
        if !texts.is_empty() {
            self.wrapped(label, texts.iter().map(String::as_str), between);
        }
    }

    /// The strongest and the weakest traits, and how sure the model was.
    pub(super) fn traits(&mut self, profiles: &Profiles, row: usize, top: usize) {
        let traits = profiles.traits_of(row);
        let mut order: Vec<usize> = (0..traits.len()).collect();
        order.sort_by(|&a, &b| traits[b].total_cmp(&traits[a]).then(a.cmp(&b)));
        let named = |&at: &usize| format!("{} {:+.2}", profiles.vocabulary[at], traits[at]);
        let most: Vec<String> = order.iter().take(top).map(named).collect();
        let least: Vec<String> = order.iter().rev().take(top).map(named).collect();
        self.list("most", &most, "  ");
        self.list("least", &least, "  ");
        self.list("confidence", &[format!("{:.3}", profiles.confidence[row])], "");
        if let Some(fame) = profiles.fame_of(row) {
            self.list("fame", &[format!("{fame:.1}")], "");
        }
    }

    /// A summary: field by field where it is an object, else as it is.
    pub(super) fn summary(&mut self, summary: &str) {
        let Ok(Value::Object(fields)) = serde_json::from_str(summary) else {
            self.list("summary", &[summary.to_string()], "");
            return;
        };
        for (name, value) in &fields {
            let texts: Vec<String> = match value {
                Value::Array(values) => values.iter().map(plain).collect(),
                one => vec![plain(one)],
            };
            self.list(name, &texts, ", ");
        }
    }

    /// The part of a prompt that is its subject's own.
    pub(super) fn own_prompt(&mut self, text: &str) {
        self.0 += "  its prompt ends with\n";
        self.quote(text.trim_start_matches('\n'), 4);
    }

    /// What the model makes of the prompt.
    pub(super) fn answer(&mut self, answer: &Answer, tokens: bool) {
        let next = |(text, p): &(String, f64)| format!("{text:?} {:.1} %", 100.0 * p);
        self.list("next", &answer.next.iter().map(next).collect::<Vec<_>>(), "  ");
        let own = answer.tokens.len() - answer.shared;
        let count = format!("{}, {own} of them its own", answer.tokens.len());
        self.list("tokens", &[count], "");
        if tokens {
            let own: Vec<String> = answer.tokens[answer.shared..]
                .iter()
                .map(|text| visible(text))
                .collect();
            self.list("its own", &own, " ");
        }
    }

    /// Ends one item or user.
    pub(super) fn end(&mut self) {
        self.0.push('\n');
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        format!("{}\n", self.0.trim_end())
    }

    /// Lines of a prompt; those too long for a line go on after a colon.
    fn quote(&mut self, text: &str, indent: usize) {
        for whole in text.lines() {
            let mut line = format!("{:indent$}| ", "");
            let start = line.len();
            for word in whole.split_inclusive(' ') {
                let full = line.chars().count() + word.trim_end().chars().count() > WIDTH;
                if full && line.len() > start {
                    self.0 += line.trim_end();
                    self.0.push('\n');
                    line = format!("{:indent$}: ", "");
                }
                line += word;
            }
            self.0 += line.trim_end();
            self.0.push('\n');
        }
    }

    /// Texts after a label, a new line before one that would reach beyond the width, or before a word of it where
    /// it is longer than a line.
    fn wrapped<'a>(&mut self, label: &str, texts: impl Iterator<Item = &'a str>, between: &str) {
        let mut line = format!("  {label:<width$}", width = LABEL - 2);
        if label.chars().count() >= LABEL - 2 {
            line.push(' ');
        }
        let mut texts = texts.peekable();
        while let Some(text) = texts.next() {
            let separator = if texts.peek().is_some() { between } else { "" };
            let room = WIDTH - LABEL;
            let pieces: Vec<&str> = match text.chars().count() > room {
                true => text.split_inclusive(' ').collect(),
                false => vec![text],
            };
            for piece in pieces {
                let full = line.chars().count() + piece.trim_end().chars().count() > WIDTH;
                if full && line.chars().count() > LABEL {
                    self.0 += line.trim_end();
                    self.0.push('\n');
                    line = " ".repeat(LABEL);
                }
                line += piece;
            }
            line += separator;
        }
        self.0 += line.trim_end();
        self.0.push('\n');
    }
}

/// A token with its spaces and line ends to be seen.
fn visible(token: &str) -> String {
    let shown = |letter: char| match letter {
        ' ' => "\u{b7}".to_string(),
        letter if letter.is_control() => letter.escape_default().to_string(),
        letter => letter.to_string(),
    };
    token.chars().map(shown).collect()
}

fn of(kind: Kind) -> &'static str {
    match kind {
        Kind::Item => "an item",
        Kind::User => "a user",
    }
}

/// A JSON value as a person would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Profiles {
        Profiles {
            vocabulary: ["sad", "funny", "dark"].map(String::from).to_vec(),
            traits: vec![0.5, 2.0, -1.0],
            confidence: vec![0.1],
            ..Profiles::default()
        }
    }

    #[test]
    fn traits_are_shown_from_both_ends() {
        let mut page = Page::default();
        page.traits(&profiles(), 0, 2);
        let expected =
            "  most       funny +2.00  sad +0.50\n  least      dark -1.00  sad +0.50\n  confidence 0.100\n";
        assert_eq!(page.0, expected);
    }

    #[test]
    fn a_summary_is_shown_field_by_field() {
        let mut page = Page::default();
        page.summary(r#"{"likes": ["old films", "rain"], "age": 31, "none": []}"#);
        assert_eq!(page.0, "  age        31\n  likes      old films, rain\n");
        let mut page = Page::default();
        page.summary("not JSON");
        assert_eq!(page.0, "  summary    not JSON\n");
    }

    #[test]
    fn long_lists_and_long_texts_are_wrapped() {
        let mut page = Page::default();
        let words: Vec<String> = (0..40).map(|n| format!("word number {n}")).collect();
        page.list("liked", &words, "; ");
        page.list("summary", &["so ".repeat(80)], "");
        page.quote(&"and so on ".repeat(30), 4);
        assert!(
            page.0.lines().all(|line| line.chars().count() <= WIDTH),
            "{}",
            page.0
        );
        assert!(page.0.lines().count() > 8);
        assert!(!page.0.contains("number\n"), "{}", page.0);
    }

    #[test]
    fn tokens_are_shown_with_their_spaces_and_line_ends() {
        let mut page = Page::default();
        let answer = Answer {
            tokens: ["Film", ":", " Heat", "\n"].map(String::from).to_vec(),
            shared: 1,
            next: vec![(" scary".into(), 0.123)],
        };
        page.answer(&answer, true);
        let expected = "  next       \" scary\" 12.3 %\n  tokens     4, 3 of them its own\n  its own    : \u{b7}Heat \\n\n";
        assert_eq!(page.0, expected);
    }
}
