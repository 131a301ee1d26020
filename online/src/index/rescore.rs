//! The exact scores of a few items.

/// Partial sums that run side by side.
const LANES: usize = 16;

/// `out[i] = scale * embeddings[codes[i]] . query + biases[codes[i]]`; `embeddings` is `[items, dims]`, row by row, and
/// `out` is overwritten.
pub fn rescore(
    (embeddings, biases): (&[f32], &[f32]),
    query: &[f32],
    scale: f32,
    codes: &[u32],
    out: &mut Vec<f32>,
) {
    let dims = query.len();
    out.clear();
    out.extend(codes.iter().map(|&code| {
        let code = code as usize;
        scale * dot(&embeddings[code * dims..(code + 1) * dims], query) + biases[code]
    }));
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_definition() {
        for dims in [1, 16, 35] {
            let embeddings: Vec<f32> = (0..4 * dims).map(|i| (i % 7) as f32 / 4.0 - 0.5).collect();
            let query: Vec<f32> = (0..dims).map(|i| (i % 5) as f32 / 2.0 - 1.0).collect();
            let mut out = vec![9.0];
            rescore(
                (&embeddings, &[0.0, 1.0, 2.0, 3.0]),
                &query,
                0.5,
                &[3, 1],
                &mut out,
            );
            // Eighths are exact in f32, and so are these sums.
            let truth = |item: usize| {
                let row = &embeddings[item * dims..(item + 1) * dims];
                0.5 * row.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>() + item as f32
            };
            assert_eq!(out, [truth(3), truth(1)]);
        }
    }
}
