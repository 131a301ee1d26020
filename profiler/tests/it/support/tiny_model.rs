//! A language model small enough for tests that run it many times: random weights, one token a byte.

use std::path::Path;

use common::rng;

const EMBEDDING: u64 = 64;
const FEED_FORWARD: u64 = 128;
const LAYERS: u64 = 2;
const HEADS: u32 = 2;

/// GGUF's numbers of its value types.
const U32: u32 = 4;
const F32: u32 = 6;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;
const I32: u32 = 5;

#[derive(Default)]
struct Gguf {
    pairs: Vec<u8>,
    pair_count: u64,
    tensors: Vec<u8>,
    tensor_count: u64,
    data: Vec<u8>,
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

impl Gguf {
    fn pair(&mut self, key: &str, kind: u32, value: &[u8]) {
        text(&mut self.pairs, key);
        self.pairs.extend(kind.to_le_bytes());
        self.pairs.extend(value);
        self.pair_count += 1;
    }

    fn text(&mut self, key: &str, value: &str) {
        let mut bytes = Vec::new();
        text(&mut bytes, value);
        self.pair(key, TEXT, &bytes);
    }

    fn array(&mut self, key: &str, kind: u32, count: usize, values: &[u8]) {
        let head = [kind.to_le_bytes().as_slice(), &(count as u64).to_le_bytes()].concat();
        self.pair(key, ARRAY, &[&head, values].concat());
    }

    fn texts(&mut self, key: &str, values: &[String]) {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| text(&mut bytes, value));
        self.array(key, TEXT, values.len(), &bytes);
    }

    /// A tensor of f32; its values are drawn by its name.
    fn tensor(&mut self, name: &str, shape: &[u64]) {
        text(&mut self.tensors, name);
        self.tensors.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|n| self.tensors.extend(n.to_le_bytes()));
        self.tensors.extend(0_u32.to_le_bytes());
        self.tensors.extend((self.data.len() as u64).to_le_bytes());
        let mut rng = rng::stream(0, name, &[]);
        for _ in 0..shape.iter().product() {
            // The norms' weights are one, the others small.
            let value = if shape.len() == 1 {
                1.0
            } else {
                0.3 * rng::normal(&mut rng)
            };
            self.data.extend(value.to_le_bytes());
        }
        self.tensor_count += 1;
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(self.tensor_count.to_le_bytes());
        bytes.extend(self.pair_count.to_le_bytes());
        bytes.extend(self.pairs);
        bytes.extend(self.tensors);
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(self.data);
        bytes
    }
}

/// The characters that GPT-2's tokenisers write for the 256 bytes.
fn byte_tokens() -> Vec<String> {
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut others = 0..;
    let character = |byte: u32| match printable(byte) {
        true => byte,
        false => 256 + others.next().unwrap(),
    };
    let characters: Vec<u32> = (0..256).map(character).collect();
    characters
        .into_iter()
        .map(|c| char::from_u32(c).unwrap().to_string())
        .collect()
}

/// Writes the model.
pub(crate) fn write(path: &Path) {
    std::fs::write(path, bytes()).unwrap();
}

/// Writes one that takes 1024 tokens, gives NaN after a `~`, and has no token for a byte of a letter outside ASCII.
pub(crate) fn write_touchy(path: &Path) {
    std::fs::write(path, made(true)).unwrap();
}

/// The model's file. A space and the lower-case letter after it are one token, so that words with different first letters
/// can be told apart.
pub(crate) fn bytes() -> Vec<u8> {
    made(false)
}

fn made(touchy: bool) -> Vec<u8> {
    let letters = || (b'a'..=b'z').map(char::from);
    let mut tokens = byte_tokens();
    let space = tokens[32].clone();
    if touchy {
        (128..256).for_each(|byte| tokens[byte] = format!("<|{byte}|>"));
    }
    tokens.extend(letters().map(|letter| format!("{space}{letter}")));
    tokens.push("<|end|>".into());
    let count = tokens.len();

    let mut gguf = Gguf::default();
    gguf.text("general.architecture", "llama");
    gguf.text("general.name", "tiny");
    for (key, value) in [
        ("llama.context_length", if touchy { 1024 } else { 8192 }),
        ("llama.embedding_length", EMBEDDING as u32),
        ("llama.block_count", LAYERS as u32),
        ("llama.feed_forward_length", FEED_FORWARD as u32),
        ("llama.attention.head_count", HEADS),
        ("llama.rope.dimension_count", EMBEDDING as u32 / HEADS),
        ("tokenizer.ggml.eos_token_id", count as u32 - 1),
        ("tokenizer.ggml.bos_token_id", count as u32 - 1),
    ] {
        gguf.pair(key, U32, &value.to_le_bytes());
    }
    gguf.pair(
        "llama.attention.layer_norm_rms_epsilon",
        F32,
        &1e-5_f32.to_le_bytes(),
    );
    gguf.text("tokenizer.ggml.model", "gpt2");
    gguf.text("tokenizer.ggml.pre", "gpt-2");
    gguf.texts("tokenizer.ggml.tokens", &tokens);
    // 1 is a token of text, 3 one with a meaning of its own.
    let kinds: Vec<u8> = (0..count)
        .flat_map(|token| if token + 1 == count { 3_i32 } else { 1 }.to_le_bytes())
        .collect();
    gguf.array("tokenizer.ggml.token_type", I32, count, &kinds);
    let merges: Vec<String> = letters().map(|letter| format!("{space} {letter}")).collect();
    gguf.texts("tokenizer.ggml.merges", &merges);

    gguf.tensor("token_embd.weight", &[EMBEDDING, count as u64]);
    if touchy {
        let row = usize::from(b'~') * EMBEDDING as usize * 4;
        gguf.data[row..row + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        // Otherwise the embeddings are the weights of the logits too, and all of these would be NaN.
        gguf.tensor("output.weight", &[EMBEDDING, count as u64]);
    }
    gguf.tensor("output_norm.weight", &[EMBEDDING]);
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("attn_norm", vec![EMBEDDING]),
            ("attn_q", vec![EMBEDDING, EMBEDDING]),
            ("attn_k", vec![EMBEDDING, EMBEDDING]),
            ("attn_v", vec![EMBEDDING, EMBEDDING]),
            ("attn_output", vec![EMBEDDING, EMBEDDING]),
            ("ffn_norm", vec![EMBEDDING]),
            ("ffn_gate", vec![EMBEDDING, FEED_FORWARD]),
            ("ffn_up", vec![EMBEDDING, FEED_FORWARD]),
            ("ffn_down", vec![FEED_FORWARD, EMBEDDING]),
        ] {
            gguf.tensor(&format!("blk.{layer}.{name}.weight"), &shape);
        }
    }
    gguf.bytes()
}
