//! What a run shows of the catalogue, and how groups of users fare in it.

use common::groups::Group;
use common::stats::{coverage, gini};

use crate::environment::Environment;
use crate::metric;

/// The catalogue by popularity in the log, the same for every seed.
#[derive(Clone, Debug)]
pub(super) struct Popularity {
    /// Of each item: 0 head, 1 middle, 2 tail.
    third: Vec<u8>,
    /// Of each item whether nobody had it.
    is_cold: Vec<bool>,
    /// Of each item -log2 of the share of users who had it, one more of each counted: so many bits its showing tells.
    novelty: Vec<f32>,
}

impl Popularity {
    /// Head are the most popular items that together have a third of the log's interactions, middle those with the next third, tail
    /// the rest; ties by code.
    pub(super) fn of(environment: &Environment) -> Self {
        let mut counts = vec![0_u64; environment.items.len()];
        for &item in environment.consumed.values() {
            counts[item as usize] += 1;
        }
        let mut order: Vec<u32> = (0..counts.len() as u32).collect();
        order.sort_by_key(|&item| std::cmp::Reverse(counts[item as usize]));
        let total: u64 = counts.iter().sum();
        let (mut third, mut before) = (vec![2; counts.len()], 0);
        for item in order {
            let count = counts[item as usize];
            if count > 0 {
                third[item as usize] = (3 * before / total) as u8;
                before += count;
            }
        }
        let users = environment.users.len() as f64 + 1.0;
        let novelty = |&count: &u64| -((count as f64 + 1.0) / users).log2() as f32;
        Popularity {
            third,
            is_cold: counts.iter().map(|count| *count == 0).collect(),
            novelty: counts.iter().map(novelty).collect(),
        }
    }
}

/// How often each item was shown in a run, and how often those of the head at its beginning and its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposure {
    counts: Vec<u64>,
    /// In the first and in the last tenth of the episodes: items of the head, and all.
    ends: [[u64; 2]; 2],
    episodes: u64,
}

impl Exposure {
    /// Of `items` items, before anything was shown in `episodes` episodes.
    pub(super) fn new(items: usize, episodes: u64) -> Self {
        Exposure {
            counts: vec![0; items],
            ends: [[0; 2]; 2],
            episodes,
        }
    }

    /// An item was shown in an episode.
    pub(super) fn add(&mut self, item: u32, episode: u64, popularity: &Popularity) {
        self.counts[item as usize] += 1;
        let tenth = self.episodes.div_ceil(10);
        let is_end = [episode < tenth, episode >= self.episodes - tenth];
        for (end, _) in self.ends.iter_mut().zip(is_end).filter(|(_, is_end)| *is_end) {
            end[0] += u64::from(popularity.third[item as usize] == 0);
            end[1] += 1;
        }
    }

    /// The metrics of it by their names; none where nothing was shown.
    pub(super) fn metrics(&self, popularity: &Popularity) -> Vec<(&'static str, f64)> {
        let shown: u64 = self.counts.iter().sum();
        if shown == 0 {
            return Vec::new();
        }
        let mut thirds = [0_u64; 3];
        let (mut bits, mut cold) = (0.0, 0);
        let items = popularity
            .third
            .iter()
            .zip(&popularity.novelty)
            .zip(&popularity.is_cold);
        for (&count, ((third, novelty), is_cold)) in self.counts.iter().zip(items) {
            thirds[usize::from(*third)] += count;
            cold += count * u64::from(*is_cold);
            bits += count as f64 * f64::from(*novelty);
        }
        let share = |part: u64, all: u64| part as f64 / all as f64;
        let [head, middle, tail] = thirds.map(|count| share(count, shown));
        let [first, last] = self.ends.map(|[head, all]| share(head, all));
        vec![
            (metric::HEAD, head),
            (metric::MIDDLE, middle),
            (metric::TAIL, tail),
            (metric::COLD, share(cold, shown)),
            (metric::HEAD_FIRST, first),
            (metric::HEAD_LAST, last),
            (metric::COVERAGE, coverage(&self.counts)),
            (metric::GINI, gini(&self.counts)),
            (metric::NOVELTY, bits / shown as f64),
        ]
    }
}

/// A third of the users each, by how much the log has of them, ties by code; none where it has as much of all.
pub(super) fn by_log_length(environment: &Environment) -> Vec<Group> {
    let length = |user: &u32| environment.consumed.row(*user as usize).len();
    let mut order: Vec<u32> = (0..environment.users.len() as u32).collect();
    order.sort_by_key(length);
    let same = order.first().map(length) == order.last().map(length);
    if same {
        return Vec::new();
    }
    let mut third = vec![0; order.len()];
    for (place, &user) in order.iter().enumerate() {
        third[user as usize] = 3 * place / order.len();
    }
    let group = |(at, name): (usize, &str)| Group {
        name: format!("log={name}"),
        member: third.iter().map(|third| Some(*third == at)).collect(),
    };
    ["shortest", "middle", "longest"]
        .into_iter()
        .enumerate()
        .map(group)
        .collect()
}

