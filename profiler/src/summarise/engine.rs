//! Many profiles in the making in one context: when one is done, the next user takes its place.
//!
//! Each user has a sequence that begins with the prefix, shared by a copy of metadata. A step of the engine is one
//! batch, in which sentences go on by a token, fields are read and prompts of new users enter, so that the matrix
//! kernels always have work for a full batch.

use common::Result;

use super::slot::{Next, Slot, Summary};
use super::task::{Subject, Task};
use super::words::Scores;
use crate::model::{ContextSize, Session};
use crate::profile::Trie;

/// Users in the making at once.
pub(super) const SLOTS: usize = 16;
/// Tokens of a batch.
const BATCH: usize = 512;
/// Sequences for the trees of words: as many as one of the largest needs.
const READING: usize = 128;
/// The sequence of the prefix; users have the next, and trees those after.
const PREFIX: i32 = 0;

/// A context with the prefix in its cache.
pub(super) struct Engine<'t> {
    session: Session<'t>,
    task: &'t Task<'t>,
    usual: Option<&'t Scores>,
}

/// Where in the batch an answer stands, and whose it is.
struct Answer {
    row: i32,
    slot: usize,
    what: What,
}

enum What {
    /// The tree's reads at one of its nodes.
    Tree { tree: usize, node: usize },
    /// The next token of the sentence.
    Token,
}

impl<'t> Engine<'t> {
    /// Makes a context for users whose prompts have at most `longest` tokens after the prefix. `usual` is what words are
    /// compared with; without it, none are chosen.
    pub(super) fn new(task: &'t Task<'t>, usual: Option<&'t Scores>, longest: usize) -> Result<Self> {
        let cells = task.prefix.len() + SLOTS * (longest + task.most_written) + BATCH;
        let size = ContextSize {
            tokens: cells.next_multiple_of(256) as u32,
            batch: BATCH as u32,
            sequences: (1 + SLOTS + READING) as u32,
        };
        let mut session = Session::new(task.model, size, READING as u32, 1)?;
        session.prefill(&task.prefix, PREFIX, BATCH)?;
        Ok(Engine { session, task, usual })
    }

