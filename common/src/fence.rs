//! A fence around libraries that panic on damaged bytes where they should say so.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::{Error, Result};

thread_local! {
    static FENCED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode`; a panic in it becomes bad data, with nothing on stderr. What `decode` changed must not be used after
/// a failure.
///
/// # Errors
/// When `decode` panics.
pub fn decode<T>(decode: impl FnOnce() -> T) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !FENCED.get() {
                report(panic);
            }
        }));
    });
    let outer = FENCED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    FENCED.set(outer);
    outcome.map_err(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or("it cannot be decoded");
        Error::data(format!("the data is damaged: {reason}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_a_value_passes() {
        assert_eq!(decode(|| 3).unwrap(), 3);
        let bytes: &[u8] = &[];
        let error = decode(|| bytes[7]).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Data);
        assert!(error.to_string().contains("index out of bounds"), "{error}");
    }
}
