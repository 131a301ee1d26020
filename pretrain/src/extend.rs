//! `pretrain extend`: new items in a trained policy, by their traits and without training.
//!
//! Training has moved the item embeddings away from where the traits put them, so a new item's place is read off the trained
//! ones: a ridge regression from the known items' standardised traits to their embeddings and biases (Schein et al. 2002 call
//! the problem cold start; the map from content to factors is that of Gantner et al. 2010), evaluated at the new item's.
//! Everything else of the policy stays as it is, so that old items keep their logits.

use std::path::{Path, PathBuf};

use common::artifact;
use common::manifest::Manifest;
use common::policy_artifact::{Encoder, FILES, POLICY, Policy};
use common::schema::profiles::{Kind, Profiles};
use common::schema::{items, profiles, table};
use common::{Error, Result, folder, output, terminal};
use nalgebra::{DMatrix, DVector};

use crate::data::mean_and_scale;

const TOOL: &str = "pretrain extend";

/// The penalty, in units of one item whose traits have variance 1.
const RIDGE: f64 = 10.0;

/// What to extend by what.
#[derive(Clone, Debug)]
pub struct ExtendConfig {
    /// The policy's folder.
    pub policy: PathBuf,
    /// A catalogue with the new items; known ones are left out.
    pub items: PathBuf,
    /// Trait profiles of known and new items, from one run of `profiler traits` with the policy's vocabulary.
    pub profiles: PathBuf,
    /// The folder of the extended policy.
    pub out: PathBuf,
    /// Replace another run's output.
    pub overwrite: bool,
}

/// Writes the extended policy, unless it is there already.
///
/// # Errors
/// A policy without traits or in closed form, profiles of another vocabulary, a new item without a profile, inputs that cannot be read, an output of
/// another run.
pub fn run(config: &ExtendConfig) -> Result<()> {
    let inputs = [&config.policy, &config.items, &config.profiles].map(PathBuf::as_path);
    output::folder_of(&config.out, &FILES, inputs)?;
    let mut policy = Policy::load(&config.policy)?;
    if policy.config.network.encoder == Encoder::History {
        return Err(Error::usage(format!(
            "a policy in closed form ({}) cannot be extended: it keeps no traits by which a new item has a place",
            policy.config.method
        ))
        .file(&config.policy)
        .hint("make it again over the new catalogue with `pretrain train`: it takes one pass"));
    }
    let manifest = Manifest::new(POLICY, TOOL)
        .seed(policy.manifest.seed.unwrap_or(0))
        .input("policy", Policy::fingerprint(&config.policy)?)
        .input("items", items::fingerprint(&config.items)?)
        .input("profiles", table::fingerprint(&config.profiles)?);
    let catalogue = items::read_ids(&config.items)?;
    let new: Vec<&str> = catalogue
        .ids()
        .filter(|id| policy.items.ids.code(id).is_none())
        .collect();
    let count = new.len();
    if count == 0 {
        return Err(Error::usage("every item is in the policy's catalogue already")
            .file(&config.items)
            .hint("give a catalogue with new items"));
    }
    let traits = new_traits(
        &policy,
        &new,
        &profiles::read(&config.profiles)?,
        &config.profiles,
    )?;
    let mut extended = policy.config.clone();
    extended.network.items += count;
    let planned = manifest.clone().config(&extended)?;
    let plan = || artifact::plan_folder(&config.out, &FILES, &planned, config.overwrite);
    let Some(staged) = folder::stage(&config.out, &FILES, plan)? else {
        return Ok(());
    };
    let (embeddings, biases) = places(&policy, &traits)?;
    for id in new {
        policy.items.ids.intern(id);
    }
    policy.items.traits.extend(traits);
    policy.items.popularity.extend(vec![0.0; count]);
    policy.weights.item_embedding.extend(embeddings);
    policy.weights.item_bias.extend(biases);
    (policy.config, policy.manifest) = (extended, manifest);
    staged.write(|folder| policy.write_to(folder, |write| write(&policy.users)))?;
    terminal::info(&format!(
        "{count} new items beside {} known ones",
        policy.items.ids.len() - count
    ));
    Ok(())
}

