//! A reward model without a log: the language model's preferences take its place.

use crate::support;
use crate::support::expect;
use common::ids::IdKind;
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::interactions::Interactions;
use common::schema::preferences::{self, PREFERENCES, Preferences};
use common::schema::states::state_hash;

const IALP: &str = "train --method ialp --log log --states states.parquet --profiles profiles.parquet --seeds 1 --steps 3 \
                    --batch 4 --horizon 4 --out policies";

fn write(folder: &std::path::Path, preferences: &Preferences) {
    let manifest = Manifest::new(PREFERENCES, "test");
    preferences::write(&folder.join("preferences.parquet"), &manifest, preferences).unwrap();
}

/// A log with nothing liked in its users' later halves: one like each, the first interaction.
fn short() -> Interactions {
    let mut log = support::log(IdKind::Text);
    for (row, feedback) in log.feedback.iter_mut().enumerate() {
        *feedback = if row % 12 == 0 { 5.0 } else { 2.0 };
    }
    log
}

#[test]
fn where_the_log_is_too_short_preferences_take_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write_log(folder, &short());
    let without = expect(folder, IALP, 42);
    assert!(
        without.contains("--preferences") && without.contains("later half"),
        "{without}"
    );
    write(folder, &support::preferences_of(&support::states_of(&short())));
    let with = expect(folder, &format!("{IALP} --preferences preferences.parquet"), 0);
    assert!(with.contains("fit on the language model's preferences"), "{with}");
    let policy = Policy::load(&folder.join("policies/seed-0")).unwrap();
    assert!(policy.manifest.inputs.contains_key("preferences"));
}

#[test]
fn without_any_feedback_preferences_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    let arguments = "train --method ialp --log log --traits none --log-fraction 0 --seeds 1 --out policies";
    let stderr = expect(folder, arguments, 2);
    assert!(
        stderr.contains("neither feedback nor a preference") && stderr.contains("--preferences"),
        "{stderr}"
    );
    assert!(!folder.join("policies/seed-0/manifest.json").exists());
}

#[test]
fn preferences_that_contradict_the_states_or_the_catalogue_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    let good = support::preferences_of(&support::states_of(&support::log(IdKind::Text)));
    let arguments = format!("{IALP} --preferences preferences.parquet");
    let mut of_another_state = good.clone();
    of_another_state.state_hash[7] = state_hash::<&str>(&[], &[]);
    write(folder, &of_another_state);
    let stderr = expect(folder, &arguments, 2);
    let words = [
        "preferences.parquet and states.parquet do not belong together",
        "user `7`",
        "row 7",
    ];
    assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
    let mut outside = good.clone();
    outside.candidates[3][1] = "no such item".into();
    write(folder, &outside);
    let stderr = expect(folder, &arguments, 42);
    assert!(
        stderr.contains("`no such item` is not in the catalogue") && stderr.contains("row 3"),
        "{stderr}"
    );
    let mut of_others = good;
    of_others.user_id.iter_mut().for_each(|id| id.push('x'));
    write(folder, &of_others);
    assert!(expect(folder, &arguments, 2).contains("no preference is of one of the log's users"));
}
