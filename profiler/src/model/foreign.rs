//! The calls into llama.cpp that have no safe wrapper: its quantiser, where its log lines go, and what it does when it gives up.
//!
//! All of `profiler`'s unsafe code is here.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::{Mutex, Once};

use common::{Error, Result, terminal};
use llama_cpp_sys_2 as sys;

/// The last line of level error that llama.cpp logged.
static LAST_FAILURE: Mutex<String> = Mutex::new(String::new());

/// The model that is at work.
static MODEL: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Takes llama.cpp's log lines off stderr; the last failure is kept for our own message. Where llama.cpp gives up from now
/// on, the error names `model`.
pub(super) fn catch_failures(model: &Path) {
    static ONCE: Once = Once::new();
    if let Ok(mut at_work) = MODEL.lock() {
        *at_work = Some(model.to_path_buf());
    }
    // SAFETY: `keep` and `give_up` are functions that live as long as the process and use no user data.
    ONCE.call_once(|| unsafe {
        sys::llama_log_set(Some(keep), null_mut());
        sys::ggml_set_abort_callback(Some(give_up));
    });
}

/// What llama.cpp calls where an assertion of its fails, before it aborts the process: an error of ours instead of a signal.
/// It does not return.
///
/// # Safety
/// `message` is null or a C string, which is what llama.cpp passes.
unsafe extern "C" fn give_up(message: *const c_char) {
    unsafe extern "C" {
        /// Ends the process at once: other threads are still at work, on what an orderly end would free.
        fn _exit(code: i32) -> !;
    }
    let message = match message.is_null() {
        true => String::new(),
        // SAFETY: not null, and a C string for the time of this call by llama.cpp's contract.
        false => unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned(),
    };
    // It begins with the path of the source file on the machine that built it.
    let source = message.split(": ").next().unwrap_or_default();
    let message = &message[source.rfind('/').map_or(0, |at| at + 1)..];
    let mut error = Error::data(format!("llama.cpp gave up: {message}"))
        .hint("the model file is damaged or not of a kind that this llama.cpp knows: fetch it again, or give another GGUF");
    if let Ok(model) = MODEL.try_lock()
        && let Some(model) = &*model
    {
        error = error.file(model);
    }
    terminal::error(&error);
    // SAFETY: of the C library, and takes any number.
    unsafe { _exit(i32::from(error.class().code())) }
}

/// Takes the last failure that llama.cpp logged, without its function prefix.
pub(super) fn take_failure() -> Option<String> {
    let text = LAST_FAILURE
        .lock()
        .map(|mut last| std::mem::take(&mut *last))
        .unwrap_or_default();
    let text = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, rest)| rest)
        .trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// llama.cpp's log callback.
///
/// # Safety
/// `text` is null or a C string, which is what llama.cpp passes.
unsafe extern "C" fn keep(level: sys::ggml_log_level, text: *const c_char, _user_data: *mut c_void) {
    if level != sys::GGML_LOG_LEVEL_ERROR || text.is_null() {
        return;
    }
    // SAFETY: not null, and a C string for the time of this call by llama.cpp's contract.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    // llama.cpp ends a failure with the general "failed to load model": the first line says more.
    if let Ok(mut last) = LAST_FAILURE.lock()
        && last.is_empty()
    {
        last.push_str(text.trim_end());
    }
}

/// llama.cpp's number of a weight format (`LLAMA_FTYPE_MOSTLY_...`).
pub(super) mod file_type {
    use super::sys;
    pub(in crate::model) const Q4_0: sys::llama_ftype = sys::LLAMA_FTYPE_MOSTLY_Q4_0;
    pub(in crate::model) const Q8_0: sys::llama_ftype = sys::LLAMA_FTYPE_MOSTLY_Q8_0;
    pub(in crate::model) const BF16: sys::llama_ftype = sys::LLAMA_FTYPE_MOSTLY_BF16;
}

/// Converts the model at `input` to `file_type` (none: its weights stay as they are) and writes it to `output` with `marks` added to its metadata.
pub(super) fn quantise(
    input: &Path,
    output: &Path,
    file_type: Option<sys::llama_ftype>,
    threads: usize,
    marks: &[(&str, &str)],
) -> Result<()> {
    let (c_input, c_output) = (c_path(input)?, c_path(output)?);
    let mut overrides: Vec<sys::llama_model_kv_override> = marks
        .iter()
        .map(|(key, value)| text_override(key, value))
        .collect();
    // llama.cpp reads up to the entry with an empty key.
    overrides.push(text_override("", ""));
    // SAFETY: returns a plain struct of defaults.
    let mut parameters = unsafe { sys::llama_model_quantize_default_params() };
    match file_type {
        Some(file_type) => parameters.ftype = file_type,
        None => parameters.only_copy = true,
    }
    parameters.nthread = i32::try_from(threads).unwrap_or(i32::MAX);
    parameters.allow_requantize = true;
    parameters.kv_overrides = overrides.as_ptr();
    // SAFETY: both paths are C strings and `overrides` ends as llama.cpp expects; all outlive the call.
    let failed =
        unsafe { sys::llama_model_quantize(c_input.as_ptr(), c_output.as_ptr(), &raw const parameters) };
    if failed != 0 {
        let reason = take_failure().unwrap_or_else(|| "it gives no reason".to_string());
        return Err(Error::data(format!("llama.cpp could not convert the model: {reason}")).file(input));
    }
    Ok(())
}

fn text_override(key: &str, value: &str) -> sys::llama_model_kv_override {
    sys::llama_model_kv_override {
        tag: sys::LLAMA_KV_OVERRIDE_TYPE_STR,
        key: fixed(key),
        __bindgen_anon_1: sys::llama_model_kv_override__bindgen_ty_1 {
            val_str: fixed(value),
        },
    }
}

/// `text` in llama.cpp's field of 128 characters, cut where it is longer, with a zero after it.
fn fixed(text: &str) -> [c_char; 128] {
    let mut field = [0; 128];
    field
        .iter_mut()
        .take(127)
        .zip(text.bytes())
        .for_each(|(to, from)| *to = from as c_char);
    field
}

fn c_path(path: &Path) -> Result<CString> {
    path.to_str()
        .and_then(|text| CString::new(text).ok())
        .ok_or_else(|| Error::usage("llama.cpp takes only paths in UTF-8").file(path))
}
