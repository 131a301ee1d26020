//! Splits in time: a user's head is for training, the tail for measuring.

/// Where the tail of a sequence of `len` interactions begins: the last `fraction` of it, at least one
/// interaction, but never the only one; no tail for a fraction of 0.
pub(crate) fn tail_start(len: usize, fraction: f32) -> usize {
    if len < 2 || fraction == 0.0 {
        return len;
    }
    let tail = (len as f64 * f64::from(fraction)) as usize;
    len - tail.clamp(1, len - 1)
}

#[cfg(test)]
mod tests {
    use super::tail_start;

    #[test]
    fn head_and_tail_are_never_empty_and_the_tail_is_the_end() {
        assert_eq!(
            [0, 1, 2, 9, 10, 25, 100].map(|len| tail_start(len, 0.1)),
            [0, 1, 1, 8, 9, 23, 90]
        );
        assert_eq!([2, 3, 10].map(|len| tail_start(len, 0.5)), [1, 2, 5]);
        assert_eq!(tail_start(10, 1.0), 1);
        assert_eq!(tail_start(10, 0.0), 10);
    }
}
