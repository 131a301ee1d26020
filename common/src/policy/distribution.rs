//! The distribution over items: the masked softmax.

use super::elementary::exp;

/// The logit of an item that must not be chosen. Finite, so that probability times log-probability is 0 and not NaN;
/// so low that its exponential is exactly 0.
pub const MASKED: f32 = -1e30;
/// Partial sums that run side by side.
const LANES: usize = 16;

/// Takes the `consumed` items out of the choice. Where that leaves none, the user has had the whole catalogue and all
/// items are open again.
pub fn mask(logits: &mut [f32], consumed: &[u32]) {
    // Where more is open than was consumed, something stays open, and nothing need be kept.
    let kept: Vec<f32> = match more_open_than(consumed.len(), logits) {
        true => Vec::new(),
        false => consumed.iter().map(|&item| logits[item as usize]).collect(),
    };
    for &item in consumed {
        logits[item as usize] = MASKED;
    }
    if !kept.is_empty() && logits.iter().all(|&logit| logit == MASKED) {
        // In reverse, because of a repeated item only the first copy holds its logit.
        for (&item, &logit) in consumed.iter().zip(&kept).rev() {
            logits[item as usize] = logit;
        }
    }
}

/// Takes the items of a set out of the choice: bit i of word i / 64 stands for item i. It must leave some item; what it costs does
/// not depend on how many it holds.
pub fn mask_set(logits: &mut [f32], set: &[u64]) {
    for (chunk, &word) in logits.chunks_mut(64).zip(set) {
        if word == 0 {
            continue;
        }
        for (bit, logit) in chunk.iter_mut().enumerate() {
            *logit = if word >> bit & 1 == 1 { MASKED } else { *logit };
        }
    }
}

fn more_open_than(count: usize, logits: &[f32]) -> bool {
    let mut open = 0;
    logits.chunks(256).any(|chunk| {
        let found: u32 = chunk.iter().map(|&logit| u32::from(logit != MASKED)).sum();
        open += found as usize;
        open > count
    })
}

/// Takes everything but `candidates` (ascending) out of the choice; to be called before [`mask`], which opens no more
/// than the candidates again where all of them are consumed.
pub fn restrict(logits: &mut [f32], candidates: &[u32]) {
    let mut from = 0;
    for &candidate in candidates {
        let candidate = candidate as usize;
        logits[from..candidate].fill(MASKED);
        from = candidate + 1;
    }
    logits[from..].fill(MASKED);
}

/// The softmax of one row of logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softmax {
    /// ln of the sum of e^logit: a log-probability is its logit minus this.
    pub log_sum: f32,
    /// The entropy in nats.
    pub entropy: f32,
}

/// The highest of `logits`; negative infinity for none.
#[inline]
pub fn highest(logits: &[f32]) -> f32 {
    let mut highest = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = logits.as_chunks::<LANES>();
    for block in blocks {
        for (top, &logit) in highest.iter_mut().zip(block) {
            *top = if logit > *top { logit } else { *top };
        }
    }
    highest
        .iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |top, &logit| top.max(logit))
}

/// Writes what the probabilities of `logits` are proportional to, and gives their sum: divided by it they are those of
/// [`softmax`] to the last bit.
pub fn powers(logits: &[f32], powers: &mut [f32]) -> f32 {
    let highest = highest(logits);
    let mut sums = [0.0f32; LANES];
    let (blocks, rest) = logits.as_chunks::<LANES>();
    let (out_blocks, out_rest) = powers.as_chunks_mut::<LANES>();
    for (block, out) in blocks.iter().zip(out_blocks) {
        for lane in 0..LANES {
            out[lane] = exp(block[lane] - highest);
            sums[lane] += out[lane];
        }
    }
    for (lane, (&logit, out)) in rest.iter().zip(out_rest).enumerate() {
        *out = exp(logit - highest);
        sums[lane] += *out;
    }
    sums.iter().sum()
}

/// Writes the probabilities of `logits`; minus infinity masks an item. The same as [`softmax`] without its summary.
pub fn probabilities(logits: &[f32], probabilities: &mut [f32]) {
    let inverse = 1.0 / powers(logits, probabilities);
    probabilities.iter_mut().for_each(|p| *p *= inverse);
}

