//! Items that may be recommended: all but those that were retired, until they are restored.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use common::ids::Dictionary;

/// The retired items of one catalogue.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    retired: Arc<BTreeSet<String>>,
    /// The codes of all others; none where no item of the catalogue is retired, so that nothing need be looked at.
    open: Option<Vec<u32>>,
}

impl Shelf {
    /// By the ids of retired items, which may be those of another catalogue too.
    pub(super) fn new(retired: Arc<BTreeSet<String>>, items: &Dictionary) -> Self {
        let closed: BTreeSet<u32> = retired.iter().filter_map(|id| items.code(id)).collect();
        let open = || {
            (0..items.len() as u32)
                .filter(|code| !closed.contains(code))
                .collect()
        };
        Shelf {
            open: (!closed.is_empty()).then(open),
            retired,
        }
    }

    /// The ids of retired items.
    pub(super) fn retired(&self) -> &Arc<BTreeSet<String>> {
        &self.retired
    }

    /// Of these candidates (none: of all items) those that are not retired; both ascending.
    pub(super) fn among<'a>(&'a self, candidates: Option<&'a [u32]>) -> Option<Cow<'a, [u32]>> {
        match (&self.open, candidates) {
            (None, candidates) => candidates.map(Cow::Borrowed),
            (Some(open), None) => Some(Cow::Borrowed(open)),
            (Some(open), Some(candidates)) => {
                let is_open = |code: &u32| open.binary_search(code).is_ok();
                Some(candidates.iter().copied().filter(is_open).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::IdKind;

    #[test]
    fn what_is_retired_is_no_candidate() {
        let items = Dictionary::from_values(IdKind::Text, ["a", "b", "c"].map(String::from)).unwrap();
        let of = |retired: &[&str]| {
            let retired = retired.iter().map(ToString::to_string).collect();
            Shelf::new(Arc::new(retired), &items)
        };
        for retired in [&[][..], &["of another catalogue"]] {
            assert_eq!(of(retired).among(None), None);
            assert_eq!(of(retired).among(Some(&[2])).as_deref(), Some(&[2][..]));
        }
        let shelf = of(&["b"]);
        assert_eq!(shelf.among(None).as_deref(), Some(&[0, 2][..]));
        assert_eq!(shelf.among(Some(&[0, 1])).as_deref(), Some(&[0][..]));
        assert_eq!(shelf.among(Some(&[1])).as_deref(), Some(&[][..]));
        assert_eq!(of(&["a", "b", "c"]).among(None).as_deref(), Some(&[][..]));
    }
}
