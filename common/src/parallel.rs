//! Work over scoped threads, results in order.

/// `rows` rows in at most `parts` slices, each as where it begins and how many it has.
pub fn slices(rows: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let length = rows.div_ceil(parts.max(1)).max(1);
    (0..rows)
        .step_by(length)
        .map(move |start| (start, length.min(rows - start)))
}

/// `work` on each part, every part in a thread of its own, the first in this one.
pub fn map<P: Send, R: Send>(parts: impl IntoIterator<Item = P>, work: impl Fn(P) -> R + Sync) -> Vec<R> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else {
        return Vec::new();
    };
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let mut results = vec![work(first)];
        results.extend(others.into_iter().map(|other| match other.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_all_rows_once() {
        for (rows, parts) in [(0, 2), (1, 4), (10, 3), (9, 3), (5, 1)] {
            let cut: Vec<(usize, usize)> = slices(rows, parts).collect();
            assert!(cut.len() <= parts);
            let covered = cut.iter().flat_map(|&(start, length)| start..start + length);
            assert!(covered.eq(0..rows), "{rows} in {parts}");
        }
    }

    #[test]
    fn results_keep_the_order_of_the_parts() {
        assert_eq!(map(0..5, |n| n * n), [0, 1, 4, 9, 16]);
        assert!(map(0..0, |n: u8| n).is_empty());
    }
}
