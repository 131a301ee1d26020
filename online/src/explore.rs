//! How actions are drawn. Every draw comes with the exact chance it had, so that what is logged can be used for
//! off-policy estimates.

/// Items that a draw skips as a whole.
const BLOCK: usize = 128;
/// Partial sums that run side by side.
const LANES: usize = 16;

/// An action and the chance it was drawn with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The item's code.
    pub item: u32,
    /// Its probability under the policy that drew it, in (0, 1].
    pub propensity: f32,
}

/// Draws an item from `probabilities` (their sum may differ from 1 by rounding) by `uniform` in [0, 1). An item of
/// probability 0 is never drawn while another has more.
pub fn draw(probabilities: &[f32], uniform: f64) -> Choice {
    let sums: Vec<f64> = probabilities.chunks(BLOCK).map(block_sum).collect();
    let mut left = uniform * sums.iter().sum::<f64>();
    let last = sums.iter().rposition(|&sum| sum > 0.0).unwrap_or(0);
    let mut block = 0;
    while block < last && left >= sums[block] {
        left -= sums[block];
        block += 1;
    }
    let mut item = block * BLOCK;
    for (i, &probability) in probabilities.iter().enumerate().skip(block * BLOCK).take(BLOCK) {
        if probability > 0.0 {
            item = i;
            left -= f64::from(probability);
            if left < 0.0 {
                break;
            }
        }
    }
    Choice {
        item: item as u32,
        propensity: probabilities[item].min(1.0),
    }
}

/// Turns `online` into the mixture weight * prior + (1 - weight) * online.
pub fn mix(online: &mut [f32], prior: &[f32], weight: f32) {
    for (p, q) in online.iter_mut().zip(prior) {
        *p = weight * q + (1.0 - weight) * *p;
    }
}

/// Draws uniformly from the codes below `items` that are not in `consumed` (ascending, without repeats); from all
/// where none is left.
pub fn draw_uniform(items: usize, consumed: &[u32], uniform: f64) -> Choice {
    let consumed = if consumed.len() < items { consumed } else { &[] };
    let open = items - consumed.len();
    let mut item = ((uniform * open as f64) as usize).min(open - 1) as u32;
    for &code in consumed {
        if code > item {
            break;
        }
        item += 1;
    }
    Choice {
        item,
        propensity: 1.0 / open as f32,
    }
}

fn block_sum(values: &[f32]) -> f64 {
    let mut sums = [0.0f32; LANES];
    for chunk in values.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().map(|&sum| f64::from(sum)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities() {
        let probabilities: Vec<f32> = (0..500).map(|i| (i % 5) as f32 / 1000.0).collect();
        let mut counts = [0u32; 5];
        let draws = 50_000;
        for i in 0..draws {
            let choice = draw(&probabilities, (f64::from(i) + 0.5) / f64::from(draws));
            assert_eq!(choice.propensity, probabilities[choice.item as usize]);
            counts[choice.item as usize % 5] += 1;
        }
        for (class, &count) in counts.iter().enumerate() {
            let share = f64::from(count) / f64::from(draws);
            assert!((share - class as f64 / 10.0).abs() < 1e-3, "{class}: {share}");
        }
    }

    #[test]
    fn an_impossible_item_is_never_drawn() {
        let mut probabilities = vec![0.0; 300];
        probabilities[5] = 0.5;
        probabilities[200] = 0.5;
        for i in 0..=1000 {
            let choice = draw(&probabilities, f64::from(i) / 1000.0);
            assert!([5, 200].contains(&choice.item));
        }
    }

    #[test]
    fn a_mixture_has_the_stated_chances() {
        let mut online = vec![0.5, 0.5, 0.0];
        mix(&mut online, &[0.0, 0.2, 0.8], 0.25);
        assert_eq!(online, vec![0.375, 0.425, 0.2]);
        assert_eq!(
            draw(&online, 0.99),
            Choice {
                item: 2,
                propensity: 0.2
            }
        );
    }

    #[test]
    fn uniform_draws_reach_every_open_item_equally() {
        let mut counts = [0; 6];
        for i in 0..4000 {
            let choice = draw_uniform(6, &[0, 3], (f64::from(i) + 0.5) / 4000.0);
            assert_eq!(choice.propensity, 0.25);
            counts[choice.item as usize] += 1;
        }
        assert_eq!(counts, [0, 1000, 1000, 0, 1000, 1000]);
    }

    #[test]
    fn who_had_everything_may_get_anything() {
        assert_eq!(
            draw_uniform(2, &[0, 1], 0.6),
            Choice {
                item: 1,
                propensity: 0.5
            }
        );
    }
}
