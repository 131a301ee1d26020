//! Pieces of objects in memory: what was fetched is not fetched again soon, and no more than [`MOST`] is kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of a block: objects are fetched in runs of them.
pub(super) const BLOCK: u64 = 64 << 10;
/// Bytes that are kept.
const MOST: usize = 256 << 20;

/// Which block of which object.
pub(super) type Place = (u64, u64);
pub(super) type Block = Arc<[u8]>;

#[derive(Default)]
struct Blocks {
    /// With the turn in which each was used last.
    kept: HashMap<Place, (Block, u64), foldhash::fast::FixedState>,
    by_turn: BTreeMap<u64, Place>,
    turn: u64,
    bytes: usize,
}

static BLOCKS: Mutex<Option<Blocks>> = Mutex::new(None);

fn with<T>(work: impl FnOnce(&mut Blocks) -> T) -> T {
    // A thread that fails in here leaves nothing that would be wrong to read: blocks are whole when they are put in.
    let mut blocks: MutexGuard<'_, Option<Blocks>> = BLOCKS.lock().unwrap_or_else(|e| e.into_inner());
    work(blocks.get_or_insert_default())
}

/// The block, where it is kept.
pub(super) fn get(place: Place) -> Option<Block> {
    with(|blocks| {
        blocks.turn += 1;
        let (block, turn) = blocks.kept.get_mut(&place)?;
        blocks.by_turn.remove(turn);
        *turn = blocks.turn;
        blocks.by_turn.insert(blocks.turn, place);
        Some(Arc::clone(block))
    })
}

/// Whether the block is kept.
pub(super) fn has(place: Place) -> bool {
    with(|blocks| blocks.kept.contains_key(&place))
}

/// Keeps the block, and forgets those that were not used for longest.
pub(super) fn put(place: Place, block: Block) {
    with(|blocks| {
        blocks.turn += 1;
        blocks.bytes += block.len();
        blocks.by_turn.insert(blocks.turn, place);
        if let Some((old, turn)) = blocks.kept.insert(place, (block, blocks.turn)) {
            blocks.bytes -= old.len();
            blocks.by_turn.remove(&turn);
        }
        while blocks.bytes > MOST
            && let Some((_, oldest)) = blocks.by_turn.pop_first()
        {
            let gone = blocks.kept.remove(&oldest);
            blocks.bytes -= gone.map_or(0, |(block, _)| block.len());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_is_forgotten() {
        let large = || -> Block { vec![7; MOST / 4].into() };
        (0..4).for_each(|number| put((u64::MAX, number), large()));
        assert!(get((u64::MAX, 0)).is_some());
        put((u64::MAX, 4), large());
        let kept: Vec<u64> = (0..5).filter(|&number| has((u64::MAX, number))).collect();
        assert_eq!(kept, [0, 2, 3, 4]);
        put((u64::MAX, 4), vec![1].into());
        assert_eq!(get((u64::MAX, 4)).as_deref(), Some([1].as_slice()));
    }
}