/// The new items' traits, row-major, on the scale of the policy's: shifted and scaled as the known items' raw ones are there.
fn new_traits(policy: &Policy, new: &[&str], profiles: &Profiles, path: &Path) -> Result<Vec<f32>> {
    let width = policy.config.network.traits;
    if width == 0 {
        return Err(
            Error::usage("the policy was trained without traits: a new item has no place in it")
                .hint("train with --profiles, or train anew"),
        );
    }
    if profiles.vocabulary.len() != width {
        return Err(Error::usage(format!(
            "the profiles have {} traits, the policy {width}",
            profiles.vocabulary.len()
        ))
        .file(path)
        .hint("read the new items' traits with the vocabulary that the policy was trained with"));
    }
    let mut rows = std::collections::HashMap::new();
    for row in (0..profiles.len()).filter(|&row| profiles.kind[row] == Kind::Item) {
        rows.insert(profiles.id[row].as_str(), row);
    }
    let known: Vec<usize> = policy
        .items
        .ids
        .ids()
        .filter_map(|id| rows.get(id).copied())
        .collect();
    if known.len() < 2 {
        return Err(
            Error::usage("the profiles know too few of the policy's items to tell their scale")
                .file(path)
                .hint("profile known and new items in one run"),
        );
    }
    let mut traits = vec![0.0; new.len() * width];
    let places = new.iter().map(|id| match rows.get(id) {
        Some(&row) => Ok(row),
        None => Err(Error::data(format!("the new item `{id}` has no profile"))
            .file(path)
            .hint("profile it with `profiler traits`")),
    });
    let places = places.collect::<Result<Vec<usize>>>()?;
    for column in 0..width {
        let value = |row: usize| profiles.traits_of(row)[column];
        let (mean, scale) = mean_and_scale(known.iter().map(|&row| value(row)));
        for (at, &row) in places.iter().enumerate() {
            traits[at * width + column] = ((f64::from(value(row)) - mean) * scale) as f32;
        }
    }
    Ok(traits)
}

/// Embeddings and biases at `traits`, by the regression over the policy's items that have traits.
fn places(policy: &Policy, traits: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
    let (width, dims) = (policy.config.network.traits, policy.config.network.dims);
    let has_traits = |item: &usize| {
        policy.items.traits[item * width..(item + 1) * width]
            .iter()
            .any(|&t| t != 0.0)
    };
    let known: Vec<usize> = (0..policy.items.ids.len()).filter(has_traits).collect();
    // A constant stands after the traits; it is not shrunk.
    let with_constant = |row: usize, column: usize, of: &[f32]| match column {
        column if column == width => 1.0,
        _ => f64::from(of[row * width + column]),
    };
    let x = DMatrix::from_fn(known.len(), width + 1, |row, column| {
        with_constant(known[row], column, &policy.items.traits)
    });
    let y = DMatrix::from_fn(known.len(), dims + 1, |row, column| match column {
        column if column == dims => f64::from(policy.weights.item_bias[known[row]]),
        _ => f64::from(policy.weights.item_embedding[known[row] * dims + column]),
    });
    let mut penalty = DVector::from_element(width + 1, RIDGE);
    penalty[width] = 1e-6;
    let normal = x.transpose() * &x + DMatrix::from_diagonal(&penalty);
    let Some(factors) = normal.cholesky() else {
        return Err(Error::data(
            "the known items' traits cannot be regressed on: they are not finite",
        ));
    };
    let map = factors.solve(&(x.transpose() * y));
    let count = traits.len() / width;
    let at = DMatrix::from_fn(count, width + 1, |row, column| with_constant(row, column, traits)) * map;
    let embeddings = (0..count).flat_map(|row| (0..dims).map(move |column| (row, column)));
    Ok((
        embeddings.map(|at_place| at[at_place] as f32).collect(),
        (0..count).map(|row| at[(row, dims)] as f32).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use common::ids::{Dictionary, IdKind};
    use common::policy_artifact::{NetworkConfig, PolicyConfig, PolicyItems, PolicyUsers, Weights};
    use common::rng::{normal, stream};

    use super::*;

    /// Embeddings and biases that are linear in the traits are found again at new traits.
    #[test]
    fn a_new_item_comes_where_its_traits_say() {
        let network = NetworkConfig {
            items: 400,
            dims: 3,
            hidden: 2,
            traits: 2,
            window: 1,
            ..NetworkConfig::default()
        };
        let mut rng = stream(0, "test/extend", &[]);
        let traits: Vec<f32> = (0..800).map(|_| normal(&mut rng)).collect();
        let linear = |t: &[f32]| [t[0] - t[1], 0.5 * t[0], 2.0, 0.3 * t[1] - 1.0];
        let mut weights = Weights::init(&network, 0);
        for (item, t) in traits.chunks_exact(2).enumerate() {
            let [a, b, c, bias] = linear(t);
            weights.item_embedding[3 * item..3 * item + 3].copy_from_slice(&[a, b, c]);
            weights.item_bias[item] = bias;
        }
        let policy = Policy {
            manifest: Manifest::new(POLICY, "test"),
            config: PolicyConfig {
                network,
                method: "bc".into(),
                traits: "profile".into(),
                gamma: 0.9,
                likes: None,
                training: serde_json::Value::Null,
            },
            weights,
            items: PolicyItems {
                ids: Dictionary::from_values(IdKind::Text, (0..400).map(|i| i.to_string())).unwrap(),
                popularity: vec![1.0; 400],
                traits,
            },
            users: PolicyUsers::default(),
        };
        let new = [1.5, -0.5, -1.0, 2.0];
        let (embeddings, biases) = places(&policy, &new).unwrap();
        for (at, t) in new.chunks_exact(2).enumerate() {
            let [a, b, c, bias] = linear(t);
            let found = [
                embeddings[3 * at],
                embeddings[3 * at + 1],
                embeddings[3 * at + 2],
                biases[at],
            ];
            for (found, expected) in found.into_iter().zip([a, b, c, bias]) {
                assert!((found - expected).abs() < 0.1, "{found} for {expected}");
            }
        }
    }
}
