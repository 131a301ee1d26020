//! Refinement on planted worlds.

use common::rng::{normal, stream};

use super::*;

const ITEMS: usize = 200;
const WIDTH: usize = 12;

/// Items of two kinds that one trait of twelve tells apart, and users who like one kind each; `liked` items of
/// one user.
fn world(liked: usize) -> (Profiles, States) {
    let ids: Vec<String> = (0..ITEMS).map(|item| item.to_string()).collect();
    let mut traits = Vec::new();
    for item in 0..ITEMS {
        let mut noise = stream(1, "test traits", &[item as u64]);
        let kind = if item.is_multiple_of(2) { 1.0 } else { -1.0 };
        traits.extend((0..WIDTH).map(|word| match word {
            0 => kind + 0.5 * normal(&mut noise),
            _ => normal(&mut noise),
        }));
    }
    let profiles = Profiles {
        vocabulary: (0..WIDTH).map(|word| format!("word{word}")).collect(),
        kind: vec![Kind::Item; ITEMS],
        id: ids.clone(),
        state_hash: vec![None; ITEMS],
        traits,
        summary: vec![None; ITEMS],
        confidence: vec![0.5; ITEMS],
        fame: Vec::new(),
        prompt: Vec::new(),
    };
    let mut states = States::default();
    for user in 0..100_usize {
        let mut draw: Vec<usize> = (0..ITEMS).filter(|item| item % 2 == user % 2).collect();
        rng::shuffle(&mut stream(2, "test likes", &[user as u64]), &mut draw);
        states
            .items
            .push(draw[..liked].iter().map(|&item| ids[item].clone()).collect());
        states.liked.push(vec![true; liked]);
    }
    let names = (0..100).map(|user| format!("u{user}"));
    states.users = common::ids::Dictionary::from_values(common::ids::IdKind::Text, names).unwrap();
    (profiles, states)
}

fn fit(profiles: &Profiles, states: &States, folds: usize) -> Result<(Features, CrossFit)> {
    let items = Features::of(profiles, Kind::Item);
    let likes = likes(profiles, &items, states);
    let fit = CrossFit::new(&items, &likes, 2, 0.1, folds, 0)?;
    Ok((items, fit))
}

/// How often the first refined trait has the sign of the item's kind; or the other, for signs are arbitrary.
fn told_apart(items: &Features, fit: &CrossFit) -> f64 {
    let right = |at: usize| (fit.item(items, at)[0] > 0.0) == at.is_multiple_of(2);
    let share = (0..ITEMS).filter(|&at| right(at)).count() as f64 / ITEMS as f64;
    share.max(1.0 - share)
}

#[test]
fn the_trait_that_users_agree_on_comes_first() {
    let (profiles, states) = world(8);
    for folds in [1, 5] {
        let (items, fit) = fit(&profiles, &states, folds).unwrap();
        assert!(
            told_apart(&items, &fit) > 0.93,
            "{folds}: {}",
            told_apart(&items, &fit)
        );
        let shares = fit.whole().shares();
        assert!(shares[0] > 0.5 && shares[1] < 0.1, "{shares:?}");
        let names = name::directions(&profiles.vocabulary, fit.whole(), &items);
        assert!(names[0].contains("word0"), "{names:?}");
    }
}

#[test]
fn a_crossed_fit_makes_nothing_up_of_shuffled_traits() {
    let (mut profiles, states) = world(8);
    shuffle(&mut profiles, 3);
    let (items, crossed) = fit(&profiles, &states, 5).unwrap();
    assert!(
        told_apart(&items, &crossed) < 0.65,
        "{}",
        told_apart(&items, &crossed)
    );
}

#[test]
fn an_items_own_likes_have_no_part_in_its_traits() {
    let (profiles, mut states) = world(8);
    let (items, before) = fit(&profiles, &states, 5).unwrap();
    let before = before.item(&items, 0);
    // Item 0 is liked by everyone now; the directions of the whole may turn, not what item 0 is compared to others of
    // its fold.
    for user in 0..100 {
        states.items[user][0] = "0".into();
    }
    let (items, after) = fit(&profiles, &states, 5).unwrap();
    let after = after.item(&items, 0);
    let agree =
        before[0] * after[0] > 0.0 && (before[0].abs() - after[0].abs()).abs() < 0.35 * before[0].abs();
    assert!(agree, "{before:?} {after:?}");
}

#[test]
fn likes_of_one_item_a_user_are_refused() {
    let (profiles, states) = world(1);
    let refused = fit(&profiles, &states, 1).err().unwrap();
    assert!(
        refused.to_string().contains("no user likes two items"),
        "{refused}"
    );
}
