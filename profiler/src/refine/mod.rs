//! `profiler refine`: many traits turned into the few directions in which this log's users differ.
//!
//! A model can be asked for hundreds of words at the price of forty: they are logits of the same prefill. Most of
//! them say how the prompt is worded, some say what kind of item it is. Which is which, a little log can tell: what
//! one user likes must lie together. Fisher's linear discriminants (1936; over many classes, Rao 1948) with users
//! as classes are the directions with the largest share of variance between users; each is scaled by the root of
//! that share, so that a cosine trusts them as far as they can be trusted (cf. Ioffe 2006, "Probabilistic Linear
//! Discriminant Analysis").
//!
//! The fit is crossed over items: an item's refined traits come from discriminants in which its own likes had no
//! part. They hold what the model says of it, and nothing of who liked it; so they mean the same for an item that
//! nobody has met, and a measurement on held-out likes is not flattered.

mod cross_fit;
mod discriminants;
mod features;
mod name;

use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::manifest::Manifest;
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::schema::states::{self, States};
use common::schema::table;
use common::{Error, Result, output, rng, terminal};
use serde::Serialize;

use cross_fit::CrossFit;
use discriminants::Likes;
use features::Features;

/// What `refine` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Profiles with many traits.
    pub profiles: PathBuf,
    /// The user states: whose likes they are.
    pub states: PathBuf,
    /// Refined traits.
    pub dimensions: usize,
    /// Ridge, in mean variances of a trait.
    pub ridge: f64,
    /// Parts of the catalogue for the crossed fit; 1 fits once, on everything.
    pub folds: usize,
    /// Hand the traits to the wrong items first: the control.
    pub shuffled: bool,
    /// Where the refined profiles go.
    pub out: PathBuf,
    /// Seed of the folds and of the control.
    pub seed: u64,
    /// Replace another run's profiles.
    pub overwrite: bool,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded {
    dimensions: usize,
    ridge: f64,
    folds: usize,
    shuffled: bool,
}

/// Refines the traits of all items and users, and writes their profiles: the same rows, `dimensions` traits each.
///
/// # Errors
/// When an input is missing or bad, the states are not those of the profiles, fewer than two likes of one user are
/// of items with a profile, or `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    output::files(
        [config.out.as_path()],
        [config.profiles.as_path(), &config.states],
    )?;
    let manifest = manifest(config)?;
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    let mut wide = profiles::read(&config.profiles)?;
    let states = states::read(&config.states)?;
    if config.dimensions >= wide.vocabulary.len() {
        return Err(Error::usage(format!(
            "{} traits cannot be refined to {}",
            wide.vocabulary.len(),
            config.dimensions
        ))
        .file(&config.profiles)
        .hint("read more words (`profiler vocab --wide 512`), or ask for fewer --dimensions"));
    }
    if config.shuffled {
        shuffle(&mut wide, config.seed);
    }
    let items = Features::of(&wide, Kind::Item);
    let users = Features::of(&wide, Kind::User);
    let likes = likes(&wide, &items, &states);
    let fit = CrossFit::new(
        &items,
        &likes,
        config.dimensions,
        config.ridge,
        config.folds,
        config.seed,
    )
    .map_err(|e| e.file(&config.states))?;
    let refined = assemble(wide, &items, &users, &fit);
    profiles::write(&config.out, &manifest, &refined)?;
    report(config, &fit, &likes);
    Ok(())
}

/// Inputs of the wide profiles are inputs of the refined ones, so that later steps can ask for them.
fn manifest(config: &Config) -> Result<Manifest> {
    let recorded = Recorded {
        dimensions: config.dimensions,
        ridge: config.ridge,
        folds: config.folds,
        shuffled: config.shuffled,
    };
    let states = table::fingerprint(&config.states)?;
    let mut manifest = Manifest::new(PROFILES, "profiler refine")
        .seed(config.seed)
        .config(&recorded)?;
    if let Some(wide) = table::read_manifest(&config.profiles)? {
        wide.require_input("states", &states, &config.profiles, &config.states)?;
        manifest.inputs = wide.inputs;
    }
    Ok(manifest
        .input("states", states)
        .input("profiles", table::fingerprint(&config.profiles)?))
}

/// The control: traits handed to other items, so that only what the fit itself can make up is left.
fn shuffle(profiles: &mut Profiles, seed: u64) {
    let width = profiles.vocabulary.len();
    let rows: Vec<usize> = (0..profiles.len())
        .filter(|&row| profiles.kind[row] == Kind::Item)
        .collect();
    let mut from = rows.clone();
    rng::shuffle(&mut rng::stream(seed, "refine shuffled traits", &[]), &mut from);
    let before = profiles.traits.clone();
    for (&to, &from) in rows.iter().zip(&from) {
        profiles.traits[to * width..(to + 1) * width]
            .copy_from_slice(&before[from * width..(from + 1) * width]);
    }
}

/// Each user's liked items as rows of `items`, every item once.
fn likes(profiles: &Profiles, items: &Features, states: &States) -> Likes {
    let place: std::collections::HashMap<&str, u32> = items
        .rows()
        .iter()
        .zip(0..)
        .map(|(&row, place)| (profiles.id[row].as_str(), place))
        .collect();
    let of_user = |row: usize| {
        let state = states.items[row].iter().zip(&states.liked[row]);
        let mut liked: Vec<u32> = state
            .filter(|&(_, &liked)| liked)
            .filter_map(|(item, _)| place.get(item.as_str()).copied())
            .collect();
        liked.sort_unstable();
        liked.dedup();
        liked
    };
    Likes::new((0..states.users.len()).map(of_user).collect())
}

fn assemble(wide: Profiles, items: &Features, users: &Features, fit: &CrossFit) -> Profiles {
    let dimensions = fit.whole().dimensions();
    let mut traits = vec![0.0; wide.len() * dimensions];
    let mut place = |row: usize, values: &[f64]| {
        let to = &mut traits[row * dimensions..(row + 1) * dimensions];
        to.iter_mut()
            .zip(values)
            .for_each(|(to, &value)| *to = value as f32);
    };
    for (at, &row) in items.rows().iter().enumerate() {
        place(row, &fit.item(items, at));
    }
    // Users' prompts are worded otherwise than items': their features have a mean and a spread of their own.
    for (at, &row) in users.rows().iter().enumerate() {
        place(row, &fit.whole().apply(users.row(at)));
    }
    Profiles {
        vocabulary: name::directions(&wide.vocabulary, fit.whole(), items),
        traits,
        ..wide
    }
}

fn report(config: &Config, fit: &CrossFit, likes: &Likes) {
    let shares: Vec<String> = fit
        .whole()
        .shares()
        .iter()
        .take(8)
        .map(|share| format!("{:.0}", 100.0 * share))
        .collect();
    terminal::info(&format!(
        "{}: {} traits from {} likes of {} users; variance between users along the first: {} %",
        config.out.display(),
        fit.whole().dimensions(),
        likes.count(),
        likes.users(),
        shares.join(", "),
    ));
}

#[cfg(test)]
mod tests;
