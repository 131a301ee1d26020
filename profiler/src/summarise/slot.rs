//! One user's profile in the making: the prompt, then the fields' words, then the sentence.

use common::{Error, Result};

use super::task::{Subject, Task};
use super::titles::Titles;
use super::words::{self, Scores};
use crate::batch::normaliser;
use crate::profile::{Field, Profile};

/// A finished profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The profile.
    pub profile: Profile,
    /// How much of the model's probability is on words of the vocabulary where likes are asked for, in [0, 1].
    pub confidence: f32,
}

/// What a slot needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its prompt evaluated.
    Prompt,
    /// This tree of the task evaluated.
    Tree(usize),
    /// The answers to the trees that are in the batch.
    Answers,
    /// The next token of its sentence.
    Sentence,
    /// Nothing.
    Done,
}

/// A user's place in the engine.
pub(super) struct Slot<'t> {
    task: &'t Task<'t>,
    /// Which of the unit's users it is.
    pub(super) user: usize,
    subject: &'t Subject,
    /// Tokens evaluated after the prefix.
    pub(super) position: usize,
    pending: Vec<i32>,
    trees: usize,
    scores: Scores,
    sentence: Option<Sentence>,
}

/// The profile's words, and its sentence in the making.
struct Sentence {
    profile: Profile,
    titles: Titles,
}

impl<'t> Slot<'t> {
    pub(super) fn new(task: &'t Task<'t>, user: usize, subject: &'t Subject) -> Self {
        Slot {
            task,
            user,
            subject,
            position: 0,
            pending: subject.tail.clone(),
            trees: 0,
            scores: Field::ALL.map(|_| vec![0.0; task.words.len()]),
            sentence: None,
        }
    }

    pub(super) fn next(&self) -> Next {
        match &self.sentence {
            None if !self.pending.is_empty() => Next::Prompt,
            None if self.trees < self.task.trees.len() => Next::Tree(self.trees),
            None => Next::Answers,
            Some(_) if self.pending.is_empty() => Next::Done,
            Some(_) => Next::Sentence,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.next() == Next::Done
    }

    /// Takes at most `room` pending tokens, and whether these are all.
    pub(super) fn feed(&mut self, room: usize) -> (Vec<i32>, bool) {
        let rest = self.pending.split_off(room.min(self.pending.len()));
        let piece = std::mem::replace(&mut self.pending, rest);
        self.position += piece.len();
        (piece, self.pending.is_empty())
    }

    pub(super) fn tree_added(&mut self) {
        self.trees += 1;
    }

    /// Takes what was read at a node of a tree.
    pub(super) fn read(&mut self, tree: usize, node: usize, logits: &[f32]) -> Result<()> {
        let tree = &self.task.trees[tree];
        let normaliser = normaliser(logits)?;
        for read in tree.trie.reads.iter().filter(|read| read.node == node) {
            let logit = f64::from(logits[read.token as usize]);
            self.scores[tree.field as usize][read.word] += (logit - normaliser) as f32;
        }
        Ok(())
    }

    /// The words' log-probabilities, when all are read.
    pub(super) fn scores(&self) -> Option<&Scores> {
        (self.next() == Next::Answers).then_some(&self.scores)
    }

    /// Once all words are read, chooses those of each field and begins the sentence after them.
    pub(super) fn settle(&mut self, usual: Option<&Scores>) {
        let (Some(usual), Some(scores)) = (usual, self.scores()) else {
            return;
        };
        let task = self.task;
        let profile = words::choose(&task.words, scores, usual, self.subject.evidence());
        self.pending = task.answer(&profile.opening());
        let mut titles = Titles::new(&profile, &self.subject.liked, &self.subject.disliked, task.noun);
        match titles.given(|text| task.tokens(text)) {
            // The model need not be asked.
            given if given.is_empty() => self.pending.clear(),
            given => self.pending.extend(given),
        }
        self.sentence = Some(Sentence { profile, titles });
    }

    /// Goes on with the sentence.
    pub(super) fn write(&mut self, logits: &[f32]) {
        if let Some(Sentence { titles, .. }) = &mut self.sentence {
            titles.choose(logits);
            self.pending.extend(titles.given(|text| self.task.tokens(text)));
        }
    }

    /// The profile.
    pub(super) fn finish(self) -> Result<Summary> {
        let mass: f64 = self.scores[Field::Likes as usize]
            .iter()
            .map(|&p| f64::from(p).exp())
            .sum();
        let Some(Sentence { mut profile, titles }) = self.sentence else {
            return Err(Error::retry("a profile was taken before it was written"));
        };
        profile.about = titles.finish();
        Ok(Summary {
            profile,
            confidence: mass.clamp(0.0, 1.0) as f32,
        })
    }
}
