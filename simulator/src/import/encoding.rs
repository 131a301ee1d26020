//! Windows-1252, and text that was UTF-8 once and was read as Windows-1252 on its way.

/// What the bytes 0x80 to 0x9F stand for. The five bytes without a character keep their number, so that reading
/// loses nothing (as in the WHATWG's encoding standard).
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Reads Windows-1252; every sequence of bytes is valid, and none is lost.
pub(crate) fn from_windows_1252(bytes: &[u8]) -> String {
    let character = |&byte: &u8| match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    bytes.iter().map(character).collect()
}

fn to_windows_1252(character: char) -> Option<u8> {
    match HIGH.iter().position(|&high| high == character) {
        Some(at) => Some(0x80 + at as u8),
        None => u8::try_from(u32::from(character)).ok(),
    }
}

/// Gives text back its characters where UTF-8 was read as Windows-1252 ("BallakÃ© Sissoko", "Â± 0.05 mm", "itâ€™s");
/// `None` where there is nothing to mend. Only sequences that no language writes are touched: `Â` or `Ã` before a
/// character of the upper half, a quotation mark after `Ã` left out, and `â€` before one.
pub(crate) fn mended(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut mended = String::with_capacity(text.len());
    let (mut at, mut changed) = (0, false);
    while let Some(&character) = characters.get(at) {
        let sequence = match character {
            'Â' | 'Ã' => 2,
            'â' if characters.get(at + 1) == Some(&'€') => 3,
            _ => 1,
        };
        let found = characters
            .get(at..at + sequence)
            .filter(|found| sequence == 3 || !matches!(found.last(), Some('‘' | '’' | '“' | '”')))
            .and_then(meant);
        match found {
            Some(meant) => {
                mended.push(meant);
                (at, changed) = (at + sequence, true);
            }
            None => {
                mended.push(character);
                at += 1;
            }
        }
    }
    changed.then_some(mended)
}

/// The one character that these are the bytes of.
fn meant(characters: &[char]) -> Option<char> {
    if characters.len() < 2 {
        return None;
    }
    let bytes: Vec<u8> = characters
        .iter()
        .map(|&character| to_windows_1252(character))
        .collect::<Option<_>>()?;
    let mut meant = std::str::from_utf8(&bytes).ok()?.chars();
    meant.next().filter(|_| meant.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_and_goes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = from_windows_1252(&bytes);
        let back: Vec<u8> = text.chars().map(|c| to_windows_1252(c).unwrap()).collect();
        assert_eq!(back, bytes);
        assert_eq!(
            from_windows_1252(b"rock fran\xe7ais \x96 90s"),
            "rock français – 90s"
        );
    }

    #[test]
    fn utf_8_read_as_windows_1252_is_mended_and_nothing_else() {
        assert_eq!(mended("BallakÃ© Sissoko").unwrap(), "Ballaké Sissoko");
        assert_eq!(
            mended("Ã˜ 1.75 mm, Â± 0.05 mm, itâ€™s").unwrap(),
            "Ø 1.75 mm, ± 0.05 mm, it’s"
        );
        for whole in [
            "Legião Urbana",
            "IRMÃ",
            "“MANHÔ",
            "die ärzte",
            "Â",
            "宇多田ヒカル",
            "50 €",
        ] {
            assert_eq!(mended(whole), None, "{whole}");
        }
    }
}
