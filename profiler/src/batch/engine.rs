//! One context at work: a prefix evaluated once, then units of paths that continue it.

use common::Result;

use super::forest::{Path, Reading};
use super::softmax::normaliser;
use super::trie::{Node, Trie};
use crate::model::{ContextSize, Model, Session};

/// The sequence that holds the prefix; the paths of a unit are sequences 1, 2, ...
const PREFIX: i32 = 0;

/// A context with the shared prefix in its cache.
pub(super) struct Engine<'m> {
    model: &'m Model,
    size: ContextSize,
    session: Session<'m>,
    prefix: Vec<i32>,
}

/// What is read after a node of a trie: a token's log-probability, added to the answer at `place`.
struct Read {
    node: usize,
    token: i32,
    place: usize,
}

impl<'m> Engine<'m> {
    /// Makes a context of `size` and evaluates `prefix` in it.
    pub(super) fn new(model: &'m Model, prefix: &[i32], size: ContextSize) -> Result<Self> {
        let mut session = Session::new(model, size, size.sequences, 1)?;
        session.prefill(prefix, PREFIX, size.batch as usize)?;
        Ok(Engine {
            model,
            size,
            session,
            prefix: prefix.to_vec(),
        })
    }

    /// As [`Engine::run`], where `alone` of each path by itself: what is read of it then depends on no other.
    ///
    /// NaN in the cells of one path reaches all that are evaluated beside it or after it. Where there is any, the context is
    /// made anew and the paths are evaluated one by one: those alone are not finite that are so by themselves.
    pub(super) fn evaluate(&mut self, paths: &[Path], reading: Reading, alone: bool) -> Result<Vec<f32>> {
        let is_finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if !alone {
            let values = self.run(paths, reading)?;
            if is_finite(&values) {
                return Ok(values);
            }
            *self = Engine::new(self.model, &self.prefix, self.size)?;
        }
        let mut all = Vec::with_capacity(paths.len() * reading.width());
        for path in paths {
            let values = self.run(std::slice::from_ref(path), reading)?;
            if !is_finite(&values) {
                *self = Engine::new(self.model, &self.prefix, self.size)?;
            }
            all.extend(values);
        }
        Ok(all)
    }

    /// Evaluates `paths`, each after the prefix, and gives `reading` of each, path by path.
    ///
    /// The cache holds the prefix alone before and after, in the same cells: a unit's result does not depend on
    /// the units before it.
    fn run(&mut self, paths: &[Path], reading: Reading) -> Result<Vec<f32>> {
        self.share_prefix(paths.len())?;
        let answers = self.read(paths, reading);
        self.forget(paths.len())?;
        answers
    }

    fn read(&mut self, paths: &[Path], reading: Reading) -> Result<Vec<f32>> {
        let trie = Trie::new(paths);
        let reads = reads(&trie, paths, reading);
        let mut reads = reads.as_slice();
        let capacity = self.size.batch as usize;
        let mut answers = vec![0.0; paths.len() * reading.width()];
        for (nodes, start) in trie.nodes.chunks(capacity).zip((0..).step_by(capacity)) {
            let (here, later) = reads.split_at(reads.partition_point(|read| read.node < start + nodes.len()));
            reads = later;
            self.decode(nodes, start, here)?;
            for of_node in here.chunk_by(|a, b| a.node == b.node) {
                let row = (of_node[0].node - start) as i32;
                self.read_tokens(row, of_node, &mut answers);
            }
        }
        Ok(answers.into_iter().map(|answer| answer as f32).collect())
    }

    /// From the logits of a row of the last batch; NaN where they are no probabilities.
    fn read_tokens(&self, row: i32, reads: &[Read], answers: &mut [f64]) {
        let logits = self.session.logits(row);
        let normaliser = normaliser(logits).unwrap_or(f64::NAN);
        for read in reads {
            answers[read.place] += f64::from(logits[read.token as usize]) - normaliser;
        }
    }

    /// Evaluates `nodes`, the trie's from place `start` on, with logits where one of `reads` is.
    fn decode(&mut self, nodes: &[Node], start: usize, reads: &[Read]) -> Result<()> {
        let mut reads = reads.iter().map(|read| read.node).peekable();
        self.session.begin();
        for (place, node) in (start..).zip(nodes) {
            let sequences: Vec<i32> = node.paths.clone().map(sequence).collect();
            let logits = reads.next_if_eq(&place).is_some();
            while reads.next_if_eq(&place).is_some() {}
            self.session
                .add(node.token, self.prefix.len() + node.depth, &sequences, logits)?;
        }
        self.session.decode()
    }

    /// Makes the prefix the beginning of the sequences of `paths` paths; marks cells, copies nothing.
    fn share_prefix(&mut self, paths: usize) -> Result<()> {
        if self.prefix.is_empty() {
            return Ok(());
        }
        (0..paths).try_for_each(|path| self.session.share(PREFIX, sequence(path)))
    }

    /// Drops all of the sequences of `paths` paths that is not the prefix's too.
    fn forget(&mut self, paths: usize) -> Result<()> {
        (0..paths).try_for_each(|path| self.session.drop_sequence(sequence(path)))
    }
}

/// The sequence of a path.
fn sequence(path: usize) -> i32 {
    1 + path as i32
}

/// All that is read, in the order of the nodes.
fn reads(trie: &Trie, paths: &[Path], reading: Reading) -> Vec<Read> {
    let mut reads = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let read = |node, token, word| Read {
            node,
            token,
            place: index * reading.width() + word,
        };
        match reading {
            Reading::Words(words) => {
                let end = trie.end(index);
                let words = words.iter().zip(0..);
                reads.extend(words.map(|(&token, word)| read(end, token, word)));
            }
            // The last token of the stem foretells the first of the branch, and so on.
            Reading::Branch => {
                let upward = path.branch.iter().rev().zip(trie.upward(index));
                reads.extend(upward.map(|(&token, node)| read(node, token, 0)));
            }
        }
    }
    reads.sort_by_key(|read| (read.node, read.place));
    reads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(trie: &Trie, paths: &[Path], reading: Reading) -> Vec<(usize, i32, usize)> {
        let show = |read: &Read| (read.node, read.token, read.place);
        reads(trie, paths, reading).iter().map(show).collect()
    }

    #[test]
    fn a_branch_is_read_from_the_end_of_the_stem_to_its_own_last_token() {
        let branches = [[7, 8, 0].as_slice(), &[7, 9, 0], &[0]];
        let paths = branches.map(|branch| Path {
            stem: &[1, 2],
            branch,
            evaluated: &branch[..branch.len() - 1],
        });
        let trie = Trie::new(&paths);
        // Nodes: 0 is 1, 1 is 2, 2 is 7, 3 is 8, 4 is 9.
        assert_eq!(
            shown(&trie, &paths, Reading::Branch),
            [
                (1, 7, 0),
                (1, 7, 1),
                (1, 0, 2),
                (2, 8, 0),
                (2, 9, 1),
                (3, 0, 0),
                (4, 0, 1)
            ]
        );
    }

    #[test]
    fn words_are_read_at_the_end_of_each_path() {
        let paths = [[1, 2].as_slice(), &[1]].map(|stem| Path {
            stem,
            branch: &[],
            evaluated: &[],
        });
        let trie = Trie::new(&paths);
        assert_eq!(
            shown(&trie, &paths, Reading::Words(&[5, 6])),
            [(0, 5, 2), (0, 6, 3), (1, 5, 0), (1, 6, 1)]
        );
    }
}
