//! llama.cpp's kernels: those of a portable build (`make dist`), chosen at run time, on emulated CPUs; and those for GPUs.

use std::path::{Path, PathBuf};
use std::process::Command;

use common::schema::profiles;

use crate::support::small::{Job, TRAITS};
use crate::support::{profiler, tiny_model};

fn job(folder: &Path) {
    tiny_model::write(&folder.join("model.gguf"));
    Job::new(12, 5).write(folder);
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "vulkan")))]
fn layers_on_a_gpu_that_is_not_there_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    job(folder.path());
    profiler(folder.path(), &format!("{TRAITS} --gpu-layers 1")).refused(
        2,
        &["--gpu-layers: there is no GPU", "hint: build it with the feature"],
    );
}

/// The profiler of the tarball in `dist/`, unpacked in `folder`.
fn unpacked(folder: &Path) -> PathBuf {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    let name = format!(
        "headstart-profiler-{}-x86_64-linux.tar.gz",
        env!("CARGO_PKG_VERSION")
    );
    let tarball = dist.join(name);
    assert!(tarball.exists(), "{} is missing: make dist", tarball.display());
    let tar = Command::new("tar")
        .arg("-xzf")
        .arg(tarball)
        .arg("-C")
        .arg(folder)
        .status();
    assert!(tar.unwrap().success());
    folder.join("headstart-profiler/bin/profiler")
}

/// Traits by a portable profiler on a kind of CPU; the kernels that it took, and the traits.
fn emulated(program: &Path, cpu: &str, folder: &Path) -> (String, Vec<f32>) {
    let qemu = std::env::var("HEADSTART_QEMU").unwrap_or("qemu-x86_64".into());
    let output = Command::new(&qemu)
        .args(["-cpu", cpu, "-strace"])
        .arg(program)
        .args(TRAITS.split_whitespace())
        .args(["--workers", "1", "--overwrite"])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("{qemu}: {e}: install qemu-user, or let HEADSTART_QEMU name it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{cpu}: {}",
        &said[said.len().saturating_sub(2000)..]
    );
    // All are asked whether they fit; the best is opened once more, at the end.
    let opened = said.lines().filter(|line| line.contains("open"));
    let mut kernels = opened.filter_map(|line| line.split("libggml-cpu-").nth(1)?.split(".so").next());
    let kernels = kernels.next_back().unwrap().to_string();
    (
        kernels,
        profiles::read(&folder.join("out.parquet")).unwrap().traits,
    )
}

#[test]
#[ignore = "needs make dist and qemu-user: make dist-check"]
fn a_portable_build_takes_the_kernels_that_the_cpu_has() {
    let folder = tempfile::tempdir().unwrap();
    job(folder.path());
    profiler(folder.path(), TRAITS).done();
    let native = profiles::read(&folder.path().join("out.parquet")).unwrap().traits;
    let scale = native.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    assert!(scale > 0.1, "{scale}");
    let program = unpacked(folder.path());
    // No AVX; AVX alone; AVX2.
    for (cpu, wanted) in [
        ("Nehalem", "sse42"),
        ("SandyBridge", "sandybridge"),
        ("Haswell", "haswell"),
    ] {
        let (kernels, traits) = emulated(&program, cpu, folder.path());
        assert_eq!(kernels, wanted, "{cpu}");
        assert_eq!(traits.len(), native.len());
        let furthest = traits
            .iter()
            .zip(&native)
            .fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(
            furthest < 0.01 * scale,
            "{cpu}: {furthest} off, where traits reach {scale}"
        );
    }
}

#[test]
#[ignore = "needs make dist: make dist-check"]
fn a_portable_build_without_its_kernels_says_so() {
    let folder = tempfile::tempdir().unwrap();
    job(folder.path());
    let program = unpacked(folder.path());
    let libraries = folder.path().join("headstart-profiler/libexec/headstart");
    for entry in std::fs::read_dir(&libraries).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().contains("libggml-cpu-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let output = Command::new(program)
        .args(TRAITS.split_whitespace())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("kernels for this CPU are missing") && said.contains("hint: "),
        "{said}"
    );
}
