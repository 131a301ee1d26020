//! New items join a trained policy without training: old items keep their scores, and what cannot be placed is refused.

use crate::support;
use std::path::Path;

use crate::support::{expect, files};
use common::ids::IdKind;
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::items::{self, ITEMS};
use common::schema::profiles::{self, Kind, PROFILES};

const EXTEND: &str =
    "extend --policy policies/seed-0 --items more.parquet --profiles more-profiles.parquet --out extended";

/// A trained policy; a catalogue with the new item `new`, and profiles in which it is as `twin` is, if it has one.
fn prepare(folder: &Path, twin: Option<&str>) {
    support::write(folder);
    let train = "train --method bc --log log --states states.parquet --profiles profiles.parquet --seeds 1 --steps 40 --batch 8 \
                 --dims 8 --hidden 8 --out policies";
    expect(folder, train, 0);
    let mut catalogue = items::read(&folder.join("log/items.parquet")).unwrap();
    catalogue.ids.intern("new");
    catalogue.title.push("new".into());
    catalogue.text.push(None);
    catalogue.categories.push(Vec::new());
    items::write(
        &folder.join("more.parquet"),
        &Manifest::new(ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    let log = support::log(IdKind::Text);
    let mut read = support::profiles_of(&log, &support::states_of(&log));
    if let Some(twin) = twin {
        let row = (0..read.len())
            .find(|&row| read.kind[row] == Kind::Item && read.id[row] == twin)
            .unwrap();
        let traits = read.traits_of(row).to_vec();
        read.kind.push(Kind::Item);
        read.id.push("new".into());
        read.state_hash.push(None);
        read.traits.extend(traits);
        read.summary.push(None);
        read.confidence.push(0.5);
    }
    profiles::write(
        &folder.join("more-profiles.parquet"),
        &Manifest::new(PROFILES, "test"),
        &read,
    )
    .unwrap();
}

#[test]
fn a_new_item_has_its_twins_traits_and_old_items_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), Some("3"));
    let said = expect(folder.path(), EXTEND, 0);
    assert!(said.contains("1 new items beside 30 known ones"), "{said}");
    let load = |name: &str| Policy::load(&folder.path().join(name)).unwrap();
    let (before, after) = (load("policies/seed-0"), load("extended"));
    assert_eq!(
        (after.config.network.items, after.items.ids.code("new")),
        (31, Some(30))
    );
    assert_eq!(
        after.weights.item_embedding[..30 * 8],
        before.weights.item_embedding
    );
    assert_eq!(after.weights.item_bias[..30], before.weights.item_bias);
    assert_eq!(after.weights.encoder, before.weights.encoder);
    assert_eq!(after.users.history, before.users.history);
    let twin = after.items.ids.code("3").unwrap() as usize;
    for (new, twin) in after.items.traits[60..]
        .iter()
        .zip(&after.items.traits[2 * twin..2 * twin + 2])
    {
        assert!((new - twin).abs() < 1e-5, "the scale is that of training");
    }
    assert!(after.weights.not_finite(&after.config.network).is_none());
    let written = files(&folder.path().join("extended"));
    let said = expect(folder.path(), EXTEND, 0);
    assert!(said.contains("already done"), "{said}");
    assert_eq!(files(&folder.path().join("extended")), written);
}

#[test]
fn what_has_no_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), None);
    let said = expect(folder.path(), EXTEND, 42);
    assert!(
        said.contains("`new` has no profile") && said.contains("more-profiles.parquet"),
        "{said}"
    );
    let known = EXTEND.replace("more.parquet", "log/items.parquet");
    let said = expect(folder.path(), &known, 2);
    assert!(said.contains("already"), "{said}");
    assert!(!folder.path().join("extended").exists());
    let without = "train --method bc --log log --traits none --seeds 1 --steps 5 --batch 8 --dims 8 --hidden 8 --out policies \
                   --overwrite";
    expect(folder.path(), without, 0);
    let said = expect(folder.path(), EXTEND, 2);
    assert!(said.contains("without traits"), "{said}");
    let closed = "train --method appeal --log log --states states.parquet --profiles profiles.parquet --seeds 1 --out policies \
                  --overwrite";
    expect(folder.path(), closed, 0);
    let said = expect(folder.path(), EXTEND, 2);
    assert!(said.contains("closed form (appeal)"), "{said}");
}
