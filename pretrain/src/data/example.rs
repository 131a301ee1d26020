//! A hand-made dataset for tests: two kinds of items, users who like one of them.

use common::bad_rows::MaxBad;
use common::ids::{Dictionary, IdKind};
use common::rng::{RngExt, normal, shuffle, stream};
use common::schema::times::Times;

use super::profiles::ProfileTraits;
use super::replay::Replay;
use super::{Dataset, Event, LogRead, WINDOW, WithoutFeedback, last};

/// Items of each kind: codes below are of the first, the others of the second.
pub(crate) const OF_A_KIND: u32 = 20;

/// 60 users with 16 interactions each, 12 with their own kind (liked) and 4 with the other (not); traits that tell
/// the kinds apart, with noise. User u likes the first kind where u is even.
pub(crate) fn two_kinds() -> Dataset {
    let mut rng = stream(1, "test/two kinds", &[]);
    let items = 2 * OF_A_KIND;
    let mut logs: Vec<Vec<Event>> = Vec::new();
    for user in 0..60 {
        let own = |item: &u32| (*item < OF_A_KIND) == (user % 2 == 0);
        let mut order: Vec<u32> = (0..items).collect();
        shuffle(&mut rng, &mut order);
        let (mine, others): (Vec<u32>, Vec<u32>) = order.into_iter().partition(own);
        let mut log: Vec<Event> = mine[..12]
            .iter()
            .map(|&i| (i, 1.0))
            .chain(others[..4].iter().map(|&i| (i, -1.0)))
            .collect();
        shuffle(&mut rng, &mut log);
        logs.push(log);
    }
    let sign = |first: bool| if first { 1.0 } else { -1.0 };
    let mut noisy = |first: bool| {
        [
            sign(first) + 0.3 * normal(&mut rng),
            normal(&mut rng),
            rng.random::<f32>() - 0.5,
        ]
    };
    let profiles = ProfileTraits {
        count: 3,
        items: (0..items).flat_map(|item| noisy(item < OF_A_KIND)).collect(),
        known_items: (0..items).collect(),
        users: (0..60).flat_map(|user| noisy(user % 2 == 0)).collect(),
        known_users: (0..60).collect(),
        fame: None,
    };
    let mut popularity = vec![0.0; items as usize];
    for (item, _) in logs.iter().flatten().filter(|(_, feedback)| *feedback > 0.0) {
        popularity[*item as usize] += 1.0;
    }
    let ids = |count: u32| Dictionary::from_values(IdKind::Text, (0..count).map(|i| i.to_string())).unwrap();
    Dataset {
        items: ids(items),
        users: ids(60),
        states: logs.iter().map(|log| last(log, WINDOW).to_vec()).collect(),
        replay: Replay::of_logs(&logs, items as usize),
        times: Times::default(),
        without_feedback: WithoutFeedback::default(),
        answers: Vec::new(),
        popularity,
        window: WINDOW,
        profiles: Some(profiles),
        preferences: Vec::new(),
        log: LogRead {
            like_threshold: 1.0,
            fraction: 1.0,
            max_bad: MaxBad::default(),
            skipped_rows: 0,
        },
    }
}