    /// The log-probabilities of the words in the fields of each of `users`.
    pub(super) fn scores(&mut self, users: &[&'t Subject]) -> Result<Vec<Scores>> {
        let read = self.pass(users, |slot| slot.scores().is_some())?;
        Ok(read.iter().filter_map(|slot| slot.scores().cloned()).collect())
    }

    /// Writes the profiles of `users`.
    pub(super) fn write(&mut self, users: &[&'t Subject]) -> Result<Vec<Summary>> {
        let done = self.pass(users, |slot| slot.is_done())?;
        done.into_iter().map(Slot::finish).collect()
    }

    /// Takes `users` through the slots up to where each is `done`, in their order. The cache holds the prefix alone before
    /// and after, in the same cells: a result does not depend on what was before.
    fn pass(&mut self, users: &[&'t Subject], done: impl Fn(&Slot) -> bool) -> Result<Vec<Slot<'t>>> {
        let mut slots: Vec<Option<Slot>> = (0..SLOTS).map(|_| None).collect();
        let mut through = Vec::with_capacity(users.len());
        let mut waiting = users.iter().enumerate();
        while through.len() < users.len() {
            for (index, slot) in slots.iter_mut().enumerate() {
                if slot.is_none()
                    && let Some((user, subject)) = waiting.next()
                {
                    *slot = Some(Slot::new(self.task, user, subject));
                    self.session.share(PREFIX, sequence_of(index))?;
                }
            }
            self.step(&mut slots)?;
            for (index, slot) in slots.iter_mut().enumerate() {
                if let Some(slot) = slot.take_if(|slot| done(slot)) {
                    self.session.drop_sequence(sequence_of(index))?;
                    through.push(slot);
                }
            }
        }
        through.sort_by_key(|slot| slot.user);
        Ok(through)
    }

    /// One batch: composed, evaluated, and its answers handed to their slots.
    fn step(&mut self, slots: &mut [Option<Slot<'t>>]) -> Result<()> {
        self.session.begin();
        let mut answers = Vec::new();
        let mut sequences = 0;
        self.add_sentences(slots, &mut answers)?;
        self.add_trees(slots, &mut answers, &mut sequences)?;
        self.add_prompts(slots)?;
        self.session.decode()?;
        for Answer { row, slot, what } in answers {
            let Some(slot) = &mut slots[slot] else { continue };
            let logits = self.session.logits(row);
            match what {
                What::Tree { tree, node } => slot.read(tree, node, logits)?,
                What::Token => slot.write(logits),
            }
        }
        for sequence in 0..sequences {
            self.session.drop_sequence(first_of_trees() + sequence)?;
        }
        for slot in slots.iter_mut().flatten() {
            slot.settle(self.usual);
        }
        Ok(())
    }

    /// The tokens that are known of each sentence: of a new one all up to its beginning, else the last one.
    fn add_sentences(&mut self, slots: &mut [Option<Slot>], answers: &mut Vec<Answer>) -> Result<()> {
        for (index, slot) in slots.iter_mut().enumerate() {
            let Some(slot) = slot else { continue };
            if slot.next() != Next::Sentence {
                continue;
            }
            let row = self.add_pending(slot, index)?;
            if let Some(row) = row {
                answers.push(Answer {
                    row,
                    slot: index,
                    what: What::Token,
                });
            }
        }
        Ok(())
    }

    /// Whole trees, as many as there is room and as there are sequences for; `taken` sequences are in use then.
    fn add_trees(
        &mut self,
        slots: &mut [Option<Slot>],
        answers: &mut Vec<Answer>,
        taken: &mut i32,
    ) -> Result<()> {
        for (index, slot) in slots.iter_mut().enumerate() {
            let Some(slot) = slot else { continue };
            while let Next::Tree(tree) = slot.next() {
                let trie = &self.task.trees[tree].trie;
                if trie.nodes.len() > self.room() || trie.sequences + *taken as usize > READING {
                    return Ok(());
                }
                let first = first_of_trees() + *taken;
                *taken += trie.sequences as i32;
                for sequence in first..first_of_trees() + *taken {
                    self.session.share(sequence_of(index), sequence)?;
                }
                self.add_tree(
                    trie,
                    self.task.prefix.len() + slot.position,
                    first,
                    |row, node| {
                        answers.push(Answer {
                            row,
                            slot: index,
                            what: What::Tree { tree, node },
                        });
                    },
                )?;
                slot.tree_added();
            }
        }
        Ok(())
    }

    fn add_tree(
        &mut self,
        trie: &Trie,
        start: usize,
        first: i32,
        mut answer: impl FnMut(i32, usize),
    ) -> Result<()> {
        let mut read = vec![false; trie.nodes.len()];
        trie.reads.iter().for_each(|r| read[r.node] = true);
        for (at, node) in trie.nodes.iter().enumerate() {
            let sequences: Vec<i32> = (node.first..=node.last).map(|s| first + s as i32).collect();
            if read[at] {
                answer(self.session.tokens(), at);
            }
            self.session
                .add(node.token, start + node.depth, &sequences, read[at])?;
        }
        Ok(())
    }

    /// Pieces of prompts, as much as there is room for.
    fn add_prompts(&mut self, slots: &mut [Option<Slot>]) -> Result<()> {
        for (index, slot) in slots.iter_mut().enumerate() {
            if let Some(slot) = slot
                && slot.next() == Next::Prompt
            {
                self.add_pending(slot, index)?;
            }
        }
        Ok(())
    }

    /// Adds what is pending of a slot, as far as there is room; the row of the last token where that is all.
    fn add_pending(&mut self, slot: &mut Slot, index: usize) -> Result<Option<i32>> {
        let start = self.task.prefix.len() + slot.position;
        let answered = slot.next() == Next::Sentence;
        let (piece, whole) = slot.feed(self.room());
        let last = piece.len();
        for (offset, token) in piece.into_iter().enumerate() {
            let logits = answered && whole && offset + 1 == last;
            self.session
                .add(token, start + offset, &[sequence_of(index)], logits)?;
        }
        Ok((whole && last > 0).then(|| self.session.tokens() - 1))
    }

    fn room(&self) -> usize {
        BATCH - self.session.tokens() as usize
    }
}

fn sequence_of(slot: usize) -> i32 {
    PREFIX + 1 + slot as i32
}

fn first_of_trees() -> i32 {
    sequence_of(SLOTS)
}
