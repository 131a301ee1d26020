//! Folders swapped, carried over, and put right.

use super::*;

const OWN: [&str; 2] = ["weights", "log/*.parquet"];

/// Puts `content` in the tool's own files of a folder.
fn fill(folder: &Path, content: &str) -> Result<()> {
    fs::create_dir_all(folder.join("log")).unwrap();
    for name in ["weights", "log/1.parquet", "manifest.json"] {
        fs::write(folder.join(name), content).unwrap();
    }
    Ok(())
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    walk(folder).unwrap()
}

#[test]
fn what_a_kill_after_the_swap_left_is_cleared_where_all_is_done() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fill(&out, "new").unwrap();
    let old = root.path().join(".writing-out");
    fs::create_dir_all(&old).unwrap();
    for name in ["weights", "notes.txt"] {
        fs::write(old.join(name), "old").unwrap();
    }
    let done = || stage(&out, &OWN, || Ok(Plan::AlreadyDone)).unwrap();
    // Whoever is writing there is left alone.
    let lock = File::open(&old).unwrap();
    lock.lock().unwrap();
    assert!(done().is_none());
    assert!(old.join("weights").exists());
    drop(lock);
    assert!(done().is_none());
    assert!(!old.exists());
    assert_eq!(
        (read(&out, "weights"), read(&out, "notes.txt")),
        ("new".into(), "old".into())
    );
}

#[test]
fn a_folder_is_replaced_and_what_is_another_s_is_carried_over() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    Staged::begin(&out, &OWN)
        .unwrap()
        .write(|f| fill(f, "old"))
        .unwrap();
    for name in [
        "notes.txt",
        "log/notes.txt",
        "log/2.parquet",
        "more/deep/x",
        "more/weights",
    ] {
        fs::create_dir_all(out.join(name).parent().unwrap()).unwrap();
        fs::write(out.join(name), "precious").unwrap();
    }
    let failed: Result<()> = Staged::begin(&out, &OWN).unwrap().write(|folder| {
        fill(folder, "half")?;
        Err(Error::retry("no").file(folder.join("weights")))
    });
    assert!(failed.unwrap_err().to_string().contains("out/weights"));
    assert_eq!(read(&out, "weights"), "old");
    Staged::begin(&out, &OWN)
        .unwrap()
        .write(|f| fill(f, "new"))
        .unwrap();
    let own = ["log/1.parquet", "manifest.json", "weights"];
    let mut all = [
        own.as_slice(),
        &["log/notes.txt", "more/deep/x", "more/weights", "notes.txt"],
    ]
    .concat();
    all.sort_unstable();
    assert_eq!(
        names(&out),
        all,
        "log/2.parquet was the tool's own, of the old folder"
    );
    assert!(own.iter().all(|name| read(&out, name) == "new"));
    assert_eq!(read(&out, "more/weights"), "precious");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no litter");
}

#[test]
fn a_link_is_followed_and_a_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (out, link) = (root.path().join("real/out"), root.path().join("link"));
    fs::create_dir_all(&out).unwrap();
    std::os::unix::fs::symlink(&out, &link).unwrap();
    for path in [link.clone(), root.path().join("link/")] {
        Staged::begin(&path, &OWN)
            .unwrap()
            .write(|f| fill(f, "new"))
            .unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    assert_eq!(read(&out, "weights"), "new");
    assert!(Staged::begin(&out.join("weights"), &OWN).is_err());
}

#[test]
fn one_writer_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let first = Staged::begin(&out, &OWN).unwrap();
    let error = Staged::begin(&out, &OWN).unwrap_err();
    assert_eq!(error.class(), crate::error::Class::Retry);
    assert!(
        error.to_string().contains("another process is writing"),
        "{error}"
    );
    first.write(|f| fill(f, "first")).unwrap();
    // What was planned before the lock is looked at again.
    let found = std::cell::Cell::new(Plan::Write);
    let plan = || Ok(found.replace(Plan::AlreadyDone));
    assert!(stage(&out, &OWN, plan).unwrap().is_none());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    // Who has the folder itself in use keeps it.
    let lock = crate::append_file::lock_folder(&out).unwrap();
    assert!(Staged::begin(&out, &OWN).is_err());
    drop(lock);
    Staged::begin(&out, &OWN).unwrap();
}

#[test]
fn what_a_killed_process_left_is_put_right() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let out = at("out");
    // Killed while it wrote: all of it is cleared.
    fill(&at(".writing-out"), "half").unwrap();
    fs::write(at(".writing-out").join(UNFINISHED), "").unwrap();
    fs::write(at(".writing-out/other"), "half").unwrap();
    drop(Staged::begin(&out, &OWN).unwrap());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    // After the swap, with the old one not yet gone: what was another's comes over.
    fill(&out, "new").unwrap();
    fill(&at(".writing-out"), "old").unwrap();
    fs::write(at(".writing-out/notes.txt"), "precious").unwrap();
    drop(Staged::begin(&out, &OWN).unwrap());
    assert_eq!(
        (read(&out, "weights"), read(&out, "notes.txt")),
        ("new".into(), "precious".into())
    );
    // Between the two steps of a file system without a swap: the old one comes back.
    fs::rename(&out, at(".replaced-out")).unwrap();
    fill(&at(".writing-out"), "newer").unwrap();
    assert_eq!(interrupted(&out), Some(at(".replaced-out")));
    drop(Staged::begin(&out, &OWN).unwrap());
    assert_eq!(
        (read(&out, "weights"), read(&out, "notes.txt")),
        ("new".into(), "precious".into())
    );
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn two_steps_do_what_the_swap_does() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fill(&out, "old").unwrap();
    fs::write(out.join("notes.txt"), "precious").unwrap();
    let staged = Staged::begin(&out, &OWN).unwrap();
    fill(staged.path(), "new").unwrap();
    staged.swap_in_two_steps().unwrap();
    assert_eq!(read(&out, "weights"), "new");
    assert_eq!(read(staged.path(), "weights"), "old");
    staged.clear(staged.path()).unwrap();
    assert_eq!(
        (read(&out, "weights"), read(&out, "notes.txt")),
        ("new".into(), "precious".into())
    );
}

#[test]
fn what_cannot_be_swapped_gets_its_files_one_by_one_and_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fs::create_dir_all(out.join("log")).unwrap();
    fs::write(out.join("log/notes.txt"), "precious").unwrap();
    let begin = || {
        let mut staged = Staged::begin(&out, &OWN).unwrap();
        // As if it were a mount point.
        staged.swappable = false;
        staged
    };
    begin().write(|f| fill(f, "new")).unwrap();
    assert_eq!(
        (read(&out, "weights"), read(&out, "log/notes.txt")),
        ("new".into(), "precious".into())
    );
    // A folder that got one of the files meanwhile keeps it, and gets none of the others.
    fs::remove_file(out.join("manifest.json")).unwrap();
    fs::remove_file(out.join("weights")).unwrap();
    let failed = begin().write(|f| fill(f, "newer")).unwrap_err();
    assert!(failed.to_string().contains("same names"), "{failed}");
    assert_eq!(names(&out), ["log/1.parquet", "log/notes.txt"]);
    assert_eq!(read(&out, "log/1.parquet"), "new");
    // The system's own root is a mount point, and so is what is mounted in it.
    assert!(is_mount_point(Path::new("/proc")) && !is_mount_point(root.path()));
}
