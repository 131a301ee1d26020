//! n-step returns: R_t = r_t + gamma r_{t+1} + ... + gamma^n V(s_{t+n}), without the last term where the episode ended.

use super::Step;

/// The return of each of consecutive steps; `after` is the value of the state after the last one, 0 where the
/// episode ended.
pub(super) fn n_step(steps: &[Step], after: f32, gamma: f32) -> Vec<f32> {
    let mut carried = after;
    let mut returns = vec![0.0; steps.len()];
    for (slot, step) in returns.iter_mut().zip(steps).rev() {
        carried = step.reward + gamma * carried;
        *slot = carried;
    }
    returns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Shown;

    #[test]
    fn rewards_are_discounted_and_the_last_state_stands_for_the_rest() {
        let step = |reward| Step {
            context: 0,
            consumed: vec![],
            shown: Shown {
                item: 0,
                propensity: 1.0,
                prior: 1.0,
                adapted: 1.0,
                weight: 0.0,
            },
            negatives: vec![],
            reward,
        };
        let steps = [step(1.0), step(0.0), step(2.0)];
        assert_eq!(n_step(&steps, 8.0, 0.5), vec![2.5, 3.0, 6.0]);
        assert_eq!(n_step(&steps, 0.0, 0.5), vec![1.5, 1.0, 2.0]);
    }
}
