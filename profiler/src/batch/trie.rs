//! The paths of a unit as a trie in preorder: what neighbours share stands once.

use std::ops::Range;

use super::forest::Path;

/// A token of the trie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) token: i32,
    /// Tokens before it, after the prefix.
    pub(super) depth: usize,
    /// The paths that go through it.
    pub(super) paths: Range<usize>,
    parent: Option<usize>,
}

/// A trie in preorder: a node stands after its parent.
#[derive(Clone, Debug, Default)]
pub(super) struct Trie {
    pub(super) nodes: Vec<Node>,
    /// The last node of each path.
    ends: Vec<usize>,
}

impl Trie {
    /// The trie of `paths`, in which those that share a beginning stand together.
    pub(super) fn new(paths: &[Path]) -> Self {
        let mut trie = Trie::default();
        // The nodes of the path before.
        let mut trail: Vec<usize> = Vec::new();
        for (index, &path) in paths.iter().enumerate() {
            let shared = match index {
                0 => 0,
                _ => paths[index - 1].shared(path),
            };
            trail.truncate(shared);
            for &node in &trail {
                trie.nodes[node].paths.end = index + 1;
            }
            for (depth, token) in path.tokens().enumerate().skip(shared) {
                trie.nodes.push(Node {
                    token,
                    depth,
                    paths: index..index + 1,
                    parent: trail.last().copied(),
                });
                trail.push(trie.nodes.len() - 1);
            }
            trie.ends.push(trail.last().copied().unwrap_or(0));
        }
        trie
    }

    /// The last node of a path.
    pub(super) fn end(&self, path: usize) -> usize {
        self.ends[path]
    }

    /// The nodes of a path from its last upward.
    pub(super) fn upward(&self, path: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(self.ends[path]), |&node| self.nodes[node].parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(paths: &[&[i32]]) -> Trie {
        let path = |tokens| Path {
            stem: tokens,
            branch: &[],
            evaluated: &[],
        };
        Trie::new(&paths.iter().map(|tokens| path(tokens)).collect::<Vec<_>>())
    }

    fn shown(trie: &Trie) -> Vec<(i32, usize, Range<usize>)> {
        let node = |n: &Node| (n.token, n.depth, n.paths.clone());
        trie.nodes.iter().map(node).collect()
    }

    #[test]
    fn shared_beginnings_stand_once() {
        let trie = trie(&[&[1, 2, 3], &[1, 2, 4], &[1, 5]]);
        assert_eq!(
            shown(&trie),
            [
                (1, 0, 0..3),
                (2, 1, 0..2),
                (3, 2, 0..1),
                (4, 2, 1..2),
                (5, 1, 2..3)
            ]
        );
        assert_eq!(trie.upward(1).collect::<Vec<_>>(), [3, 1, 0]);
        assert_eq!(trie.end(2), 4);
    }

    #[test]
    fn a_path_that_is_the_beginning_of_its_neighbour_has_no_node_of_its_own() {
        for paths in [[[1, 2].as_slice(), &[1]], [&[1], &[1, 2]]] {
            let trie = trie(&paths);
            assert_eq!(trie.nodes.len(), 2);
            assert_eq!(trie.nodes[0].paths, 0..2);
        }
    }

    #[test]
    fn equal_paths_and_roots_of_their_own() {
        let trie = trie(&[&[1], &[1], &[2]]);
        assert_eq!(shown(&trie), [(1, 0, 0..2), (2, 0, 2..3)]);
        assert_eq!(trie.end(1), 0);
    }
}
