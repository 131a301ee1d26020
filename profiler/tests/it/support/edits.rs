//! Edits of a model's header: every key, every tensor, and what other models have besides.

use super::gguf::{ARRAY, BOOL, Bytes, F32, F64, Parts, TEXT, Tensor, U32, of_text};

/// Whole numbers at which something changes, for one that should be `good`.
fn numbers(good: u32) -> Vec<u32> {
    let near = [good.wrapping_sub(1), good + 1, good / 2, good * 2, good * 1000];
    let far = [
        0,
        1,
        2,
        3,
        8,
        33,
        255,
        512,
        513,
        1025,
        65_536,
        100_000,
        1 << 30,
        i32::MAX as u32,
        1 << 31,
        u32::MAX - 1,
        u32::MAX,
    ];
    near.into_iter()
        .chain(far)
        .filter(|&number| number != good)
        .collect()
}

const FRACTIONS: [f32; 14] = [
    0.0,
    -0.0,
    -1.0,
    1.0,
    0.5,
    1e-30,
    1e30,
    -1e-5,
    f32::MAX,
    f32::MIN,
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    1e-45,
];

/// Keys of this architecture that the model does not have.
const FURTHER_NUMBERS: [&str; 36] = [
    "llama.vocab_size",
    "llama.expert_count",
    "llama.expert_used_count",
    "llama.expert_group_count",
    "llama.expert_group_used_count",
    "llama.expert_shared_count",
    "llama.expert_feed_forward_length",
    "llama.expert_shared_feed_forward_length",
    "llama.nextn_predict_layers",
    "llama.leading_dense_block_count",
    "llama.embedding_length_out",
    "llama.pooling_type",
    "llama.classifier.pooling_type",
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.attention.key_length_swa",
    "llama.attention.value_length_swa",
    "llama.attention.sliding_window",
    "llama.attention.q_lora_rank",
    "llama.attention.kv_lora_rank",
    "llama.attention.causal",
    "llama.rope.dimension_count_swa",
    "llama.rope.scaling.original_context_length",
    "general.alignment",
    "general.file_type",
    "general.quantization_version",
    "split.count",
    "split.no",
    "tokenizer.ggml.unknown_token_id",
    "tokenizer.ggml.padding_token_id",
    "tokenizer.ggml.seperator_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",
    "tokenizer.ggml.token_type_count",
    "tokenizer.ggml.fim_pre_token_id",
];
const FURTHER_FRACTIONS: [&str; 14] = [
    "llama.attention.layer_norm_epsilon",
    "llama.attention.group_norm_epsilon",
    "llama.attention.clamp_kqv",
    "llama.attention.max_alibi_bias",
    "llama.attention.scale",
    "llama.rope.freq_base",
    "llama.rope.scaling.factor",
    "llama.rope.scale_linear",
    "llama.rope.scaling.attn_factor",
    "llama.rope.scaling.alpha",
    "llama.logit_scale",
    "llama.residual_scale",
    "llama.embedding_scale",
    "llama.expert_weights_scale",
];
const SWITCHES: [&str; 6] = [
    "llama.attention.causal",
    "llama.use_parallel_residual",
    "tokenizer.ggml.add_bos_token",
    "tokenizer.ggml.add_eos_token",
    "tokenizer.ggml.add_space_prefix",
    "tokenizer.ggml.remove_extra_whitespaces",
];
const TEXTS: [(&str, &[&str]); 5] = [
    (
        "general.architecture",
        &[
            "",
            "x",
            "qwen2",
            "qwen3",
            "gemma",
            "gemma3",
            "gpt2",
            "falcon",
            "phi3",
            "mamba",
            "bert",
            "t5",
            "clip",
            "deci",
            "deepseek2",
            "gptneox",
            "llama4",
            "mpt",
            "grok",
            "bloom",
            "rwkv6",
            "wavtokenizer-dec",
            "granite",
            "gpt-oss",
        ],
    ),
    (
        "tokenizer.ggml.model",
        &[
            "", "x", "llama", "bert", "t5", "rwkv", "none", "no_vocab", "plamo2",
        ],
    ),
    (
        "tokenizer.ggml.pre",
        &["", "x", "llama-bpe", "default", "qwen2", "deepseek-llm", "gemma4"],
    ),
    (
        "llama.rope.scaling.type",
        &["", "x", "none", "linear", "yarn", "longrope"],
    ),
    (
        "tokenizer.chat_template",
        &["", "{{", "{% for m in messages %}", "<|im_start|>", "[INST]"],
    ),
];

