//! A weight that falls in a line, whatever happens: the schedule of A-iALP_ap.

/// The prior's weight after `answered` recommendations: from 1 in a line to `floor` at `decay`.
pub(super) fn weight(floor: f32, decay: u64, answered: u64) -> f32 {
    let left = decay.saturating_sub(answered) as f32 / decay.max(1) as f32;
    floor + (1.0 - floor) * left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_falls_in_a_line_to_the_floor() {
        let at = [0, 50, 100, 1000].map(|answered| weight(0.2, 100, answered));
        assert_eq!(at, [1.0, 0.6, 0.2, 0.2]);
        assert_eq!(weight(0.2, 0, 0), 0.2);
    }
}
