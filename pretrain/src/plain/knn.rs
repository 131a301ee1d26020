//! Item-based nearest neighbours (Sarwar et al. 2001, Deshpande and Karypis 2004): a user scores an item with the sum of its
//! cosines with the liked items that count it among their nearest.

use rayon::prelude::*;

use super::dense::gram;
use super::policy::Vectors;
use super::{LARGEST, LEADING};
use crate::appeal::{Log, Rows, Weighted};

/// The vectors of items: each like adds the cosines of its `neighbours` nearest items. Catalogues of more than [`LARGEST`]
/// items are scored with all neighbours, by the product of their users' vectors: see [`truncates`].
pub(super) fn vectors(log: &Log, neighbours: usize, seed: u64) -> Vectors {
    let columns = log.likes.transposed();
    if truncates(&log.likes) {
        return truncated(log, &columns, neighbours);
    }
    let length: Vec<f32> = (0..columns.len())
        .map(|item| columns.entries(item).map(|(_, value)| value * value).sum::<f32>())
        .map(|n| if n > 0.0 { n.sqrt().recip() } else { 0.0 })
        .collect();
    let (items, users) = (columns.len(), columns.width());
    if users <= LARGEST {
        let mut table = vec![0.0; items * users];
        for (item, row) in table.chunks_exact_mut(users.max(1)).enumerate() {
            for (user, value) in columns.entries(item) {
                row[user as usize] = value * length[item];
            }
        }
        return Vectors::new(users, table.clone(), table);
    }
    let matrix = Weighted {
        rows: &log.likes,
        columns: &columns,
        row_weight: &vec![1.0; users],
        column_weight: &length,
    };
    let found = matrix.spectrum(LEADING, seed);
    let mut table = found.vectors.clone();
    for row in table.chunks_exact_mut(found.rank().max(1)) {
        row.iter_mut()
            .zip(&found.squares)
            .for_each(|(x, square)| *x *= square.sqrt());
    }
    Vectors::new(found.rank(), table.clone(), table)
}

/// Whether there are so few items that each like's nearest alone can count.
pub(super) fn truncates(likes: &Rows) -> bool {
    likes.width() <= LARGEST
}

fn truncated(log: &Log, columns: &Rows, neighbours: usize) -> Vectors {
    let n = columns.len();
    let gram = gram(columns, &log.likes, 0.0);
    let square = |item: usize| gram[item * n + item];
    // By liked item: its nearest, nearest first, the earlier of equally near ones.
    let nearest: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map(|i| {
            let mut found: Vec<(u32, f32)> = (0..n)
                .filter(|&j| j != i && gram[i * n + j] > 0.0)
                .map(|j| {
                    let cosine = gram[i * n + j] / (square(i) * square(j)).sqrt();
                    (j as u32, cosine as f32)
                })
                .collect();
            found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            found.truncate(neighbours);
            found
        })
        .collect();
    let mut item = vec![0.0; n * n];
    for (i, found) in nearest.into_iter().enumerate() {
        for (j, cosine) in found {
            item[j as usize * n + i] = cosine;
        }
    }
    Vectors::by_item(n, item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::tests::{example, log_of, product};

    #[test]
    fn cosines_are_those_of_brute_force() {
        let (users, items, neighbours) = (40, 30, 6);
        let log = log_of(example(users, items));
        let cosine = |i: usize, j: usize| {
            let has = |user: usize, item: usize| log.likes.row(user).contains(&(item as u32));
            let count = |f: &dyn Fn(usize) -> bool| (0..users).filter(|&u| f(u)).count() as f32;
            let both = count(&|u| has(u, i) && has(u, j));
            let each = count(&|u| has(u, i)) * count(&|u| has(u, j));
            if both > 0.0 { both / each.sqrt() } else { 0.0 }
        };
        let found = vectors(&log, neighbours, 0);
        for i in 0..items {
            let nearer = |j: usize| {
                (0..items)
                    .filter(|&k| k != i && k != j)
                    .filter(|&k| {
                        let (a, b) = (cosine(i, k), cosine(i, j));
                        a > b + 1e-6 || ((a - b).abs() <= 1e-6 && k < j)
                    })
                    .count()
            };
            for j in (0..items).filter(|&j| j != i) {
                let truth = if nearer(j) < neighbours { cosine(i, j) } else { 0.0 };
                assert!((product(&found, i, j) - truth).abs() < 1e-6, "{i} {j}");
            }
        }
    }
}
