//! The `online` tool.

use std::process::ExitCode;

use online::cli::{Cli, run};

fn main() -> ExitCode {
    common::cli::main(run as fn(Cli) -> common::Result<()>)
}