/// By group the mean of `values`, one an episode, over the episodes of its users, and that less the mean over the episodes of all others
/// whose attribute is known; a group without episodes on either side is left out. `users` has each episode's user.
pub(super) fn by_group(groups: &[Group], values: &[f64], users: &[u32]) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for group in groups {
        let mean = |member: bool| {
            let (sum, count) = group.sum(values, users, member);
            (count > 0.0).then(|| sum / count)
        };
        let own = mean(true);
        found.extend(own.map(|own| (group.name.clone(), own)));
        let difference = own.zip(mean(false)).map(|(own, others)| own - others);
        found.extend(difference.map(|less| (format!("{}{}", group.name, metric::OTHERS), less)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::small;
    use crate::sparse::SparseRows;

    #[test]
    fn exposure_by_hand() {
        let mut environment = small();
        // Four users; item 0 was had by three, item 1 by two, item 2 by one: 3 + 2 + 1, a third is 2.
        let pairs = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (3, 2)];
        environment.consumed = SparseRows::from_pairs(4, pairs);
        let popularity = Popularity::of(&environment);
        assert_eq!(popularity.third, [0, 1, 2, 2, 2, 2]);
        assert!((popularity.novelty[0] + (4.0_f32 / 5.0).log2()).abs() < 1e-6);
        assert!((popularity.novelty[5] + (1.0_f32 / 5.0).log2()).abs() < 1e-6);
        let mut exposure = Exposure::new(6, 20);
        assert!(exposure.metrics(&popularity).is_empty());
        for (item, episode) in [(0, 0), (5, 1), (0, 7), (1, 12), (0, 18), (0, 19), (2, 19), (2, 2)] {
            exposure.add(item, episode, &popularity);
        }
        let found: std::collections::BTreeMap<_, _> = exposure.metrics(&popularity).into_iter().collect();
        assert_eq!(
            [metric::HEAD, metric::MIDDLE, metric::TAIL].map(|name| found[name]),
            [0.5, 0.125, 0.375]
        );
        assert_eq!(found[metric::COLD], 0.125);
        // Episodes 0 and 1, and 18 and 19.
        assert_eq!(found[metric::HEAD_FIRST], 0.5);
        assert_eq!(found[metric::HEAD_LAST], 2.0 / 3.0);
        assert_eq!(found[metric::COVERAGE], 4.0 / 6.0);
        let bits = [4.0, 1.0, 2.0, 1.0].iter().zip([4.0_f64, 3.0, 2.0, 1.0]);
        let bits: f64 = bits.map(|(count, users)| -count * (users / 5.0).log2()).sum();
        assert!((found[metric::NOVELTY] - bits / 8.0).abs() < 1e-6);
    }

    #[test]
    fn users_are_told_apart_by_how_much_the_log_has_of_them() {
        let mut environment = small();
        assert!(by_log_length(&environment).is_empty(), "one item of each");
        environment.consumed = SparseRows::from_pairs(4, [(0, 0), (0, 1), (2, 0), (3, 1), (3, 2), (3, 4)]);
        // Lengths 2, 0, 1 and 3.
        let groups = by_log_length(&environment);
        let members = |at: usize| -> Vec<usize> {
            let of = groups[at].member.iter().enumerate();
            of.filter(|(_, member)| **member == Some(true))
                .map(|(user, _)| user)
                .collect()
        };
        assert_eq!(
            (groups[0].name.as_str(), members(0)),
            ("log=shortest", vec![1, 2])
        );
        assert_eq!((groups[1].name.as_str(), members(1)), ("log=middle", vec![0]));
        assert_eq!((groups[2].name.as_str(), members(2)), ("log=longest", vec![3]));
    }

    #[test]
    fn a_group_is_held_against_all_others_who_are_known() {
        let group = |name: &str, member: [Option<bool>; 4]| Group {
            name: name.into(),
            member: member.to_vec(),
        };
        let (yes, no) = (Some(true), Some(false));
        let groups = [
            group("gender=F", [yes, no, yes, None]),
            group("age=7", [None, None, None, yes]),
        ];
        let found = by_group(&groups, &[1.0, 2.0, 4.0, 9.0, 3.0], &[0, 1, 1, 3, 2]);
        let told = |name: &str, value| (name.to_string(), value);
        assert_eq!(
            found,
            [
                told("gender=F", 2.0),
                told("gender=F - others", -1.0),
                told("age=7", 9.0)
            ]
        );
    }
}
