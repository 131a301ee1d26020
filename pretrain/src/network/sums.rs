//! Sums over slices, in a form that the compiler turns into vector instructions.

/// Values that are summed in single precision before they are added in double.
const STRETCH: usize = 1_024;
const LANES: usize = 16;

/// The sum of `values`: sixteen partial sums a stretch, stretches in double precision, all in a fixed order.
pub(super) fn sum(values: &[f32]) -> f64 {
    let stretch = |values: &[f32]| {
        let mut lanes = [0.0_f32; LANES];
        let chunks = values.chunks_exact(LANES);
        let rest: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += value;
            }
        }
        f64::from(lanes.iter().sum::<f32>() + rest)
    };
    values.chunks(STRETCH).map(stretch).sum()
}

/// The sum of the products of `a` and `b`, as [`sum`].
pub(super) fn sum_of_products(a: &[f32], b: &[f32]) -> f64 {
    let stretch = |(a, b): (&[f32], &[f32])| {
        let mut lanes = [0.0_f32; LANES];
        let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        let rest: f32 = a_chunks
            .remainder()
            .iter()
            .zip(b_chunks.remainder())
            .map(|(a, b)| a * b)
            .sum();
        for (a, b) in a_chunks.zip(b_chunks) {
            for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += a * b;
            }
        }
        f64::from(lanes.iter().sum::<f32>() + rest)
    };
    a.chunks(STRETCH).zip(b.chunks(STRETCH)).map(stretch).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_odd_lengths() {
        let values: Vec<f32> = (0..37).map(|i| (i as f32) - 40.0).collect();
        assert_eq!(sum(&values), f64::from((0..37).sum::<i32>()) - 37.0 * 40.0);
        assert_eq!(
            sum_of_products(&values, &values),
            f64::from((4..41).map(|v| v * v).sum::<i32>())
        );
    }
}
