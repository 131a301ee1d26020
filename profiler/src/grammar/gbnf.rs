//! The same grammar for llama.cpp.

use super::{ABOUT, AVOIDS, LIKES, NEXT};

/// A grammar in llama.cpp's notation (GBNF) that accepts every profile over `vocabulary`. What no context-free grammar
/// says in few rules it lets pass: a word in two places, and a text that ends in a space.
pub fn gbnf(vocabulary: &[String]) -> String {
    let words: Vec<String> = vocabulary.iter().map(|word| literal(&json(word))).collect();
    let list = |most: usize| format!("\"[\" (word (\",\" word){{0,{}}})? \"]\"", most - 1);
    [
        format!(
            "root ::= {} likes {} avoids {} next {} char{{1,{ABOUT}}} {}",
            literal(r#"{"likes":"#),
            literal(r#","avoids":"#),
            literal(r#","next":"#),
            literal(r#","about":""#),
            literal("\"}"),
        ),
        format!("likes ::= {}", list(LIKES)),
        format!("avoids ::= {}", list(AVOIDS)),
        format!("next ::= {}", list(NEXT)),
        format!("word ::= {}", words.join(" | ")),
        r#"char ::= [^"\\\x00-\x1F\x7F-\x9F]"#.to_string(),
    ]
    .join("\n")
        + "\n"
}

fn json(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// A text as a GBNF literal.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_json_and_for_the_grammar() {
        let text = gbnf(&["funny".to_string(), "9\"".into()]);
        assert!(text.contains(r#"word ::= "\"funny\"" | "\"9\\\"\"""#), "{text}");
        assert!(text.starts_with(r#"root ::= "{\"likes\":" likes "#), "{text}");
        assert!(
            text.contains(r#"avoids ::= "[" (word ("," word){0,2})? "]""#),
            "{text}"
        );
    }
}
