//! What `scripts/dist` packs: here the programs of this build, so that it takes seconds; `make dist-check` has the portable ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{binary, cache};

const TOOLS: [&str; 4] = ["profiler", "pretrain", "online", "simulator"];

/// Runs a program that must succeed; what it says on stdout.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Packs the programs of `built` into `out`; the wheel.
fn pack(built: &Path, out: &Path) -> PathBuf {
    run(Command::new(repository().join("scripts/dist"))
        .arg("--built")
        .arg(built)
        .arg("--out")
        .arg(out));
    let mut wheels = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    wheels
        .find(|path| path.extension().is_some_and(|kind| kind == "whl"))
        .unwrap()
}

/// A virtual environment with the wheel and nothing else; the folder of its programs.
fn install(wheel: &Path, folder: &Path) -> PathBuf {
    let python = std::env::var("PYTHON").unwrap_or("python3".into());
    run(Command::new(&python)
        .args(["-m", "venv", "--without-pip"])
        .arg(folder));
    // The pip that is there serves the new environment: its own would have to be unpacked first.
    let pip = run(Command::new(&python).args(["-c", "import pip; print(pip.__path__[0])"]));
    run(Command::new(folder.join("bin/python"))
        .arg(pip.trim_end())
        .args(["install", "-q", "--no-index", "--no-deps", "--no-compile"])
        .arg(wheel)
        .env("PIP_CONFIG_FILE", "/dev/null"));
    folder.join("bin")
}

/// That a program runs where there is no other, and says its name and version.
fn says_its_version(program: &Path) {
    let said = run(Command::new(program).arg("--version").env_clear());
    let name = program.file_name().unwrap().to_str().unwrap();
    assert_eq!(said.trim_end(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_wheel_brings_the_tools_the_client_and_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("dist");
    let wheel = pack(binary("online").parent().unwrap(), &out);
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        name.starts_with(&format!("headstart-{version}-py3-none-manylinux_2_")),
        "{name}"
    );
    assert!(name.ends_with("_x86_64.whl"), "{name}");
    run(Command::new("sha256sum")
        .args(["-c", "--strict", "SHA256SUMS"])
        .current_dir(&out));

    let programs = install(&wheel, &folder.path().join("environment"));
    for tool in TOOLS {
        says_its_version(&programs.join(tool));
    }
    // The client finds the simulator beside its own Python, although that is not on PATH.
    let client = "import headstart_simulator as h; print(h.__file__); print(h.connection.find_binary())";
    let said = run(Command::new(programs.join("python"))
        .args(["-c", client])
        .env("PYTHONPATH", cache().join("python/packages"))
        .env_remove("HEADSTART_SIMULATOR")
        .env("PATH", "/usr/bin:/bin"));
    let said: Vec<&str> = said.lines().collect();
    assert!(said[0].starts_with(folder.path().to_str().unwrap()), "{said:?}");
    assert_eq!(Path::new(said[1]), programs.join("simulator"));
    let said = run(Command::new(programs.join("headstart-demo"))
        .arg("--help")
        .env("PATH", "/usr/bin:/bin"));
    assert!(said.contains("--quick"), "{said}");
    // What pip does not look at, others do: uv, auditors.
    let record = r#"
import base64, csv, hashlib, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
rows = list(csv.reader(wheel.read(next(n for n in wheel.namelist() if n.endswith("RECORD"))).decode().splitlines()))
assert sorted(row[0] for row in rows) == sorted(wheel.namelist())
for name, digest, size in rows[:-1]:
    content = wheel.read(name)
    own = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    assert (digest, int(size)) == ("sha256=" + own, len(content)), name
"#;
    run(Command::new(programs.join("python"))
        .args(["-c", record])
        .arg(&wheel));

    for tool in TOOLS {
        let top = format!("headstart-{tool}");
        run(Command::new("tar")
            .arg("-xzf")
            .arg(out.join(format!("{top}-{version}-x86_64-linux.tar.gz")))
            .current_dir(folder.path()));
        says_its_version(&folder.path().join(&top).join("bin").join(tool));
        assert!(folder.path().join(&top).join("THIRD-PARTY").exists());
    }
}

#[test]
fn the_same_files_are_packed_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let sums = |name: &str| {
        let built = folder.path().join(name);
        std::fs::create_dir(&built).unwrap();
        for tool in TOOLS {
            std::fs::copy("/bin/true", built.join(tool)).unwrap();
        }
        let wheel = pack(&built, &folder.path().join(format!("{name}-dist")));
        std::fs::read_to_string(wheel.with_file_name("SHA256SUMS")).unwrap()
    };
    let first = sums("first");
    assert_eq!(first.lines().count(), 1 + TOOLS.len());
    // Zip has times of two seconds: what took the clock would differ.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    assert_eq!(first, sums("second"));
}

#[test]
fn what_cannot_be_packed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(repository().join("scripts/dist"))
        .arg("--built")
        .arg(folder.path())
        .arg("--out")
        .arg(folder.path().join("dist"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("profiler is not built\nhint: make build"), "{said}");
    assert!(!folder.path().join("dist").exists());
}

/// A root folder with a C library, libgcc and the tool of a tarball of `dist/`, and nothing else.
fn bare_root(tool: &str, folder: &Path) {
    let name = format!(
        "headstart-{tool}-{}-x86_64-linux.tar.gz",
        env!("CARGO_PKG_VERSION")
    );
    let tarball = repository().join("dist").join(name);
    assert!(tarball.exists(), "{} is missing: make dist", tarball.display());
    let listed = run(Command::new("ldd").arg("/bin/true")) + &run(Command::new("ldd").arg(binary("online")));
    for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        let place = folder.join(&library[1..]);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(library, place).unwrap();
    }
    let top = format!("--transform=s,^headstart-{tool}/,opt/,");
    run(Command::new("tar")
        .arg("-xzf")
        .arg(tarball)
        .arg(top)
        .arg("-C")
        .arg(folder));
}

#[test]
#[ignore = "needs make dist, and unshare: make dist-check"]
fn a_portable_tool_needs_a_c_library_alone() {
    for tool in TOOLS {
        let folder = tempfile::tempdir().unwrap();
        bare_root(tool, folder.path());
        // As in a container, with /proc: a program's own place is told there.
        let proc = folder.path().join("proc");
        std::fs::create_dir(&proc).unwrap();
        let said = run(Command::new("unshare")
            .args(["--map-root-user", "--mount", "--pid", "--fork"])
            .arg(format!("--mount-proc={}", proc.display()))
            .arg("chroot")
            .arg(folder.path())
            .args([&format!("/opt/bin/{tool}"), "--version"])
            .env("PATH", std::env::var("PATH").unwrap() + ":/usr/sbin"));
        assert_eq!(said.trim_end(), format!("{tool} {}", env!("CARGO_PKG_VERSION")));
    }
}
