//! A list of strings as Python prints it: `['one', "it's two"]`.

/// The strings of the list. Real files have lists whose quotes were not escaped, so a quote ends a string only where
/// a comma and the next string, or the closing bracket, follow. Text that is not a list is one piece.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let text = text.trim();
    let Some(mut rest) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return if text.is_empty() {
            vec![]
        } else {
            vec![text.to_string()]
        };
    };
    let mut pieces = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        let Some(quote) = rest.chars().next() else {
            return pieces;
        };
        if quote != '\'' && quote != '"' {
            pieces.push(rest.to_string());
            return pieces;
        }
        let (piece, length) = string(&rest[1..], quote);
        pieces.push(piece);
        rest = &rest[1 + length..];
    }
}

/// The string that `text` begins with, after its opening `quote`, and its length with the closing one.
fn string(text: &str, quote: char) -> (String, usize) {
    let mut string = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote && ends(&text[at + 1..]) {
            return (string, at + 1);
        }
        if character != '\\' {
            string.push(character);
            continue;
        }
        match characters.next() {
            Some((_, 'n' | 't' | 'r')) => string.push(' '),
            Some((at, kind @ ('x' | 'u'))) => {
                let digits = text.get(at + 1..at + if kind == 'x' { 3 } else { 5 });
                let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                match (number.and_then(char::from_u32), digits) {
                    (Some(escaped), Some(digits)) => {
                        string.push(escaped);
                        characters.nth(digits.len() - 1);
                    }
                    _ => string.push(kind),
                }
            }
            Some((_, escaped)) => string.push(escaped),
            None => {}
        }
    }
    (string, text.len())
}

fn ends(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(", '") || rest.starts_with(", \"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_whatever_their_quotes() {
        let cases: [(&str, &[&str]); 8] = [
            ("['one', 'two']", &["one", "two"]),
            ("[\"it's\", 'a \"b\"']", &["it's", "a \"b\""]),
            ("['for it's long life', '']", &["for it's long life", ""]),
            (
                r"['a\nb', 'it\'s \\ \xb0 \u2013 \xzz']",
                &["a b", "it's \\ ° – xzz"],
            ),
            ("['cut off", &["['cut off"]),
            ("['open]", &["open"]),
            ("plain text", &["plain text"]),
            ("[]", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }
}