/// Every edit with its name.
pub(crate) fn edits(good: &Parts) -> Vec<(String, Parts)> {
    let mut all: Vec<(String, Parts)> = Vec::new();
    let mut edit = |name: String, change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        all.push((name, parts));
    };
    let known = |key: &str| good.pairs.iter().find(|pair| pair.key == key);
    let u32s = good.pairs.iter().filter(|pair| pair.kind == U32);
    for key in u32s.map(|pair| pair.key.as_str()).chain(FURTHER_NUMBERS) {
        let value = known(key).map_or(64, |pair| Bytes(&pair.value).u32());
        for number in numbers(value) {
            edit(format!("{key} = {number}"), &|parts| {
                parts.set(key, U32, number.to_le_bytes().into())
            });
        }
    }
    let f32s = good.pairs.iter().filter(|pair| pair.kind == F32);
    for key in f32s.map(|pair| pair.key.as_str()).chain(FURTHER_FRACTIONS) {
        for value in FRACTIONS {
            edit(format!("{key} = {value}"), &|parts| {
                parts.set(key, F32, value.to_le_bytes().into())
            });
        }
        edit(format!("{key} = 1 of 64 bits"), &|parts| {
            parts.set(key, F64, 1f64.to_le_bytes().into())
        });
    }
    for key in SWITCHES {
        for value in [0u8, 1, 2] {
            edit(format!("{key} = {value} as a switch"), &|parts| {
                parts.set(key, BOOL, vec![value])
            });
        }
    }
    for (key, values) in TEXTS {
        for value in values {
            edit(format!("{key} = `{value}`"), &|parts| {
                parts.set(key, TEXT, of_text(value))
            });
        }
        edit(format!("{key} of a megabyte"), &|parts| {
            parts.set(key, TEXT, of_text(&"y".repeat(1 << 20)))
        });
        edit(format!("{key} that is not UTF-8"), &|parts| {
            parts.set(key, TEXT, vec![2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe])
        });
    }
    for pair in &good.pairs {
        let key = pair.key.as_str();
        edit(format!("{key} left out"), &|parts| {
            parts.pairs.retain(|pair| pair.key != key)
        });
        edit(format!("{key} twice"), &|parts| parts.pairs.push(pair.clone()));
        for kind in [0, 1, 2, 3, U32, 5, F32, BOOL, 10, 11, F64] {
            if kind != pair.kind {
                edit(format!("{key} of type {kind}"), &|parts| {
                    let width = match kind {
                        0 | 1 | BOOL => 1,
                        2 | 3 => 2,
                        10.. => 8,
                        _ => 4,
                    };
                    let mut value = pair.value.clone();
                    value.resize(width, 0);
                    parts.set(key, kind, value);
                });
            }
        }
        edit(format!("{key} as text"), &|parts| {
            parts.set(key, TEXT, of_text("1"))
        });
        for (kind, count, element) in [
            (U32, 2u64, &1u32.to_le_bytes()[..]),
            (F32, 2, &1f32.to_le_bytes()),
            (U32, 0, &[]),
            (TEXT, 2, &of_text("a b")),
        ] {
            edit(format!("{key} as an array of {count} of type {kind}"), &|parts| {
                let mut value = [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat();
                (0..count).for_each(|_| value.extend(element));
                parts.set(key, ARRAY, value);
            });
        }
    }
    arrays(good, &mut edit);
    tensors(good, &mut edit);
    all
}

/// Takes an edit: what it does, and how.
type Edit<'a> = dyn FnMut(String, &dyn Fn(&mut Parts)) + 'a;

