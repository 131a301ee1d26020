//! Readable names: topics, titles and texts that tell an item's topic, so that a language model has something to read.

use common::rng::{ChaCha8Rng, RngExt};

/// A topic's name and the nouns of its titles.
type Subject = (&'static str, [&'static str; 6]);

const SUBJECTS: [Subject; 24] = [
    (
        "gardening",
        ["trellis", "seed", "orchard", "soil", "hedge", "bloom"],
    ),
    (
        "cooking",
        ["kettle", "saffron", "oven", "broth", "dough", "pantry"],
    ),
    (
        "astronomy",
        ["comet", "nebula", "orbit", "eclipse", "telescope", "moon"],
    ),
    ("sailing", ["harbour", "keel", "tide", "mast", "anchor", "voyage"]),
    (
        "chess",
        ["gambit", "rook", "endgame", "opening", "bishop", "checkmate"],
    ),
    (
        "jazz",
        ["trumpet", "swing", "saxophone", "ballad", "quartet", "groove"],
    ),
    (
        "football",
        ["goal", "striker", "league", "derby", "penalty", "midfield"],
    ),
    (
        "ancient history",
        ["empire", "temple", "papyrus", "legion", "dynasty", "ruin"],
    ),
    (
        "philosophy",
        ["reason", "virtue", "paradox", "doubt", "mind", "duty"],
    ),
    (
        "mathematics",
        ["theorem", "prime", "proof", "polygon", "infinity", "integral"],
    ),
    (
        "crime",
        ["alibi", "detective", "murder", "clue", "verdict", "suspect"],
    ),
    (
        "fantasy",
        ["dragon", "sorcerer", "quest", "kingdom", "rune", "prophecy"],
    ),
    (
        "science fiction",
        ["android", "starship", "colony", "galaxy", "clone", "signal"],
    ),
    (
        "romance",
        ["kiss", "letter", "wedding", "promise", "heart", "summer"],
    ),
    (
        "travel",
        ["passport", "railway", "island", "caravan", "map", "bazaar"],
    ),
    (
        "photography",
        ["lens", "shutter", "portrait", "darkroom", "flash", "negative"],
    ),
    (
        "programming",
        ["compiler", "pointer", "recursion", "thread", "kernel", "parser"],
    ),
    (
        "economics",
        ["inflation", "currency", "labour", "tariff", "credit", "market"],
    ),
    (
        "medicine",
        ["surgery", "vaccine", "pulse", "diagnosis", "antibody", "ward"],
    ),
    (
        "birdwatching",
        ["heron", "nest", "migration", "falcon", "plumage", "song"],
    ),
    (
        "climbing",
        ["ridge", "summit", "rope", "glacier", "ledge", "crag"],
    ),
    (
        "knitting",
        ["yarn", "needle", "cable", "wool", "pattern", "stitch"],
    ),
    (
        "painting",
        ["canvas", "pigment", "fresco", "brush", "palette", "mural"],
    ),
    (
        "cinema",
        ["screenplay", "director", "montage", "reel", "premiere", "camera"],
    ),
];

/// Beyond the plain topics there are modern ones, classical ones, ...
const STYLES: [&str; 16] = [
    "",
    "modern",
    "classical",
    "practical",
    "northern",
    "everyday",
    "experimental",
    "regional",
    "popular",
    "academic",
    "alpine",
    "coastal",
    "urban",
    "rural",
    "amateur",
    "professional",
];
const ADJECTIVES: [&str; 20] = [
    "quiet",
    "broken",
    "golden",
    "hidden",
    "last",
    "patient",
    "restless",
    "silver",
    "forgotten",
    "perfect",
    "long",
    "second",
    "burning",
    "gentle",
    "secret",
    "simple",
    "wild",
    "northern",
    "early",
    "distant",
];
const FORMATS: [&str; 10] = [
    "guide",
    "handbook",
    "reader",
    "companion",
    "introduction",
    "collection",
    "primer",
    "notebook",
    "course",
    "almanac",
];

/// How many topics there are names for.
pub(crate) const MOST_TOPICS: usize = SUBJECTS.len() * STYLES.len();

/// The name of topic `topic`, below [`MOST_TOPICS`].
pub(super) fn topic(topic: usize) -> String {
    let (name, _) = SUBJECTS[topic % SUBJECTS.len()];
    match STYLES[topic / SUBJECTS.len()] {
        "" => name.to_string(),
        style => format!("{style} {name}"),
    }
}

/// A title and a text for an item of topic `of`.
pub(super) fn describe(of: usize, rng: &mut ChaCha8Rng) -> (String, String) {
    let (_, nouns) = SUBJECTS[of % SUBJECTS.len()];
    let first = rng.random_range(0..nouns.len());
    let noun = |step: usize| nouns[(first + step) % nouns.len()];
    let adjective = ADJECTIVES[rng.random_range(0..ADJECTIVES.len())];
    let format = FORMATS[rng.random_range(0..FORMATS.len())];
    let name = topic(of);
    (
        format!(
            "The {} {}: {} {name} {format}",
            capital(adjective),
            capital(noun(0)),
            article(&name)
        ),
        format!(
            "{} {format} about {name}, with chapters on {}, {} and {}.",
            capital(article(format)),
            noun(0),
            noun(1),
            noun(2)
        ),
    )
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use common::rng::stream;

    use super::*;

    #[test]
    fn topics_have_names_of_their_own_that_titles_and_texts_tell() {
        let names: BTreeSet<String> = (0..MOST_TOPICS).map(topic).collect();
        assert_eq!(names.len(), MOST_TOPICS);
        let (title, text) = describe(24 + 5, &mut stream(0, "test", &[]));
        assert!(
            title.starts_with("The ") && title.contains(": a modern jazz "),
            "{title}"
        );
        assert!(text.contains(" about modern jazz, with chapters on "), "{text}");
    }
}
