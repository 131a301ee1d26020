//! What may be recommended, by what a request says: candidates, items that are left out, and rules over categories.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::Deserialize;

use super::refusal::{Answer, Refusal};
use crate::live::{self, Catalogue};

/// Rules over the attributes of items: all of them hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Where<'a> {
    #[serde(borrow, default)]
    categories: Categories<'a>,
}

/// Rules over an item's categories.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories<'a> {
    /// It has one of these.
    #[serde(borrow, default)]
    any: Option<Vec<Cow<'a, str>>>,
    /// It has each of these.
    #[serde(borrow, default)]
    all: Vec<Cow<'a, str>>,
    /// It has none of these.
    #[serde(borrow, default)]
    none: Vec<Cow<'a, str>>,
}

/// The categories of items: those of a table, and of items that were added.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// By id; none where no table was given.
    table: RwLock<Option<BTreeMap<String, Vec<String>>>>,
    /// For the catalogues that serve.
    indices: Mutex<Vec<(Arc<Catalogue>, Arc<Index>)>>,
}

/// The codes of one catalogue by category, ascending.
type Index = HashMap<String, Vec<u32>>;

impl Attributes {
    /// Of a table: categories by id.
    pub(super) fn new(table: Option<BTreeMap<String, Vec<String>>>) -> Self {
        Attributes {
            table: RwLock::new(table),
            indices: Mutex::default(),
        }
    }

    /// Takes note of items that were added.
    pub(super) fn add(&self, added: impl IntoIterator<Item = (String, Vec<String>)>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let mut added = added.into_iter().peekable();
        if added.peek().is_some() {
            table.get_or_insert_default().extend(added);
            self.indices
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
    }

    /// All of them.
    pub(super) fn categories(&self) -> BTreeMap<String, Vec<String>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.clone().unwrap_or_default()
    }

    /// The index of the state's catalogue; none where no categories are known.
    fn index(&self, state: &live::State) -> Option<Arc<Index>> {
        let catalogue = state.catalogue();
        let mut indices = self.indices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, index)) = indices.iter().find(|(of, _)| Arc::ptr_eq(of, catalogue)) {
            return Some(index.clone());
        }
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let table = table.as_ref()?;
        let mut index = Index::new();
        for (code, id) in (0..).zip(catalogue.ids().ids()) {
            for category in table.get(id).into_iter().flatten() {
                let codes = index.entry(category.clone()).or_default();
                // A category that is listed twice counts once.
                if codes.last() != Some(&code) {
                    codes.push(code);
                }
            }
        }
        // Those of policies that serve no more go.
        indices.retain(|(of, _)| Arc::strong_count(of) > 1);
        let index = Arc::new(index);
        indices.push((catalogue.clone(), index.clone()));
        Some(index)
    }

    /// The codes, ascending, of the items that a request admits: of `candidates` (none: of all) those that are not among
    /// `excluded` and fulfil the rules.
    ///
    /// # Errors
    /// 422 where no item does, or no categories are known.
    pub(super) fn admitted(
        &self,
        state: &live::State,
        candidates: Option<Vec<u32>>,
        excluded: &[u32],
        rules: Option<&Where<'_>>,
    ) -> Answer<Option<Vec<u32>>> {
        if excluded.is_empty() && rules.is_none() {
            return Ok(candidates);
        }
        let items = state.items().len();
        let mut open = vec![candidates.is_none(); items];
        candidates
            .iter()
            .flatten()
            .for_each(|&code| open[code as usize] = true);
        excluded.iter().for_each(|&code| open[code as usize] = false);
        let mut strange: Vec<&str> = Vec::new();
        if let Some(Where { categories }) = rules {
            let index = self.index(state).ok_or_else(|| {
                Refusal::unfit("the categories of items are not known")
                    .at("body, where")
                    .hint("start the service with --items FILE, a table with the column `categories`")
            })?;
            let members = |name: &str, of: &mut dyn FnMut(u32)| {
                let codes = index.get(name).into_iter().flatten();
                codes.for_each(|&code| of(code));
            };
            let is_strange = |name: &&Cow<'_, str>| !index.contains_key(name.as_ref());
            if let Some(any) = &categories.any {
                let mut hit = vec![false; items];
                any.iter()
                    .for_each(|name| members(name, &mut |code| hit[code as usize] = true));
                open.iter_mut().zip(hit).for_each(|(open, hit)| *open &= hit);
                strange.extend(any.iter().filter(is_strange).map(AsRef::as_ref));
            }
            for name in &categories.all {
                let mut hit = vec![false; items];
                members(name, &mut |code| hit[code as usize] = true);
                open.iter_mut().zip(hit).for_each(|(open, hit)| *open &= hit);
                strange.extend(Some(name).filter(is_strange).map(AsRef::as_ref));
            }
            for name in &categories.none {
                members(name, &mut |code| open[code as usize] = false);
            }
        }
        let admitted: Vec<u32> = (0..)
            .zip(open)
            .filter_map(|(code, open)| open.then_some(code))
            .collect();
        if admitted.is_empty() {
            let refusal =
                Refusal::unfit("no item fulfils `candidates`, `exclude` and `where` together").at("body");
            return Err(match strange.is_empty() {
                true => refusal.hint("ask for less at once"),
                false => refusal.hint(format!("no item has the category {}", strange.join(", "))),
            });
        }
        Ok(Some(admitted))
    }
}
