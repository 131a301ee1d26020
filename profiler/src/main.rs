//! The `profiler` tool.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::cli::main(profiler::cli::run)
}
