//! Numbers as the report writes them.

use super::interval::Estimate;

/// Three decimals; never "-0.000".
pub(super) fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    if text == "-0.000" {
        "0.000".to_string()
    } else {
        text
    }
}

/// Three decimals with a sign.
pub(super) fn signed(value: f64) -> String {
    let text = plain(value);
    if text.starts_with('-') {
        text
    } else {
        format!("+{text}")
    }
}

/// Four decimals, for shares and errors.
pub(super) fn fine(value: f64) -> String {
    let text = format!("{value:.4}");
    if text == "-0.0000" {
        "0.0000".to_string()
    } else {
        text
    }
}

/// `mean [low, high]`; the mean alone where there is no interval, a dash where there is nothing.
pub(super) fn estimate(estimate: Option<Estimate>, write: fn(f64) -> String) -> String {
    match estimate {
        None => "-".to_string(),
        Some(Estimate {
            mean, interval: None, ..
        }) => write(mean),
        Some(Estimate {
            mean,
            interval: Some([low, high]),
            ..
        }) => {
            format!("{} [{}, {}]", write(mean), write(low), write(high))
        }
    }
}

/// A share as a signed percentage.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:+.1} %", share * 100.0);
    if text == "-0.0 %" {
        "+0.0 %".to_string()
    } else {
        text
    }
}

/// A count with thin groups of three digits.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1 seed`, `5 seeds`.
pub(super) fn seeds(n: usize) -> String {
    if n == 1 {
        "1 seed".to_string()
    } else {
        format!("{n} seeds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_minus() {
        assert_eq!(
            (
                plain(-0.0001).as_str(),
                signed(-0.0001).as_str(),
                signed(0.5).as_str()
            ),
            ("0.000", "+0.000", "+0.500")
        );
        assert_eq!(
            (signed(-1.5).as_str(), percent(-0.0001).as_str()),
            ("-1.500", "+0.0 %")
        );
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            (count(7).as_str(), count(2000).as_str(), count(1_234_567).as_str()),
            ("7", "2 000", "1 234 567")
        );
    }

    #[test]
    fn one_value_is_shown_without_an_interval() {
        assert_eq!(estimate(Estimate::of(&[2.0]), plain), "2.000");
        assert_eq!(estimate(Estimate::of(&[2.0, 2.0]), plain), "2.000 [2.000, 2.000]");
        assert_eq!(estimate(None, plain), "-");
    }
}
