//! Where the tensors stand in the flat weights: one after the other, in the order of
//! [`common::policy_artifact::Encoder::Attention`].

use std::ops::Range;

/// Sizes of the encoder.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// D + 1, width of the inputs.
    pub(super) input: usize,
    /// H.
    pub(super) hidden: usize,
    /// W, rows of the positions.
    pub(super) window: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
}

/// Gain and bias of a layer norm, or weight and bias of a linear layer.
pub(super) struct Pair {
    pub(super) weight: Range<usize>,
    pub(super) bias: Range<usize>,
}

/// The tensors in front of the blocks.
pub(super) struct TokenParts {
    pub(super) input: Pair,
    pub(super) position: Range<usize>,
    pub(super) norm: Pair,
}

/// The tensors of a block; query, key and value stand together in the artifact and apart here, where not every token
/// asks.
pub(super) struct BlockParts {
    pub(super) query: Pair,
    pub(super) key_value: Pair,
    pub(super) out: Pair,
    pub(super) norm_1: Pair,
    pub(super) inner: Pair,
    pub(super) outer: Pair,
    pub(super) norm_2: Pair,
}

impl Sizes {
    /// Numbers in all tensors.
    pub(super) fn total(&self) -> usize {
        self.block_start(self.layers)
    }

    pub(super) fn tokens(&self) -> TokenParts {
        let hidden = self.hidden;
        let mut cursor = Cursor(0);
        TokenParts {
            input: cursor.pair(hidden * self.input, hidden),
            position: cursor.take(self.window * hidden),
            norm: cursor.pair(hidden, hidden),
        }
    }

    pub(super) fn block(&self, block: usize) -> BlockParts {
        let hidden = self.hidden;
        let square = hidden * hidden;
        let mut cursor = Cursor(self.block_start(block));
        let weights = (cursor.take(square), cursor.take(2 * square));
        let biases = (cursor.take(hidden), cursor.take(2 * hidden));
        BlockParts {
            query: Pair {
                weight: weights.0,
                bias: biases.0,
            },
            key_value: Pair {
                weight: weights.1,
                bias: biases.1,
            },
            out: cursor.pair(square, hidden),
            norm_1: cursor.pair(hidden, hidden),
            inner: cursor.pair(4 * square, 4 * hidden),
            outer: cursor.pair(4 * square, hidden),
            norm_2: cursor.pair(hidden, hidden),
        }
    }

    fn block_start(&self, block: usize) -> usize {
        let hidden = self.hidden;
        let tokens = hidden * self.input + self.window * hidden + 3 * hidden;
        tokens + block * (12 * hidden * hidden + 13 * hidden)
    }
}

struct Cursor(usize);

impl Cursor {
    fn take(&mut self, count: usize) -> Range<usize> {
        let start = self.0;
        self.0 += count;
        start..self.0
    }

    fn pair(&mut self, weight: usize, bias: usize) -> Pair {
        Pair {
            weight: self.take(weight),
            bias: self.take(bias),
        }
    }
}
