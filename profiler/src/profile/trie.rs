//! The words of a field as a tree of tokens, so that whole words are read and shared beginnings once.

use common::{Error, Result};

/// The tokens that are evaluated to read the log-probability of each of some words after one text.
///
/// The last token of a word is read and not evaluated. The nodes stand parents first, each branch in one run, and
/// every node belongs to the sequences of all leaves below it: `first..=last`.
#[derive(Debug, PartialEq)]
pub(crate) struct Trie {
    pub(crate) nodes: Vec<Node>,
    pub(crate) reads: Vec<Read>,
    /// Leaves.
    pub(crate) sequences: usize,
}

/// A token to evaluate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) token: i32,
    /// Nodes above it.
    pub(crate) depth: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// The log-probability of `token` after `node` is a part of that of `word`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) node: usize,
    pub(crate) token: i32,
    pub(crate) word: usize,
}

/// Words of one tree: it must fit a batch, and its leaves the sequences of a context.
pub(crate) const MOST_WORDS: usize = 64;
/// Tokens of one tree.
pub(crate) const MOST_NODES: usize = 384;

impl Trie {
    /// The trees of `words` after `lead`, at most [`MOST_WORDS`] in each; a read's word is the place in `words`.
    ///
    /// # Errors
    /// When `lead` is empty to the tokeniser, or words are too long.
    pub(crate) fn compile(
        tokenise: impl Fn(&str) -> Vec<i32>,
        lead: &str,
        words: &[String],
    ) -> Result<Vec<Trie>> {
        let tokens: Vec<Vec<i32>> = words
            .iter()
            .map(|word| tokenise(&format!("{lead}{word}")))
            .collect();
        // Tokens that all words share are no choice, and not read; the last token of each word is.
        let shortest = tokens.iter().map(Vec::len).min().unwrap_or(0);
        let given = (0..shortest.saturating_sub(1))
            .take_while(|&at| tokens.iter().all(|t| t[at] == tokens[0][at]))
            .count();
        if given == 0 {
            return Err(Error::data(
                "the model's tokeniser joins words with the text before them",
            ));
        }
        let mut order: Vec<usize> = (0..words.len()).collect();
        order.sort_by(|&a, &b| tokens[a].cmp(&tokens[b]));
        order
            .chunks(MOST_WORDS)
            .map(|chunk| {
                let trie = Self::of(chunk, &tokens, given);
                if trie.nodes.len() > MOST_NODES {
                    return Err(Error::data(
                        "words of the vocabulary are too long for this model's tokeniser",
                    )
                    .hint(format!(
                        "the longest begin with `{}`: shorten them",
                        words[chunk[0]]
                    )));
                }
                Ok(trie)
            })
            .collect()
    }

    /// `sorted` are words in the order of their tokens, of which the first `given` are the same for all.
    fn of(sorted: &[usize], tokens: &[Vec<i32>], given: usize) -> Trie {
        let mut trie = Trie {
            nodes: Vec::new(),
            reads: Vec::new(),
            sequences: 0,
        };
        // What of the last word's way from the root is evaluated.
        let mut way: Vec<usize> = Vec::new();
        for &word in sorted {
            let tokens = &tokens[word];
            let common = way
                .iter()
                .zip(&tokens[..tokens.len() - 1])
                .take_while(|&(&node, &token)| trie.nodes[node].token == token)
                .count();
            // A way that goes on where another turned off is a sequence of its own; one that only prolongs the
            // last is not.
            let fresh = common < tokens.len() - 1;
            if fresh {
                trie.sequences += usize::from(common < way.len() || way.is_empty());
                way.truncate(common);
            }
            for (depth, &token) in tokens[..tokens.len() - 1].iter().enumerate().skip(common) {
                trie.nodes.push(Node {
                    token,
                    depth,
                    first: trie.sequences - 1,
                    last: trie.sequences - 1,
                });
                way.push(trie.nodes.len() - 1);
            }
            for &node in &way[..tokens.len() - 1] {
                trie.nodes[node].last = trie.sequences - 1;
            }
            for (depth, &token) in tokens.iter().enumerate().skip(given) {
                trie.reads.push(Read {
                    node: way[depth - 1],
                    token,
                    word,
                });
            }
        }
        trie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokeniser of single characters.
    fn characters(text: &str) -> Vec<i32> {
        text.chars().map(|c| c as i32).collect()
    }

    fn tries(words: &[&str]) -> Vec<Trie> {
        let words: Vec<String> = words.iter().map(|w| w.to_string()).collect();
        Trie::compile(characters, "[", &words).unwrap()
    }

    /// The texts that a sequence evaluates, and for each word the texts before and the character that are read.
    fn shown(trie: &Trie) -> (Vec<String>, Vec<(usize, String, char)>) {
        let letter = |token: i32| char::from_u32(token as u32).unwrap();
        let way = |sequence: usize| {
            let on = trie
                .nodes
                .iter()
                .filter(|n| (n.first..=n.last).contains(&sequence));
            on.map(|n| letter(n.token)).collect::<String>()
        };
        let before = |node: usize| {
            let Node { depth, first, .. } = trie.nodes[node];
            way(first).chars().take(depth + 1).collect::<String>()
        };
        let reads = trie.reads.iter();
        (
            (0..trie.sequences).map(way).collect(),
            reads.map(|r| (r.word, before(r.node), letter(r.token))).collect(),
        )
    }

    #[test]
    fn words_of_one_token_share_the_lead() {
        let tries = tries(&["a", "b"]);
        let (ways, reads) = shown(&tries[0]);
        assert_eq!(ways, ["["]);
        assert_eq!(reads, [(0, "[".into(), 'a'), (1, "[".into(), 'b')]);
    }

    #[test]
    fn whole_words_are_read_and_beginnings_are_shared() {
        let tries = tries(&["sad", "sat", "old", "sadly"]);
        let (ways, reads) = shown(&tries[0]);
        assert_eq!(ways, ["[ol", "[sadl"]);
        let of = |word| {
            let parts = reads.iter().filter(move |(w, ..)| *w == word);
            parts
                .map(|(_, before, letter)| format!("{before}>{letter}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0), ["[>s", "[s>a", "[sa>d"]);
        assert_eq!(of(1), ["[>s", "[s>a", "[sa>t"]);
        assert_eq!(of(3), ["[>s", "[s>a", "[sa>d", "[sad>l", "[sadl>y"]);
        assert_eq!(of(2), ["[>o", "[o>l", "[ol>d"]);
    }

    #[test]
    fn a_sequence_narrows_on_its_way() {
        let trie = &tries(&["abc", "abd", "axy", "b", "abcd", "az"])[0];
        for pair in trie.nodes.windows(2) {
            if pair[1].depth > pair[0].depth {
                assert!(
                    pair[0].first <= pair[1].first && pair[1].last <= pair[0].last,
                    "{pair:?}"
                );
            }
        }
        assert_eq!(trie.nodes[0].last + 1, trie.sequences);
    }

    #[test]
    fn many_words_are_several_trees_and_endless_ones_are_refused() {
        let words: Vec<String> = (0..150).map(|n| format!("{n:03}")).collect();
        let tries = Trie::compile(characters, "[", &words).unwrap();
        assert_eq!(tries.len(), 3);
        assert!(tries.iter().all(|t| t.sequences <= MOST_WORDS));
        let long = vec!["a".repeat(900), "b".into()];
        assert!(
            Trie::compile(characters, "[", &long)
                .unwrap_err()
                .to_string()
                .contains("too long")
        );
    }
}
