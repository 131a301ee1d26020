//! Prompts that are too long for the model: a user's oldest interactions are left out of them.

use common::{Result, terminal};

use crate::batch::longest;
use crate::model::Model;
use crate::prompt::User;

/// What cuts prompts to the model's window.
pub(crate) struct Fit<'a> {
    model: &'a Model,
    beginning: &'a str,
    /// Tokens after the beginning.
    room: usize,
    cut: usize,
}

impl<'a> Fit<'a> {
    /// For prompts that begin with `beginning` and are followed by up to `more` tokens.
    pub(crate) fn new(model: &'a Model, beginning: &'a str, more: usize) -> Self {
        let taken = model.beginning().len() + model.tokens(beginning).len() + more;
        Fit {
            model,
            beginning,
            room: longest(model).saturating_sub(taken),
            cut: 0,
        }
    }

    /// `whole`, the prompt of `user`, or what `render` makes of that user with as many of the latest titles as the window takes. Where not even the prompt without
    /// any fits, it is given whole, for whoever evaluates it to refuse.
    ///
    /// # Errors
    /// Those of `render`.
    pub(crate) fn prompt(
        &mut self,
        whole: String,
        user: &User,
        render: impl Fn(&User) -> Result<String>,
    ) -> Result<String> {
        if self.fits(&whole) {
            return Ok(whole);
        }
        let found = most(user.order.len(), |titles| {
            let text = render(&user.latest(titles))?;
            Ok(self.fits(&text).then_some(text))
        })?;
        self.cut += usize::from(found.is_some());
        Ok(found.unwrap_or(whole))
    }

    fn fits(&self, text: &str) -> bool {
        let rest = text.strip_prefix(self.beginning).unwrap_or(text);
        // A token is a byte of text or more, but for a mark that some tokenisers put before it.
        rest.len() < self.room || self.model.tokens(rest).len() <= self.room
    }

    /// Says how many prompts were cut.
    pub(crate) fn warn(&self) {
        warn_of_cut(self.cut);
    }
}

/// Says how many prompts were cut.
pub(crate) fn warn_of_cut(cut: usize) {
    if cut > 0 {
        terminal::warn(&format!(
            "{cut} prompts are longer than the model's window: the oldest interactions are left out of them"
        ));
    }
}

/// What `of` makes of the largest number below `all` for which it makes anything; a smaller one is taken to fit where a larger
/// one does.
///
/// # Errors
/// Those of `of`.
pub(crate) fn most<T>(all: usize, of: impl Fn(usize) -> Result<Option<T>>) -> Result<Option<T>> {
    let (mut low, mut high, mut found) = (0, all, None);
    while low < high {
        let middle = low.midpoint(high);
        match of(middle)? {
            Some(made) => (low, found) = (middle + 1, Some(made)),
            None => high = middle,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::most;

    #[test]
    fn the_largest_that_fits_is_found() {
        for (all, fits, expected) in [
            (10, 7, Some(6)),
            (10, 0, None),
            (0, 5, None),
            (5, 9, Some(4)),
            (1, 1, Some(0)),
        ] {
            let found = most(all, |number| Ok((number < fits).then_some(number))).unwrap();
            assert_eq!(found, expected);
        }
    }
}
