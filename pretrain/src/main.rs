use std::process::ExitCode;

fn main() -> ExitCode {
    pretrain::threads::one_a_job();
    common::cli::main(pretrain::cli::run)
}
