//! `profiler prepare`, `traits` and `inspect` with a real language model, a few prompts only.

use std::path::Path;

use crate::support::{fast_model, files, killed, model, profiler};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::profiles::{self, Kind, Profiles};
use common::schema::{items, states, users};
use tempfile::TempDir;

const FILMS: [(&str, &str); 8] = [
    ("The Exorcist", "Horror"),
    ("Toy Story", "Animation"),
    ("Halloween", "Horror"),
    ("The Lion King", "Animation"),
    ("Saving Private Ryan", "War"),
    ("Singin' in the Rain", "Musical"),
    ("When Harry Met Sally", "Romance"),
    (
        "A Film with a Title So Long That It Must Be Cut and a | Character or <|im_end|> Two",
        "Comedy",
    ),
];

/// Enough films for several units of work.
const COPIES: usize = 5;

fn ids(count: usize) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, (1..=count).map(|n| n.to_string())).unwrap()
}

fn catalogue(copies: usize) -> items::Items {
    let films = || FILMS.iter().cycle().take(FILMS.len() * copies).enumerate();
    let numbered = |(n, film): (usize, &(&str, &str))| {
        if n < FILMS.len() {
            film.0.to_string()
        } else {
            format!("{} {n}", film.0)
        }
    };
    items::Items {
        ids: ids(FILMS.len() * copies),
        title: films().map(numbered).collect(),
        text: vec![None; FILMS.len() * copies],
        categories: films().map(|(_, film)| vec![film.1.to_string()]).collect(),
    }
}

fn write_inputs(folder: &Path, catalogue: &items::Items) {
    items::write(
        &folder.join("items.parquet"),
        &Manifest::new(items::ITEMS, "test"),
        catalogue,
    )
    .unwrap();
    let items = vec![
        vec!["1".to_string(), "3".into()],
        vec!["2".into(), "1".into()],
        vec!["1".into(), "3".into()],
    ];
    let liked = vec![vec![true, true], vec![true, false], vec![true, true]];
    let states = states::States {
        users: ids(3),
        feedback: vec![vec![5.0, 5.0], vec![5.0, 1.0], vec![5.0, 5.0]],
        interactions: vec![2; 3],
        state_hash: items
            .iter()
            .zip(&liked)
            .map(|(i, l)| states::state_hash(i, l))
            .collect(),
        items,
        liked,
    };
    states::write(
        &folder.join("states.parquet"),
        &Manifest::new(states::STATES, "test"),
        &states,
    )
    .unwrap();
}

fn folder(catalogue: &items::Items) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path(), catalogue);
    folder
}

fn traits(model: &Path, out: &str, more: &str) -> String {
    format!(
        "traits --model {} --items items.parquet --states states.parquet --domain film --out {out} {more}",
        model.display()
    )
}

fn bytes(folder: &TempDir, name: &str) -> Vec<u8> {
    std::fs::read(folder.path().join(name)).unwrap()
}

fn trait_of(profiles: &Profiles, row: usize, word: &str) -> f32 {
    let at = profiles.vocabulary.iter().position(|w| w == word).unwrap();
    profiles.traits_of(row)[at]
}

#[test]
fn without_states_items_are_read_and_of_users_their_attributes() {
    let folder = folder(&catalogue(1));
    let model = fast_model(folder.path());
    let run = |out: &str, more: &str| {
        let traits = traits(&model, out, more).replace("--states states.parquet ", "");
        profiler(folder.path(), &traits)
    };
    run("items.alone.parquet", "").done();
    let alone = profiles::read(&folder.path().join("items.alone.parquet")).unwrap();
    assert_eq!(alone.kind, [Kind::Item; FILMS.len()]);
    let people = users::Users {
        ids: ids(2),
        attributes: ["doctor", "child"]
            .map(|job| [("occupation".to_string(), job.to_string())].into())
            .to_vec(),
    };
    let path = folder.path().join("users.parquet");
    users::write(&path, &Manifest::new(users::USERS, "test"), &people).unwrap();
    run("both.parquet", "--users users.parquet").done();
    let both = profiles::read(&folder.path().join("both.parquet")).unwrap();
    assert_eq!(both.traits[..alone.traits.len()], alone.traits);
    assert_eq!(both.kind[FILMS.len()..], [Kind::User; 2]);
    assert_eq!(both.state_hash[FILMS.len()], Some(states::empty_hash()));
    assert_ne!(both.traits_of(FILMS.len()), both.traits_of(FILMS.len() + 1));
    run("none.parquet", "--summaries s.parquet").refused(2, &["--states"]);
}

