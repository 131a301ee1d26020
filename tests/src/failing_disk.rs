//! A tool on a disk that is full, or in a process that dies, at a chosen moment: a small library is compiled with gcc and
//! preloaded. (A limit on the size of files would do for one file, and not for a folder of many.)

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::binary;

/// The library, compiled.
pub struct FailingDisk {
    folder: PathBuf,
}

/// When it fails.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Never.
    Never,
    /// After so many bytes nothing more can be written; a new file or folder takes 4096.
    Bytes(u64),
    /// The process is killed after so many calls that change the disk.
    Calls(u64),
}

impl FailingDisk {
    /// Compiles the library into `folder`.
    ///
    /// # Panics
    /// When there is no gcc.
    pub fn compile(folder: &Path) -> Self {
        let source = folder.join("failing_disk.c");
        std::fs::write(&source, include_str!("failing_disk.c")).expect("the source can be written");
        let compiled = Command::new("gcc")
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .arg(folder.join("failing_disk.so"))
            .arg(&source)
            .arg("-ldl")
            .output()
            .expect("gcc starts");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        FailingDisk {
            folder: folder.to_path_buf(),
        }
    }

    /// Runs a tool, which fails at `moment`.
    ///
    /// # Panics
    /// When the process cannot be started.
    pub fn run(&self, folder: &Path, tool: &str, arguments: &str, moment: Moment) -> Output {
        let mut command = Command::new(binary(tool));
        command
            .args(arguments.split_whitespace())
            .current_dir(folder)
            .env("LD_PRELOAD", self.folder.join("failing_disk.so"))
            .env("DISK_COUNT", self.folder.join("count"));
        match moment {
            Moment::Never => &mut command,
            Moment::Bytes(bytes) => command.env("DISK_BYTES", bytes.to_string()),
            Moment::Calls(calls) => command.env("DISK_CALLS", calls.to_string()),
        };
        command.output().expect("the tool starts")
    }

    /// The bytes that the last run which came to its end has written, and its calls that changed the disk.
    ///
    /// # Panics
    /// When there was none.
    pub fn counted(&self) -> (u64, u64) {
        let text = std::fs::read_to_string(self.folder.join("count")).expect("a run came to its end");
        let (bytes, calls) = text.split_once(' ').expect("two numbers");
        (bytes.parse().expect("a number"), calls.parse().expect("a number"))
    }
}
