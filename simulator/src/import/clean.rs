//! Text of published catalogues made readable: no markup, one line, cut at a word.

use super::encoding::mended;
use super::entities;

/// `text` in one line: white space and control characters folded to single blanks, none at the ends.
pub(crate) fn fold(text: &str) -> String {
    let visible = text
        .chars()
        .filter(|character| !matches!(character, '\u{200b}' | '\u{feff}' | '\u{ad}'))
        .map(|character| if character.is_control() { ' ' } else { character });
    let visible: String = visible.collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `html` as one line of plain text: tags left out, character references decoded, broken encodings mended.
pub(crate) fn from_html(html: &str) -> String {
    let text = entities::decode(&without_tags(html));
    fold(&mended(&text).unwrap_or(text))
}

/// `text` of at most `longest` characters, cut after a word and marked as cut.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(longest) else {
        return text.to_string();
    };
    let whole_words = text[..end].rfind(' ').unwrap_or(end);
    let kept = text[..whole_words].trim_end_matches(|c: char| c.is_whitespace() || ",;:-–(".contains(c));
    format!("{kept}…")
}

/// Leaves tags and comments out; each leaves a blank. A `<` that begins no tag ("5 < 10") stays.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        match tag_length(rest) {
            Some(length) => {
                text.push(' ');
                rest = &rest[length..];
            }
            None => {
                text.push('<');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The length of the tag or comment that `text` starts with.
fn tag_length(text: &str) -> Option<usize> {
    if text.starts_with("<!--") {
        return text.find("-->").map(|at| at + 3);
    }
    let end = text.find('>')?;
    let inside = text[1..end].strip_prefix('/').unwrap_or(&text[1..end]);
    let inside = inside.strip_suffix('/').unwrap_or(inside).trim_end();
    let name = inside.split_whitespace().next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    // A name alone, or attributes after it: "x<y and z>w" is not a tag.
    (is_name && !inside.contains('<') && (name.len() == inside.len() || inside.contains('=')))
        .then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_text_stays() {
        let cases = [
            (
                "<br />2 terminals,\n\t plastic&nbsp;case",
                "2 terminals, plastic case",
            ),
            (
                "<p class=\"x\">A<b>bold</b> word</p><!-- hidden <i> -->",
                "A bold word",
            ),
            (
                "5 < 10, x<y and z>w, <li.Fits most",
                "5 < 10, x<y and z>w, <li.Fits most",
            ),
            ("&Acirc;&plusmn; 0.05\u{200b}mm &lt;b&gt;", "± 0.05mm <b>"),
            ("  ", ""),
        ];
        for (html, expected) in cases {
            assert_eq!(from_html(html), expected);
        }
    }

    #[test]
    fn long_text_is_cut_behind_a_word() {
        assert_eq!(cut("one two", 7), "one two");
        assert_eq!(cut("one, two", 7), "one…");
        assert_eq!(cut("ééééé", 3), "ééé…");
    }
}