/// Writes the probabilities of `logits` to `probabilities`.
pub fn softmax(logits: &[f32], probabilities: &mut [f32]) -> Softmax {
    let highest = highest(logits);
    let (blocks, rest) = logits.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    let mut weighted = [0.0f32; LANES];
    let (out_blocks, out_rest) = probabilities.as_chunks_mut::<LANES>();
    for (block, out) in blocks.iter().zip(out_blocks) {
        for lane in 0..LANES {
            let shifted = block[lane] - highest;
            let power = exp(shifted);
            out[lane] = power;
            sums[lane] += power;
            weighted[lane] += power * shifted;
        }
    }
    for (lane, (&logit, out)) in rest.iter().zip(out_rest).enumerate() {
        let shifted = logit - highest;
        *out = exp(shifted);
        sums[lane] += *out;
        weighted[lane] += *out * shifted;
    }
    let sum: f32 = sums.iter().sum();
    let weighted: f32 = weighted.iter().sum();
    let inverse = 1.0 / sum;
    for p in probabilities.iter_mut() {
        *p *= inverse;
    }
    let log = sum.ln();
    Softmax {
        log_sum: highest + log,
        entropy: log - weighted * inverse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 37 + 11) % 23) as f32 / 4.0 - 2.0)
            .collect()
    }

    #[test]
    fn probabilities_sum_to_one_and_follow_the_definition() {
        for count in [1, 15, 16, 17, 300] {
            let logits = logits(count);
            let mut p = vec![0.0; count];
            let summary = softmax(&logits, &mut p);
            let mut other = vec![0.0; count];
            probabilities(&logits, &mut other);
            assert_eq!(other, p);
            let total: f64 = logits.iter().map(|&l| f64::from(l).exp()).sum();
            let mut entropy = 0.0;
            for (&p, &l) in p.iter().zip(&logits) {
                let truth = f64::from(l).exp() / total;
                entropy -= truth * truth.ln();
                assert!((f64::from(p) - truth).abs() < 1e-6);
            }
            assert!((f64::from(summary.entropy) - entropy).abs() < 1e-5);
            assert!((f64::from(summary.log_sum) - total.ln()).abs() < 1e-5);
        }
    }

    #[test]
    fn a_consumed_item_has_no_chance() {
        let mut logits = logits(40);
        logits[7] = 50.0;
        mask(&mut logits, &[7, 3, 7]);
        let mut p = vec![0.0; 40];
        softmax(&logits, &mut p);
        assert_eq!((p[7], p[3]), (0.0, 0.0));
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        let mut other = vec![0.0; 40];
        logits[7] = f32::NEG_INFINITY;
        probabilities(&logits, &mut other);
        assert_eq!(other, p);
    }

    #[test]
    fn a_set_takes_out_what_a_list_takes_out() {
        for count in [1usize, 63, 64, 65, 300] {
            let consumed: Vec<u32> = (0..count as u32).filter(|item| item * 7 % 3 == 1).collect();
            let mut set = vec![0u64; count.div_ceil(64)];
            for &item in &consumed {
                set[item as usize / 64] |= 1 << (item % 64);
            }
            let (mut by_list, mut by_set) = (logits(count), logits(count));
            mask(&mut by_list, &consumed);
            mask_set(&mut by_set, &set);
            assert_eq!(by_list, by_set, "{count}");
        }
    }

    #[test]
    fn only_candidates_have_a_chance_also_where_all_are_consumed() {
        for consumed in [&[3, 19][..], &[0, 4, 3, 9]] {
            let mut logits = logits(20);
            restrict(&mut logits, &[0, 4, 9]);
            mask(&mut logits, consumed);
            let mut p = vec![0.0; 20];
            softmax(&logits, &mut p);
            let open: Vec<usize> = (0..20).filter(|&item| p[item] > 0.0).collect();
            assert_eq!(open, vec![0, 4, 9]);
        }
    }

    #[test]
    fn one_open_item_is_certain() {
        let mut logits = logits(20);
        mask(&mut logits, &(0..19).collect::<Vec<u32>>());
        let mut p = vec![0.0; 20];
        let summary = softmax(&logits, &mut p);
        assert_eq!(p[19], 1.0);
        assert_eq!(summary.entropy, 0.0);
    }

    #[test]
    fn a_user_who_had_everything_gets_everything_again() {
        let before = logits(20);
        let mut after = before.clone();
        mask(&mut after, &(0..20).chain([4, 4]).collect::<Vec<u32>>());
        assert_eq!(before, after);
    }
}
