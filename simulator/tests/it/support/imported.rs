//! Looking at what an import wrote.

use std::path::{Path, PathBuf};

use common::manifest::Manifest;
use common::schema::interactions::{self, Interactions};
use common::schema::items::{self, Items};
use common::schema::table;
use common::schema::users::{self, Users};
use simulator::dataset::{Dataset, Layout};

/// The four parts of an imported dataset, read back, and the manifest that they share.
pub(crate) struct Imported {
    pub(crate) items: Items,
    pub(crate) users: Users,
    pub(crate) log: Interactions,
    pub(crate) truth: Interactions,
    pub(crate) manifest: Manifest,
}

impl Imported {
    /// Reads the parts, and checks what holds for every import: the manifests agree, the dataset can be read as one,
    /// and nobody can take the truth for a log.
    pub(crate) fn read(folder: &Path) -> Self {
        let layout = Layout::new(folder);
        let manifest = table::read_manifest(&layout.log).unwrap().unwrap();
        for other in [&layout.items, &layout.users, &layout.truth] {
            let other = table::read_manifest(other).unwrap().unwrap();
            assert_eq!(
                (&other.config, &other.inputs, other.seed),
                (&manifest.config, &manifest.inputs, manifest.seed)
            );
        }
        let refused = interactions::read_log(&layout.truth, None)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("held-out truth"), "{refused}");
        let refused = interactions::feedback_of_log(&layout.truth, Some(1.0))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("held-out truth"), "{refused}");

        let imported = Imported {
            items: items::read(&layout.items).unwrap(),
            users: users::read(&layout.users).unwrap(),
            log: interactions::read_log(&layout.log, None).unwrap(),
            truth: interactions::read_truth(&layout.truth).unwrap(),
            manifest,
        };
        let dataset = Dataset::read(folder).unwrap();
        assert_eq!(
            dataset.name,
            imported.manifest.config["dataset"].as_str().unwrap()
        );
        assert_eq!(
            (dataset.log.len(), dataset.held_out.len()),
            (imported.log.len(), imported.truth.len())
        );
        imported
    }

    /// The row of the item with this id: (title, text, categories).
    pub(crate) fn item(&self, id: &str) -> (&str, Option<&str>, Vec<&str>) {
        let code = self.items.ids.code(id).unwrap() as usize;
        (
            &self.items.title[code],
            self.items.text[code].as_deref(),
            self.items.categories[code].iter().map(String::as_str).collect(),
        )
    }
}

/// The rows of a log as text, in file order: (user, item, timestamp, feedback).
pub(crate) fn rows(log: &Interactions) -> Vec<(&str, &str, i64, f32)> {
    let row = |row: usize| {
        (
            log.users.id(log.user[row]),
            log.items.id(log.item[row]),
            log.timestamp[row],
            log.feedback[row],
        )
    };
    (0..log.len()).map(row).collect()
}

/// The items of one user, in the order of time.
pub(crate) fn in_time<'a>(log: &'a Interactions, user: &str) -> Vec<&'a str> {
    let Some(user) = log.users.code(user) else {
        return vec![];
    };
    let rows = &log.rows_by_user()[user as usize];
    rows.iter().map(|&row| log.items.id(log.item[row])).collect()
}

/// The folder of a dataset as it was published: below `HEADSTART_SHARED_DATA`, else beside the repository.
pub(crate) fn published(dataset: &str) -> PathBuf {
    let shared = std::env::var_os("HEADSTART_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = shared.join(dataset);
    assert!(
        folder.is_dir(),
        "{} is not a folder: HEADSTART_SHARED_DATA names the one that holds `{dataset}`",
        folder.display()
    );
    folder
}
