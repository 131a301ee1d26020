//! Which words a user's fields hold.
//!
//! A word's score in a field is its log-probability there for this user minus its mean over users (contextual
//! calibration, as in Zhao et al. 2021, "Calibrate Before Use", with what the model would say of anyone in place of an
//! empty input), relative to the mean of all words. For what a user avoids, the score in that field counts less that
//! among the likes, as models put what a prompt is about into any field.

use crate::profile::{AVOIDS, Field, LIKES, NEXT, Profile};

/// Log-probabilities of the words in each field.
pub(super) type Scores = [Vec<f32>; Field::ALL.len()];

/// Scores from here on are worth a word, in natural log-odds.
const WORTH: f32 = 0.5;

/// What a state holds, which bounds what can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Evidence {
    pub(super) liked: bool,
    pub(super) disliked: bool,
}

/// The profile of a user whose words have the log-probabilities `user`, where they usually have `usual`; its sentence is
/// yet to be written.
pub(super) fn choose(words: &[String], user: &Scores, usual: &Scores, evidence: Evidence) -> Profile {
    let [likes, avoids, next] =
        Field::ALL.map(|field| relative(&user[field as usize], &usual[field as usize]));
    // Where nothing was liked, the prompt is about dislikes alone, and what it suggests anywhere is avoided.
    let sign = if evidence.liked { -1.0 } else { 1.0 };
    let against: Vec<f32> = avoids
        .iter()
        .zip(&likes)
        .map(|(avoid, like)| avoid + sign * like)
        .collect();
    let mut free = vec![true; words.len()];
    let mut take = |scores: &[f32], most: usize, known: bool| {
        if !known {
            return Vec::new();
        }
        let taken = best(scores, most, &free);
        taken.iter().for_each(|&word| free[word] = false);
        taken.into_iter().map(|word| words[word].clone()).collect()
    };
    let likes = take(&likes, LIKES, evidence.liked);
    let avoids = take(&against, AVOIDS, evidence.disliked);
    let next = take(&next, NEXT, evidence.liked);
    Profile {
        likes,
        avoids,
        next,
        about: String::new(),
    }
}

/// The mean of all scores.
pub(super) fn mean(scores: &[Scores]) -> Scores {
    Field::ALL.map(|field| {
        let mut sum = vec![0.0; scores.first().map_or(0, |s| s[field as usize].len())];
        for scores in scores {
            sum.iter_mut()
                .zip(&scores[field as usize])
                .for_each(|(sum, score)| *sum += score);
        }
        sum.iter().map(|sum| sum / scores.len() as f32).collect()
    })
}

/// How much more probable each word is than usual, less the mean.
fn relative(user: &[f32], usual: &[f32]) -> Vec<f32> {
    let more: Vec<f32> = user
        .iter()
        .zip(usual)
        .map(|(with, without)| with - without)
        .collect();
    let mean = more.iter().sum::<f32>() / more.len().max(1) as f32;
    more.iter().map(|score| score - mean).collect()
}

/// The places of at most `most` free words, the best first: those worth it, and the very best in any case.
fn best(scores: &[f32], most: usize, free: &[bool]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&word| free[word]).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let worth = order.iter().take_while(|&&word| scores[word] >= WORTH).count();
    order.truncate(worth.clamp(1, most));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Evidence = Evidence {
        liked: true,
        disliked: true,
    };

    fn words() -> Vec<String> {
        ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(String::from)
            .to_vec()
    }

    fn chosen(likes: [f32; 8], avoids: [f32; 8], next: [f32; 8], evidence: Evidence) -> [String; 3] {
        let usual = Field::ALL.map(|_| vec![-1.0; 8]);
        let profile = choose(
            &words(),
            &[likes.to_vec(), avoids.to_vec(), next.to_vec()],
            &usual,
            evidence,
        );
        [profile.likes, profile.avoids, profile.next].map(|list| list.concat())
    }

    #[test]
    fn words_that_are_more_probable_than_usual_stand_in_one_list_each() {
        let likes = [9.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let avoids = [9.0, 9.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let next = [9.0, 0.0, 9.0, 7.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(chosen(likes, avoids, next, BOTH), ["ab", "c", "d"]);
    }

    #[test]
    fn what_no_evidence_supports_is_not_said() {
        let nothing = [0.0; 8];
        let topic = [0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0];
        let liked = Evidence {
            liked: true,
            disliked: false,
        };
        // Where no word stands out, the first of equals.
        assert_eq!(chosen(nothing, nothing, nothing, liked), ["a", "", "b"]);
        let disliked = Evidence {
            liked: false,
            disliked: true,
        };
        assert_eq!(chosen(topic, topic, topic, disliked), ["", "d", ""]);
    }

    #[test]
    fn lists_are_bounded() {
        let rising = [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        let steep = rising.map(|x: f32| x * x);
        let [likes, _, next] = chosen(steep, [0.0; 8], steep, BOTH);
        assert!(likes.len() <= LIKES && next.len() <= NEXT, "{likes} {next}");
        assert_eq!(&likes[..1], "a");
    }

    #[test]
    fn the_mean_is_over_users() {
        let user = |value: f32| Field::ALL.map(|_| vec![value, 2.0 * value]);
        assert_eq!(mean(&[user(1.0), user(3.0)]), user(2.0));
    }
}
