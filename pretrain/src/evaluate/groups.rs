//! How the users of a group fare beside all others.

use common::groups::Group;

use super::interval::Interval;

/// The mean of the group's `values`, one of a list of the user at the same place of `user`, and how many there are.
pub(super) fn mean(group: &Group, values: &[f64], user: &[u32], confidence: f64) -> (Interval, usize) {
    let own = values
        .iter()
        .zip(user)
        .filter(|(_, user)| group.member[**user as usize] == Some(true));
    let (values, users): (Vec<f64>, Vec<u32>) = own.map(|(value, user)| (*value, *user)).unzip();
    (Interval::of_mean(&values, &users, confidence), values.len())
}

/// The group's mean minus that of all others whose attribute is known.
pub(super) fn beside_others(group: &Group, values: &[f64], user: &[u32], confidence: f64) -> Interval {
    let mean = |member: bool| {
        let (sum, count) = group.sum(values, user, member);
        (sum / count, count)
    };
    let ((own, own_count), (others, other_count)) = (mean(true), mean(false));
    let all = values.len() as f64;
    let influence = values
        .iter()
        .zip(user)
        .map(|(value, user)| match group.member[*user as usize] {
            Some(true) => all / own_count * (value - own),
            Some(false) => -all / other_count * (value - others),
            None => 0.0,
        });
    Interval::of(own - others, &influence.collect::<Vec<_>>(), user, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_held_against_all_others() {
        let group = Group {
            name: "gender=F".into(),
            member: vec![Some(true), Some(false), Some(true), None, Some(false)],
        };
        let (values, user) = ([0.5, 0.25, 1.0, 9.0, 0.75, 0.5], [0, 1, 2, 3, 4, 4]);
        let (own, lists) = mean(&group, &values, &user, 0.95);
        assert_eq!((own.estimate, lists), (0.75, 2));
        let difference = beside_others(&group, &values, &user, 0.95);
        assert_eq!(difference.estimate, 0.25);
        assert!(difference.low < 0.0 && difference.high > 0.5, "{difference:?}");
        // The same values of many users leave no doubt.
        let many = Group {
            name: "x".into(),
            member: (0..1000).map(|user| Some(user % 2 == 0)).collect(),
        };
        let values: Vec<f64> = (0..1000).map(|user| f64::from(user % 2 + user % 3)).collect();
        let user: Vec<u32> = (0..1000).collect();
        let difference = beside_others(&many, &values, &user, 0.95);
        assert!(
            (difference.estimate + 1.0).abs() < 0.01 && difference.high < -0.85,
            "{difference:?}"
        );
    }
}