/// Edits of the tokeniser's arrays, their lengths and elements.
fn arrays(good: &Parts, edit: &mut Edit<'_>) {
    let elements = |key: &str| {
        let pair = good.pairs.iter().find(|pair| pair.key == key).unwrap();
        let mut bytes = Bytes(&pair.value);
        let (kind, count) = (bytes.u32(), bytes.u64());
        let elements: Vec<Vec<u8>> = (0..count).map(|_| bytes.value(kind)).collect();
        (kind, elements)
    };
    let of = |kind: u32, elements: &[Vec<u8>]| {
        [
            &kind.to_le_bytes()[..],
            &(elements.len() as u64).to_le_bytes(),
            &elements.concat(),
        ]
        .concat()
    };
    for key in [
        "tokenizer.ggml.tokens",
        "tokenizer.ggml.token_type",
        "tokenizer.ggml.merges",
    ] {
        let (kind, whole) = elements(key);
        for length in [0, 1, 2, whole.len() / 2, whole.len() - 1] {
            edit(format!("{key} of {length}"), &|parts| {
                parts.set(key, ARRAY, of(kind, &whole[..length]))
            });
        }
        edit(format!("{key} with one more"), &|parts| {
            let more = [whole.clone(), vec![whole[0].clone()]].concat();
            parts.set(key, ARRAY, of(kind, &more));
        });
        let odd: Vec<Vec<u8>> = match kind {
            TEXT => ["", " ", "a", "  ", "a b c", "\u{0}", "z z", "x y"]
                .map(of_text)
                .into(),
            _ => [-1, 0, 2, 4, 6, 7, 99, i32::MIN, i32::MAX]
                .map(|n: i32| n.to_le_bytes().to_vec())
                .into(),
        };
        for (at, value) in odd.into_iter().enumerate() {
            for place in [0, 10, whole.len() - 1] {
                edit(format!("{key}, odd value {at} at {place}"), &|parts| {
                    let mut edited = whole.clone();
                    edited[place] = value.clone();
                    parts.set(key, ARRAY, of(kind, &edited));
                });
            }
            edit(format!("{key}, odd value {at} everywhere"), &|parts| {
                parts.set(key, ARRAY, of(kind, &vec![value.clone(); whole.len()]));
            });
        }
    }
    for (kind, element) in [
        (F32, f32::NAN.to_le_bytes()),
        (F32, 1f32.to_le_bytes()),
        (U32, 1u32.to_le_bytes()),
    ] {
        for count in [0, 1, 283] {
            edit(format!("{count} scores of type {kind}"), &|parts| {
                parts.set(
                    "tokenizer.ggml.scores",
                    ARRAY,
                    of(kind, &vec![element.to_vec(); count]),
                );
            });
        }
    }
    for key in ["head_count", "head_count_kv"]
        .map(|key| format!("llama.attention.{key}"))
        .into_iter()
        .chain(["llama.feed_forward_length".into()])
    {
        for values in [[0u32, 0], [1, 2], [2, 0], [2, 1 << 31]] {
            edit(format!("{key} = {values:?}"), &|parts| {
                parts.set(&key, ARRAY, of(U32, &values.map(|n| n.to_le_bytes().to_vec())));
            });
        }
    }
}

/// Edits of the tensors' entries; the data stand where they stood, and are more than is asked for.
fn tensors(good: &Parts, edit: &mut Edit<'_>) {
    for (at, tensor) in good.tensors.iter().enumerate() {
        let name = &tensor.name;
        let mut of = |what: String, change: &dyn Fn(&mut Tensor)| {
            edit(format!("{name} {what}"), &|parts| {
                change(&mut parts.tensors[at]);
                let room = parts.data.len();
                parts.data.extend(vec![1; room]);
            });
        };
        for kind in 0..44 {
            of(format!("of type {kind}"), &|tensor| tensor.kind = kind);
        }
        for extent in [0, 1, 2, 32, 63, 65, 128, 1 << 20] {
            for dimension in 0..tensor.shape.len() {
                of(format!("of {extent} in dimension {dimension}"), &|tensor| {
                    tensor.shape[dimension] = extent
                });
            }
        }
        of("without a dimension".into(), &|tensor| tensor.shape.clear());
        of("with one dimension less".into(), &|tensor| {
            tensor.shape.pop();
        });
        of("with a dimension of one more".into(), &|tensor| {
            tensor.shape.push(1)
        });
        of("with a dimension of two more".into(), &|tensor| {
            tensor.shape.push(2)
        });
        of("turned round".into(), &|tensor| tensor.shape.reverse());
        of("of another name".into(), &|tensor| tensor.name += "s");
        of("of an empty name".into(), &|tensor| tensor.name.clear());
        for offset in [0, 32, 33, 1 << 40] {
            of(format!("at {offset}"), &|tensor| tensor.offset = offset);
        }
    }
    for tensor in &good.tensors {
        edit(format!("{} left out", tensor.name), &|parts| {
            parts.tensors.retain(|other| other.name != tensor.name)
        });
    }
    for (name, shape) in [
        ("rope_freqs.weight", [16u64, 1]),
        ("blk.0.attn_q.bias", [64, 1]),
        ("output.weight", [64, 283]),
        ("blk.2.attn_q.weight", [64, 64]),
    ] {
        for kind in 0..44 {
            edit(format!("a further {name} of type {kind}"), &|parts| {
                let (kind, offset) = (kind, 0);
                let shape = shape.into_iter().filter(|&n| n > 1).collect();
                parts.tensors.push(Tensor {
                    name: name.into(),
                    shape,
                    kind,
                    offset,
                });
                parts.data.extend(vec![1; 200_000]);
            });
        }
    }
}
