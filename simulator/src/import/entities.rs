//! HTML's character references: `&ndash;`, `&#39;`, `&#x2F;`.

/// Names of the characters 160 to 255, in their order.
const LATIN_1: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo",
    "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot",
    "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",
    "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
    "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash",
    "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde",
    "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc",
    "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave",
    "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

/// The others that catalogues use.
const OTHERS: [(&str, char); 47] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("hellip", '…'),
    ("bull", '•'),
    ("dagger", '†'),
    ("Dagger", '‡'),
    ("permil", '‰'),
    ("prime", '′'),
    ("Prime", '″'),
    ("trade", '™'),
    ("euro", '€'),
    ("tilde", '˜'),
    ("circ", 'ˆ'),
    ("fnof", 'ƒ'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("Yuml", 'Ÿ'),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("minus", '−'),
    ("le", '≤'),
    ("ge", '≥'),
    ("ne", '≠'),
    ("asymp", '≈'),
    ("infin", '∞'),
    ("radic", '√'),
    ("Omega", 'Ω'),
    ("Delta", 'Δ'),
    ("alpha", 'α'),
    ("beta", 'β'),
    ("mu", 'μ'),
];

/// The longest reference that is looked for, in bytes.
const LONGEST: usize = 10;

/// Puts the characters in the place of their references, once. What is not a known reference stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((character, length)) => {
                decoded.push(character);
                rest = &rest[length..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// The character that the reference at the start of `text` stands for, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = &text[1..end];
    // Some catalogues have had a blank put after the sign: "primers & amp; paint".
    let broken = name
        .strip_prefix(' ')
        .filter(|name| ["amp", "quot", "lt", "gt", "nbsp"].contains(name));
    let character = match name.strip_prefix('#') {
        Some(number) => numbered(number),
        None => named(broken.unwrap_or(name)),
    };
    character.map(|character| (character, end + 1))
}

fn numbered(number: &str) -> Option<char> {
    let number = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    number.ok().and_then(char::from_u32)
}

fn named(name: &str) -> Option<char> {
    let latin = LATIN_1.iter().zip('\u{a0}'..).find(|(known, _)| **known == name);
    let other = || OTHERS.iter().find(|(known, _)| *known == name);
    latin
        .map(|(_, character)| character)
        .or_else(|| other().map(|(_, character)| *character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_characters() {
        let cases = [
            ("T&uuml;rlen &ndash; 1&#39; &#x2F; &yuml;", "Türlen – 1' / ÿ"),
            ("-58&deg;f to 10&frac34;&rdquo;", "-58°f to 10¾”"),
            (
                "primers & amp; paint, \"hot-dip & quot; process",
                "primers & paint, \"hot-dip \" process",
            ),
            ("&amp;lt;", "&lt;"),
            (
                "Water, Oil & Gas; AT&T; &unknown; &#xD800; &",
                "Water, Oil & Gas; AT&T; &unknown; &#xD800; &",
            ),
            ("&é;", "&é;"),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text), expected);
        }
    }
}