#[test]
#[cfg(any(feature = "cuda", feature = "vulkan"))]
#[ignore = "needs a GPU, or Mesa's software driver: make gpu-check"]
fn traits_read_on_a_gpu_are_those_of_the_cpu() {
    let folder = folder(&catalogue(1));
    let model = fast_model(folder.path());
    let read = |out: &str, more: &str| {
        profiler(folder.path(), &traits(&model, out, more)).done();
        profiles::read(&folder.path().join(out)).unwrap()
    };
    let (cpu, gpu) = (read("cpu.parquet", ""), read("gpu.parquet", "--gpu-layers 99"));
    let scale = cpu
        .traits
        .iter()
        .fold(0.0f32, |most, value| most.max(value.abs()));
    let pairs = || cpu.traits.iter().zip(&gpu.traits);
    let furthest = pairs().fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    eprintln!("{furthest} off at most, where traits reach {scale}");
    assert!(
        furthest < 0.15 * scale,
        "{furthest} off, where traits reach {scale}"
    );
    assert!(furthest > 0.0, "to the last bit: nothing was read on the GPU");
}

#[test]
fn traits_make_sense_and_do_not_depend_on_the_workers() {
    let folder = folder(&catalogue(COPIES));
    let model = fast_model(folder.path());
    profiler(folder.path(), &traits(&model, "one.parquet", "--workers 1")).done();
    profiler(folder.path(), &traits(&model, "two.parquet", "--workers 2")).done();
    profiler(folder.path(), &traits(&model, "three.parquet", "--workers 3")).done();
    assert_eq!(bytes(&folder, "one.parquet"), bytes(&folder, "two.parquet"));
    assert_eq!(bytes(&folder, "one.parquet"), bytes(&folder, "three.parquet"));

    let read = profiles::read(&folder.path().join("one.parquet")).unwrap();
    assert_eq!(read.len(), COPIES * FILMS.len() + 3);
    assert!(trait_of(&read, 0, "scary") > trait_of(&read, 1, "scary"));
    assert!(trait_of(&read, 1, "animated") > trait_of(&read, 0, "animated"));
    let first_user = COPIES * FILMS.len();
    assert_eq!(
        (read.kind[first_user], read.id[first_user].as_str()),
        (Kind::User, "1")
    );
    // Users 1 and 3 are in the same state, user 2 is in another.
    assert_eq!(read.traits_of(first_user), read.traits_of(first_user + 2));
    assert_ne!(read.traits_of(first_user), read.traits_of(first_user + 1));
    assert!(read.confidence.iter().all(|&c| c > 0.0 && c <= 1.0));
}

