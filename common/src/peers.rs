//! Peers in Python that benchmarks are held against: a virtual environment of their own, and running what is in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Result, atomic_file, terminal};

/// The interpreter of the virtual environment in `folder`, made where there is none of these `requirements`. `venv` and
/// `pip` are more flags of the two. What is in a folder that is no virtual environment stays, and is refused.
///
/// # Errors
/// A folder of something else, no Python, an installation that fails.
pub fn install(folder: &Path, requirements: &str, venv: &[&str], pip: &[&str]) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    // The list of what is installed is written last: it tells that the installation is whole, and of this version.
    let installed = folder.join("headstart-requirements.txt");
    if std::fs::read(&installed).is_ok_and(|found| found == requirements.as_bytes()) {
        return Ok(python);
    }
    let holds_anything = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if holds_anything && !folder.join("pyvenv.cfg").is_file() {
        return Err(
            Error::usage("the folder holds something else than a virtual environment of Python")
                .file(folder)
                .hint("--peers takes a folder of its own, made where it is missing"),
        );
    }
    terminal::info(&format!("installing the peers into {}", folder.display()));
    output(
        Command::new("python3")
            .args(["-m", "venv"])
            .args(venv)
            .arg(folder),
        "",
    )?;
    let wanted = folder.join("wanted.txt");
    atomic_file::write_bytes(&wanted, requirements.as_bytes())?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let mut command = Command::new(&python);
    output(command.args(install).args(pip).arg("-r").arg(&wanted), "")?;
    atomic_file::write_bytes(&installed, requirements.as_bytes())?;
    Ok(python)
}

/// Runs a command on `input` and gives its stdout; its stderr goes to ours.
///
/// # Errors
/// When it cannot be started, fails, or prints what is not text.
pub fn output(command: &mut Command, input: &str) -> Result<String> {
    let program = PathBuf::from(command.get_program());
    let failed = |e: std::io::Error| {
        Error::usage(format!("cannot start it: {e}"))
            .file(&program)
            .hint("--peers needs python3 with venv and pip")
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends without reading says why on stderr, and by its exit status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(Error::retry(format!("it ended with {}", output.status))
            .file(&program)
            .hint("its messages are above; the package registry must be reachable the first time"));
    }
    String::from_utf8(output.stdout).map_err(|_| Error::retry("it printed what is not text").file(&program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        std::fs::write(&precious, "x").unwrap();
        let error = install(folder.path(), "none==0", &[], &[]).unwrap_err();
        assert_eq!(error.class().code(), 2, "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read(&precious).unwrap(), b"x");
    }
}
