//! Each user's last interactions, found in one pass.

/// Where in time, and among rows of one time, an interaction stands.
pub(super) type TimeAndRow = (i64, u64);

/// The latest moments of each user.
#[derive(Debug)]
pub(super) struct Latest {
    most: usize,
    of_users: Vec<Vec<TimeAndRow>>,
}

impl Latest {
    /// Of at most `most` a user.
    pub(super) fn new(most: usize) -> Self {
        Latest {
            most,
            of_users: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, user: u32, moment: TimeAndRow) {
        if self.of_users.len() <= user as usize {
            self.of_users.resize(user as usize + 1, Vec::new());
        }
        let kept = &mut self.of_users[user as usize];
        // Most logs are in the order of time: the search is for the others.
        let at = match kept.last() {
            Some(last) if *last > moment => kept.partition_point(|earlier| *earlier < moment),
            _ => kept.len(),
        };
        if kept.len() < self.most {
            kept.insert(at, moment);
        } else if at > 0 {
            kept.remove(0);
            kept.insert(at - 1, moment);
        }
    }

    /// From which moment on each user's interactions are held out: the second of those kept, so that the first of them,
    /// which may be the user's only one, stays.
    pub(super) fn second(self) -> Vec<Option<TimeAndRow>> {
        let second = |kept: Vec<TimeAndRow>| kept.get(1).copied();
        self.of_users.into_iter().map(second).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_in_whatever_order_they_come() {
        let mut moments: Vec<TimeAndRow> = (0..7).map(|row| ((row as i64 * 5) % 7 / 2, row)).collect();
        for most in 1..9 {
            let mut latest = Latest::new(most);
            moments.iter().for_each(|moment| latest.add(3, *moment));
            let mut sorted = moments.clone();
            sorted.sort_unstable();
            let kept = &sorted[7_usize.saturating_sub(most)..];
            assert_eq!(latest.of_users[3], kept);
            assert_eq!(latest.second(), [None, None, None, kept.get(1).copied()]);
            moments.rotate_left(3);
        }
    }
}
