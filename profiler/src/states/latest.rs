//! The last entries of each of many users by time, in memory that is known beforehand.

/// For each user the last entries by time, ties in the order in which they came; a fixed number of each. Users
/// are places from 0 on. A user's entries are a ring, so that one that comes in the order of time moves no other.
pub(super) struct Latest<T> {
    rings: Vec<Ring>,
    entries: Vec<(i64, T)>,
}

/// Where the entries of one user are.
#[derive(Clone, Copy)]
struct Ring {
    start: u32,
    capacity: u16,
    /// The place of the oldest, counted from `start`.
    head: u16,
    length: u16,
}

impl Ring {
    /// The place of the `nth` entry, the oldest first.
    fn place(self, nth: usize) -> usize {
        let (at, capacity) = (usize::from(self.head) + nth, usize::from(self.capacity));
        self.start as usize + if at < capacity { at } else { at - capacity }
    }
}

impl<T: Copy + Default> Latest<T> {
    /// The bytes that each entry takes.
    pub(super) const ENTRY: usize = size_of::<(i64, T)>();

    /// At most `capacities` entries of each user.
    pub(super) fn new(capacities: impl Iterator<Item = u16>) -> Self {
        let mut end = 0;
        let ring = |capacity: u16| {
            let start = end;
            end += u32::from(capacity);
            Ring {
                start,
                capacity,
                head: 0,
                length: 0,
            }
        };
        let rings = capacities.map(ring).collect();
        Latest {
            rings,
            entries: vec![(0, T::default()); end as usize],
        }
    }

    /// Takes an entry; the oldest goes where all places are taken.
    pub(super) fn push(&mut self, user: usize, time: i64, value: T) {
        let mut ring = self.rings[user];
        if ring.length == ring.capacity {
            if ring.capacity == 0 || time < self.entries[ring.place(0)].0 {
                return;
            }
            ring.head = if ring.head + 1 == ring.capacity {
                0
            } else {
                ring.head + 1
            };
            ring.length -= 1;
        }
        let (length, at) = (usize::from(ring.length), self.rank(ring, time));
        if at * 2 < length {
            // Nearer to the oldest: these move, by one place back.
            ring.head = if ring.head == 0 { ring.capacity } else { ring.head } - 1;
            for nth in 0..at {
                self.entries[ring.place(nth)] = self.entries[ring.place(nth + 1)];
            }
        } else {
            for nth in (at..length).rev() {
                self.entries[ring.place(nth + 1)] = self.entries[ring.place(nth)];
            }
        }
        self.entries[ring.place(at)] = (time, value);
        ring.length += 1;
        self.rings[user] = ring;
    }

    /// How many of the entries of `ring` are not later than `time`.
    fn rank(&self, ring: Ring, time: i64) -> usize {
        let length = usize::from(ring.length);
        if length == 0 || self.entries[ring.place(length - 1)].0 <= time {
            return length;
        }
        let (mut low, mut high) = (0, length - 1);
        while low < high {
            let middle = low.midpoint(high);
            if self.entries[ring.place(middle)].0 <= time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The entries of `user`, oldest first, each with its time.
    pub(super) fn of(&self, user: usize) -> impl Iterator<Item = (i64, T)> {
        let ring = self.rings[user];
        (0..usize::from(ring.length)).map(move |nth| self.entries[ring.place(nth)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{self, RngExt};

    #[test]
    fn the_last_by_time_whatever_the_order_they_come_in() {
        let mut rng = rng::stream(0, "test", &[]);
        for case in 0..300_u64 {
            let capacities: Vec<u16> = (0..4).map(|_| rng.random_range(0..9)).collect();
            let mut latest = Latest::new(capacities.iter().copied());
            let mut all: Vec<Vec<(i64, u32)>> = vec![Vec::new(); 4];
            for number in 0..rng.random_range(0..80) {
                let user = rng.random_range(0..4);
                let time = match case % 3 {
                    0 => i64::from(number) / 2,
                    1 => -i64::from(number) / 2,
                    _ => rng.random_range(0..20),
                };
                latest.push(user, time, number);
                all[user].push((time, number));
            }
            for (user, own) in all.iter_mut().enumerate() {
                own.sort_by_key(|(time, _)| *time);
                let kept = own.len().min(usize::from(capacities[user]));
                let last = &own[own.len() - kept..];
                assert!(latest.of(user).eq(last.iter().copied()), "case {case}");
            }
        }
    }

    #[test]
    fn an_entry_costs_sixteen_bytes() {
        assert_eq!((Latest::<(u32, f32)>::ENTRY, Latest::<u64>::ENTRY), (16, 16));
    }
}
