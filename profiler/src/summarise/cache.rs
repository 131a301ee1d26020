//! Finished units of profiles, kept as text: a line a profile, its confidence (as bits) before its JSON.

use common::Result;
use common::fingerprint::Fingerprint;

use super::slot::Summary;
use super::words::Scores;
use crate::batch::Cache;
use crate::profile::{Field, Profile};

/// The unit under `key`, if it is there whole: `count` profiles over `words`.
pub(super) fn load(cache: &Cache, key: &Fingerprint, words: &[String], count: usize) -> Option<Vec<Summary>> {
    let text = String::from_utf8(cache.load_bytes(key)?).ok()?;
    let summary = |line: &str| {
        let (bits, json) = line.split_once(' ')?;
        Some(Summary {
            profile: Profile::check(json, words).ok()?,
            confidence: f32::from_bits(bits.parse().ok()?),
        })
    };
    let summaries: Vec<Summary> = text.lines().map(summary).collect::<Option<_>>()?;
    (summaries.len() == count).then_some(summaries)
}

/// Keeps a finished unit.
pub(super) fn store(cache: &Cache, key: &Fingerprint, summaries: &[Summary]) -> Result<()> {
    let line =
        |summary: &Summary| format!("{} {}\n", summary.confidence.to_bits(), summary.profile.to_json());
    let text: String = summaries.iter().map(line).collect();
    cache.store_bytes(key, text.as_bytes())
}

/// What is usual, if it is there whole: scores of `words` words.
pub(super) fn load_scores(cache: &Cache, key: &Fingerprint, words: usize) -> Option<Scores> {
    let bytes = cache.load_bytes(key)?;
    let (values, rest) = bytes.as_chunks::<4>();
    let whole = rest.is_empty() && values.len() == Field::ALL.len() * words;
    let of = |field: Field| {
        let values = values[field as usize * words..].iter().take(words);
        values.map(|&value| f32::from_le_bytes(value)).collect()
    };
    whole.then(|| Field::ALL.map(of))
}

/// Keeps what is usual.
pub(super) fn store_scores(cache: &Cache, key: &Fingerprint, scores: &Scores) -> Result<()> {
    cache.store_bytes(key, &bytes(scores))
}

/// Scores as bytes.
pub(super) fn bytes(scores: &Scores) -> Vec<u8> {
    scores
        .iter()
        .flatten()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_to_the_bit_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::beside(&folder.path().join("s.parquet")).unwrap();
        let key = Fingerprint::of_bytes(b"key");
        let words = vec!["funny".to_string()];
        let summary = |about: &str, confidence| Summary {
            profile: Profile {
                likes: words.clone(),
                about: about.into(),
                ..Profile::default()
            },
            confidence,
        };
        let summaries = [summary("né 🎬", f32::MIN_POSITIVE), summary("x", 0.1)];
        assert_eq!(load(&cache, &key, &words, 2), None);
        store(&cache, &key, &summaries).unwrap();
        assert_eq!(load(&cache, &key, &words, 2).unwrap(), summaries);
        assert_eq!(load(&cache, &key, &words, 3), None);
        assert_eq!(load(&cache, &key, &["sad".to_string()], 2), None);

        let scores: Scores = [vec![1.0, -0.0], vec![2.0, 0.5], vec![3.0, 0.25]];
        let other = Fingerprint::of_bytes(b"other");
        store_scores(&cache, &other, &scores).unwrap();
        assert_eq!(load_scores(&cache, &other, 2).unwrap(), scores);
        assert_eq!(load_scores(&cache, &other, 3), None);
    }
}