#[test]
fn finished_work_is_kept_and_a_changed_item_is_all_that_is_computed() {
    let mut catalogue = catalogue(COPIES);
    let kept = folder(&catalogue);
    let model = fast_model(kept.path());
    profiler(kept.path(), &traits(&model, "out.parquet", "")).done();
    let again = profiler(kept.path(), &traits(&model, "out.parquet", "")).done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
    // As after a kill: some units finished, one file cut, no output.
    let mut units = files(&kept.path().join("out.parquet.cache"));
    units.sort();
    assert!(units.len() >= 3, "{units:?}");
    std::fs::remove_file(&units[0]).unwrap();
    std::fs::write(&units[1], b"cut").unwrap();
    let before = bytes(&kept, "out.parquet");
    std::fs::remove_file(kept.path().join("out.parquet")).unwrap();
    profiler(kept.path(), &traits(&model, "out.parquet", "")).done();
    assert_eq!(bytes(&kept, "out.parquet"), before);

    catalogue.title[20] = "Quite Another Film".into();
    write_inputs(kept.path(), &catalogue);
    let run = profiler(kept.path(), &traits(&model, "out.parquet", "--overwrite")).done();
    let fresh = folder(&catalogue);
    profiler(fresh.path(), &traits(&model, "out.parquet", "")).done();
    assert_eq!(bytes(&kept, "out.parquet"), bytes(&fresh, "out.parquet"));
    assert!(!run.stderr.contains(" 0 from the cache"), "{}", run.stderr);
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let whole = folder(&catalogue(COPIES));
    let model = fast_model(whole.path());
    let run = traits(&model, "out.parquet", "--workers 1");
    profiler(whole.path(), &run).done();
    let resumed = folder(&catalogue(COPIES));
    // Kill it as soon as a unit of work is on disk.
    killed(resumed.path(), &run, "out.parquet.cache", 1);
    profiler(resumed.path(), &run).done();
    assert_eq!(bytes(&resumed, "out.parquet"), bytes(&whole, "out.parquet"));
}

#[test]
fn a_prepared_model_reads_the_same_traits_and_is_made_once() {
    let model = model();
    let folder = folder(&catalogue(1));
    let prepare = format!(
        "prepare --model {} --format q8_0 --out prepared.gguf",
        model.display()
    );
    profiler(folder.path(), &prepare).done();
    let first = bytes(&folder, "prepared.gguf");
    let again = profiler(folder.path(), &prepare).done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
    profiler(folder.path(), &format!("{prepare} --overwrite --workers 1")).done();
    assert_eq!(bytes(&folder, "prepared.gguf"), first);
    profiler(folder.path(), &prepare.replace("q8_0", "q4_0")).refused(2, &["prepared.gguf", "--overwrite"]);

    profiler(folder.path(), &traits(&model, "shipped.parquet", "")).done();
    profiler(
        folder.path(),
        &traits(Path::new("prepared.gguf"), "prepared.parquet", ""),
    )
    .done();
    let shipped = profiles::read(&folder.path().join("shipped.parquet")).unwrap();
    let prepared = profiles::read(&folder.path().join("prepared.parquet")).unwrap();
    let drift = shipped
        .traits
        .iter()
        .zip(&prepared.traits)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(drift > 0.0 && drift < 1.0, "{drift}");
}

#[test]
fn vocabularies_and_templates_of_ones_own() {
    let folder = folder(&catalogue(1));
    let model = fast_model(folder.path());
    std::fs::write(folder.path().join("words.txt"), "# moods\nfunny\nscary\n").unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(
        folder.path().join("templates/item.jinja"),
        "{{ item.title }} is a film that is",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("templates/user.jinja"),
        "{{ user.liked | join(', ') }} are all",
    )
    .unwrap();
    let own = "--vocabulary words.txt --templates templates";
    profiler(folder.path(), &traits(&model, "out.parquet", own)).done();
    let read = profiles::read(&folder.path().join("out.parquet")).unwrap();
    assert_eq!(read.vocabulary, ["funny", "scary"]);
    let shown = profiler(
        folder.path(),
        "inspect --profiles out.parquet --id 1 --kind item --top 1",
    )
    .done();
    assert!(shown.stdout.starts_with("item 1\n"), "{}", shown.stdout);
    profiler(folder.path(), "inspect --profiles out.parquet --id 99")
        .refused(2, &["no such item or user", "99"]);

    std::fs::write(folder.path().join("words.txt"), "funny\nscary\nfunny-looking\n").unwrap();
    profiler(folder.path(), &traits(&model, "other.parquet", own)).refused(42, &["funny = funny-looking"]);
    std::fs::remove_file(folder.path().join("templates/user.jinja")).unwrap();
    profiler(folder.path(), &traits(&model, "other.parquet", own)).refused(2, &["user.jinja"]);
}
