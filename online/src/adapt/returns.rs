//! n-step returns: R_t = r_t + gamma r_{t+1} + ... + gamma^n V(s_{t+n}), without the last term where the episode ended.

use super::Trajectory;

/// The return of each step; `after` is the value of the state behind the last step.
pub(super) fn n_step(trajectory: &Trajectory, after: f32, gamma: f32) -> Vec<f32> {
    let mut carried = if trajectory.next.is_some() { after } else { 0.0 };
    let mut returns = vec![0.0; trajectory.steps.len()];
    for (slot, step) in returns.iter_mut().zip(&trajectory.steps).rev() {
        carried = step.reward + gamma * carried;
        *slot = carried;
    }
    returns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::Step;
    use crate::explore::Choice;

    fn trajectory(next: Option<usize>) -> Trajectory {
        let step = |reward| Step {
            context: 0,
            consumed: vec![],
            choice: Choice { item: 0, propensity: 1.0 },
            reward,
        };
        Trajectory { steps: vec![step(1.0), step(0.0), step(2.0)], next }
    }

    #[test]
    fn bootstraps_an_open_episode_and_not_a_closed_one() {
        assert_eq!(n_step(&trajectory(Some(0)), 8.0, 0.5), vec![2.5, 3.0, 6.0]);
        assert_eq!(n_step(&trajectory(None), 8.0, 0.5), vec![1.5, 1.0, 2.0]);
    }
}
