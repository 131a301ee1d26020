//! The size of each tensor type of GGML, by its number in the file.
//!
//! From `ggml.h` and `ggml-common.h` of the llama.cpp that the workspace pins; a number that is not here is one that
//! this llama.cpp cannot load either.

/// How a tensor type lays out its elements: `elements` of them in `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Elements in a block; a tensor's rows are whole blocks.
    pub(super) elements: u64,
    /// Bytes of a block.
    pub(super) bytes: u64,
}

/// The block of tensor type `number`, if this llama.cpp knows it.
pub(super) fn block(number: u32) -> Option<Block> {
    let (elements, bytes) = match number {
        0 => (1, 4),      // F32
        1 => (1, 2),      // F16
        2 => (32, 18),    // Q4_0
        3 => (32, 20),    // Q4_1
        6 => (32, 22),    // Q5_0
        7 => (32, 24),    // Q5_1
        8 => (32, 34),    // Q8_0
        9 => (32, 36),    // Q8_1
        10 => (256, 84),  // Q2_K
        11 => (256, 110), // Q3_K
        12 => (256, 144), // Q4_K
        13 => (256, 176), // Q5_K
        14 => (256, 210), // Q6_K
        15 => (256, 292), // Q8_K
        16 => (256, 66),  // IQ2_XXS
        17 => (256, 74),  // IQ2_XS
        18 => (256, 98),  // IQ3_XXS
        19 => (256, 50),  // IQ1_S
        20 => (32, 18),   // IQ4_NL
        21 => (256, 110), // IQ3_S
        22 => (256, 82),  // IQ2_S
        23 => (256, 136), // IQ4_XS
        24 => (1, 1),     // I8
        25 => (1, 2),     // I16
        26 => (1, 4),     // I32
        27 => (1, 8),     // I64
        28 => (1, 8),     // F64
        29 => (256, 56),  // IQ1_M
        30 => (1, 2),     // BF16
        34 => (256, 54),  // TQ1_0
        35 => (256, 66),  // TQ2_0
        39 => (32, 17),   // MXFP4
        40 => (64, 36),   // NVFP4
        41 => (128, 18),  // Q1_0
        42 => (64, 18),   // Q2_0
        _ => return None,
    };
    Some(Block { elements, bytes })
}

/// Whether type `number` is one that weights are multiplied in: no integers, no 64 bits, none of the intermediate formats.
pub(super) fn is_weight(number: u32) -> bool {
    block(number).is_some() && !matches!(number, 9 | 15 | 24..=28)
}
