//! The split in time: of every user's rows the earliest share is the log, the rest is held out.

use common::schema::interactions::Interactions;

/// Row indices of (log, held out), both by user in code order and within a user by time; ties keep the file's
/// order. Of n rows floor(share n) go to the log, one at least.
pub(super) fn by_time(all: &Interactions, log_share: f64) -> (Vec<usize>, Vec<usize>) {
    let (mut log, mut held_out) = (Vec::new(), Vec::new());
    for rows in all.rows_by_user().into_iter().filter(|rows| !rows.is_empty()) {
        // The small addend keeps 0.8 of 10 from being 7.
        let cut = (log_share * rows.len() as f64 + 1e-9).floor() as usize;
        let (early, late) = rows.split_at(cut.clamp(1, rows.len()));
        log.extend_from_slice(early);
        held_out.extend_from_slice(late);
    }
    (log, held_out)
}

/// The rows of `all` at `rows`, in that order.
pub(super) fn subset(all: &Interactions, rows: &[usize]) -> Interactions {
    Interactions {
        users: all.users.clone(),
        items: all.items.clone(),
        user: rows.iter().map(|&row| all.user[row]).collect(),
        item: rows.iter().map(|&row| all.item[row]).collect(),
        timestamp: rows.iter().map(|&row| all.timestamp[row]).collect(),
        feedback: rows.iter().map(|&row| all.feedback[row]).collect(),
        propensity: rows.iter().map(|&row| all.propensity[row]).collect(),
        kind: all.kind,
    }
}

#[cfg(test)]
mod tests {
    use common::ids::{Dictionary, IdKind};
    use common::schema::interactions::{Feedback, Kind};

    use super::*;

    #[test]
    fn the_earliest_rows_of_each_user_are_the_log() {
        let ids = |n: usize| Dictionary::from_values(IdKind::Integer, (0..n).map(|i| i.to_string())).unwrap();
        // User 0 has ten rows in falling time, user 1 one row.
        let all = Interactions {
            users: ids(2),
            items: ids(10),
            user: (0..11).map(|row| u32::from(row == 10)).collect(),
            item: (0..11).map(|row| row % 10).collect(),
            timestamp: (0..11).map(|row| 100 - row).collect(),
            feedback: vec![1.0; 11],
            propensity: vec![None; 11],
            kind: Feedback {
                kind: Kind::Rating,
                like_threshold: 1.0,
            },
        };
        let (log, held_out) = by_time(&all, 0.8);
        assert_eq!(log, [9, 8, 7, 6, 5, 4, 3, 2, 10]);
        assert_eq!(held_out, [1, 0]);
        let held_out = subset(&all, &held_out);
        assert_eq!(held_out.item, [1, 0]);
        assert_eq!(held_out.timestamp, [99, 100]);
    }
}
