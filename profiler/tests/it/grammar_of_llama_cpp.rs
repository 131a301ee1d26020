//! The grammar that `profiler summarise --gbnf` writes, against llama.cpp's own implementation.

use crate::support::model;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use profiler::grammar::{ABOUT, Profile, gbnf};
use profiler::model::backend;

/// Whether llama.cpp lets `text` pass, token by token and to its end.
fn passes(model: &LlamaModel, grammar: &str, text: &str) -> bool {
    let mut sampler = LlamaSampler::grammar(model, grammar, "root").unwrap();
    let allowed = |token: LlamaToken, sampler: &mut LlamaSampler| {
        let mut one = LlamaTokenDataArray::new(vec![LlamaTokenData::new(token, 1.0, 0.0)], false);
        sampler.apply(&mut one);
        one.data[0].logit().is_finite()
    };
    for token in model.vocab().tokenize(text.as_bytes(), false, false) {
        if !allowed(token, &mut sampler) {
            return false;
        }
        sampler.accept(token);
    }
    allowed(model.vocab().eos(), &mut sampler)
}

#[test]
fn the_two_grammars_agree() {
    let path = model();
    let model = LlamaModel::load_from_file(
        backend().unwrap(),
        &path,
        &LlamaModelParams::default().with_vocab_only(true),
    )
    .unwrap();
    let words = ["funny", "sad", "sadly", "very-odd", "9'"]
        .map(String::from)
        .to_vec();
    let grammar = gbnf(&words);
    let with = |likes: &str, avoids: &str, about: &str| {
        format!(r#"{{"likes":[{likes}],"avoids":[{avoids}],"next":["sad"],"about":"{about}"}}"#)
    };
    let good = [
        with("", "", "x"),
        with(
            r#""funny","very-odd""#,
            r#""sadly""#,
            "Likes (funny) films, né 1950: 'A/B' … 🎬.",
        ),
        with(r#""9'""#, "", &"é".repeat(ABOUT)),
    ];
    for text in &good {
        Profile::check(text, &words).unwrap();
        assert!(passes(&model, &grammar, text), "{text}");
    }
    let bad = [
        with(r#""loud""#, "", "x"),
        with(r#""funny" ,"sad""#, "", "x"),
        with(r#""funny","very-odd","sadly","funny","9'","funny""#, "", "x"),
        with("", r#""funny","very-odd","sadly","9'""#, "x"),
        with("", "", ""),
        with("", "", &"é".repeat(ABOUT + 1)),
        with("", "", r"a\nb"),
        with("", "", "a\tb"),
        with("", "", "a\u{85}b"),
        good[0].replace("avoids", "avoid"),
        good[0].replace('}', ""),
        good[0].replace('}', ",}"),
    ];
    for text in &bad {
        Profile::check(text, &words).unwrap_err();
        assert!(!passes(&model, &grammar, text), "{text}");
    }
}
