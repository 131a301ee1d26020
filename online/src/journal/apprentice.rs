//! What another system showed, in a live policy that learns from it: in memory and on disk.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError, RwLockReadGuard};

use common::Result;

use super::Record;
use super::durable::Durable;
use crate::adapt::Buffers;
use crate::experiment::{Apprentice, Arms, Report};
use crate::explore::Slate;
use crate::live::{Ask, Decision};

/// Something that another system showed.
#[derive(Debug, Clone, Copy)]
pub struct Incumbent<'a> {
    /// To whom.
    pub user: &'a str,
    /// The item's code.
    pub item: u32,
    /// The probability that it showed it with, where that is known.
    pub propensity: Option<f32>,
}

impl Durable {
    /// Takes note of what another system showed, and of what the policy would have done; the number that feedback names it by,
    /// and what to ask [`Durable::durable`] for. Where the propensity is not known the event gets 1, that of a system that
    /// always shows this; nothing is estimated from it.
    ///
    /// # Errors
    /// What [`crate::live::State::decide`] cannot answer; a journal that takes nothing more.
    pub fn shown(
        &self,
        arms: &RwLockReadGuard<'_, Arms>,
        incumbent: &Incumbent<'_>,
        buffers: &mut Buffers,
    ) -> Result<(u64, u64)> {
        let &Incumbent {
            user,
            item,
            propensity,
        } = incumbent;
        let ask = Ask {
            user,
            k: 1,
            candidates: None,
            given: None,
        };
        let request = self.next_request.fetch_add(1, Ordering::Relaxed);
        let own = arms.decide(&ask, request, buffers)?;
        let (_, explanation) = arms.explain(&ask, buffers)?;
        let of = |distribution: &[f32]| -> Vec<f32> {
            let found = distribution.get(item as usize);
            found
                .map(|probability| probability.clamp(0.0, 1.0))
                .into_iter()
                .collect()
        };
        let drawn = own
            .slate
            .items
            .first()
            .copied()
            .zip(own.slate.propensities.first().copied());
        let decision = Decision {
            slate: Slate {
                items: vec![item],
                propensities: vec![propensity.unwrap_or(1.0)],
                scores: Vec::new(),
                prior: of(&explanation.prior),
                adapted: of(&explanation.adapted),
                weight: explanation.weight,
                negatives: own.slate.negatives.clone(),
            },
            ..own
        };
        let mut pending = self.pending();
        let mut apprentice = self.lessons();
        // Who has nothing left to choose from draws nothing; then it could not have shown the item either.
        let drawn = drawn.unwrap_or((u32::MAX, 0.0));
        let lesson = apprentice.lesson(arms, drawn, &explanation.acting, item, propensity);
        let record = Record::Shown {
            decision: decision.clone(),
            lesson,
        };
        let lsn = self.journal.append(&record)?;
        apprentice.shown(&decision, lesson, pending.capacity());
        pending.insert(decision);
        Ok((request, lsn))
    }

    /// How the policy would have done beside the system that it learns from.
    pub fn apprentice(&self) -> Report {
        self.lessons().report()
    }

    pub(super) fn lessons(&self) -> MutexGuard<'_, Apprentice> {
        // Sums are whole whoever has panicked.
        self.apprentice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
