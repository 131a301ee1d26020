//! The `simulator` binary.

fn main() -> std::process::ExitCode {
    common::cli::main(simulator::cli::run)
}
