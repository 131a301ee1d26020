//! Where a binary with kernels chosen at run time finds llama.cpp's libraries: as `scripts/dist` lays them out, beside `bin/`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_DYNAMIC_BACKENDS").is_some() {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/../libexec/headstart");
    }
}
