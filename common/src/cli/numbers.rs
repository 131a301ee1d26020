//! Numbers with a range, for clap's `value_parser`.

use std::str::FromStr;
use std::time::Duration;

/// A number that is `allowed`; `wanted` says which are, such as "a number from 0 to 1".
///
/// # Errors
/// No number, or one that is not allowed.
pub fn number<T>(text: &str, allowed: impl Fn(f64) -> bool, wanted: &str) -> Result<T, String>
where
    T: FromStr + Copy + Into<f64>,
{
    match text.parse::<T>() {
        Ok(number) if allowed(number.into()) => Ok(number),
        _ => Err(format!("{wanted} is wanted")),
    }
}

/// A parser of numbers that are allowed.
macro_rules! numbers {
    ($($name:ident: $wanted:literal, $allowed:expr;)*) => {$(
        #[doc = concat!("Reads ", $wanted, ".\n\n# Errors\nAnything else.")]
        pub fn $name<T: FromStr + Copy + Into<f64>>(text: &str) -> Result<T, String> {
            number(text, $allowed, $wanted)
        }
    )*};
}

numbers! {
    finite: "a number", f64::is_finite;
    positive: "a number above 0", |x| x > 0.0 && x.is_finite();
    not_negative: "a number of at least 0", |x| x >= 0.0 && x.is_finite();
    fraction: "a number from 0 to 1", |x| (0.0..=1.0).contains(&x);
    inside: "a number between 0 and 1, both left out", |x| x > 0.0 && x < 1.0;
}

/// Reads a time in seconds.
///
/// # Errors
/// No number above 0 and at most 3600.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wanted = "a number of seconds above 0, at most 3600,";
    number(text, |x| x > 0.0 && x <= 3600.0, wanted).map(Duration::from_secs_f64)
}

/// Reads how many there are to be, of what there must be one.
///
/// # Errors
/// No whole number, or 0.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number of at least 1 is wanted".into()),
        Ok(count) => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_their_range_are_refused_with_what_is_wanted() {
        assert_eq!(positive::<f32>("0.1"), Ok(0.1));
        assert_eq!(finite::<f32>("-2"), Ok(-2.0));
        assert_eq!(fraction::<f64>("1"), Ok(1.0));
        assert_eq!(not_negative::<f32>("0"), Ok(0.0));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for refused in [
            positive::<f32>("0"),
            positive("inf"),
            finite("NaN"),
            finite("x"),
            not_negative("-0.1"),
            fraction("1.1"),
            inside("1"),
            inside("NaN"),
        ] {
            assert!(refused.unwrap_err().ends_with("is wanted"));
        }
        assert!(inside::<f64>("0").unwrap_err().contains("between 0 and 1"));
        assert_eq!(
            (count("7"), count("0").is_err(), count("-1").is_err()),
            (Ok(7), true, true)
        );
        assert!(seconds("3601").unwrap_err().contains("at most 3600"));
    }
}
