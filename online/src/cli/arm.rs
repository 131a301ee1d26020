//! `--arm NAME=SETTING:VALUE,...`: an arm of an experiment.

use std::path::{Path, PathBuf};

use clap::Parser;
use common::schema::decisions::REFERENCE;
use common::{Error, Result};

use super::learning::LearningArguments;
use crate::adapt::Name;
use crate::experiment::{PLACES, places_of};
use crate::journal::ArmConfig;

/// Characters of the longest name.
const LONGEST: usize = 64;

/// An arm as it was given.
#[derive(Debug, Clone)]
pub(super) struct Arm {
    name: String,
    /// As flags.
    settings: Vec<String>,
}

/// What may be said of an arm.
#[derive(Parser, Debug)]
#[command(name = "an arm", no_binary_name = true, disable_help_flag = true)]
struct Arguments {
    #[arg(long)]
    policy: Option<PathBuf>,
    #[arg(long, value_enum)]
    strategy: Option<Name>,
    #[arg(long, value_parser = share)]
    share: u32,
    #[command(flatten)]
    learning: LearningArguments,
}

fn share(text: &str) -> Result<u32, String> {
    let share = text.parse().map_err(|_| "not a number".to_string())?;
    places_of(share).map_err(|e| e.to_string())
}

/// Reads `NAME=SETTING:VALUE,...`.
pub(super) fn parse(text: &str) -> Result<Arm, String> {
    let form = "an arm is NAME=SETTING:VALUE,SETTING:VALUE, such as new=policy:policies/new,share:0.1";
    let (name, settings) = text.split_once('=').ok_or(form)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(plain) || name == REFERENCE {
        return Err(format!(
            "`{name}` is not a name for an arm: up to {LONGEST} letters, digits, `-`, `_`, `.`, and not `{REFERENCE}`"
        ));
    }
    let mut flags = Vec::new();
    for setting in settings.split(',') {
        let (key, value) = setting.split_once(':').ok_or(form)?;
        flags.push(format!("--{}={value}", key.trim()));
    }
    let arm = Arm {
        name: name.to_string(),
        settings: flags,
    };
    arm.arguments().map(|_| arm)
}

impl Arm {
    fn arguments(&self) -> Result<Arguments, String> {
        Arguments::try_parse_from(&self.settings).map_err(|e| {
            let text = e.to_string();
            // Up to the line that would tell the usage of a program.
            let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
            let told: Vec<&str> = lines.collect();
            format!(
                "arm `{}`: {}",
                self.name,
                told.join(" ").trim_start_matches("error: ")
            )
        })
    }
}

/// The arms that are wanted beside `policy`.
///
/// # Errors
/// Two of one name, shares of more than 1 together.
pub(super) fn resolve(arms: &[Arm], policy: &Path, strategy: Name, seed: u64) -> Result<Vec<ArmConfig>> {
    let mut resolved: Vec<ArmConfig> = Vec::with_capacity(arms.len());
    for arm in arms {
        let arguments = arm.arguments().map_err(Error::usage)?;
        if resolved.iter().any(|other| other.name == arm.name) {
            return Err(Error::usage(format!("two arms are named `{}`", arm.name)));
        }
        resolved.push(ArmConfig {
            name: arm.name.clone(),
            policy: arguments.policy.unwrap_or_else(|| policy.to_path_buf()),
            settings: arguments
                .learning
                .settings(arguments.strategy.unwrap_or(strategy), seed),
            share: arguments.share,
        });
    }
    let total: u64 = resolved.iter().map(|arm| u64::from(arm.share)).sum();
    if total > u64::from(PLACES) {
        return Err(Error::usage("the shares of the arms are more than 1 together")
            .hint("the reference, --policy, has what they leave"));
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_says_its_policy_strategy_share_and_how_it_learns() {
        let arms = [
            "a=share:0.2",
            "b=policy:p/b,strategy:ft,lr:0.5,share:0.05,temperature:0.5",
        ];
        let arms: Vec<Arm> = arms.iter().map(|text| parse(text).unwrap()).collect();
        let resolved = resolve(&arms, Path::new("p/a"), Name::Adapter, 3).unwrap();
        assert_eq!(
            (resolved[0].policy.as_path(), resolved[0].share),
            (Path::new("p/a"), 2_000)
        );
        assert_eq!(resolved[0].settings.strategy, Name::Adapter);
        assert_eq!(
            (resolved[1].policy.as_path(), resolved[1].share),
            (Path::new("p/b"), 500)
        );
        let settings = resolved[1].settings;
        assert_eq!((settings.strategy, settings.seed), (Name::Ft, 3));
        assert_eq!(
            (settings.hyper.learning.learning_rate, settings.temperature),
            (0.5, Some(0.5))
        );
        assert!(resolve(&[arms[0].clone(), arms[0].clone()], Path::new("p"), Name::Ft, 0).is_err());
    }

    #[test]
    fn what_is_no_arm_is_refused_and_says_why() {
        for (text, says) in [
            ("share:0.2", "NAME=SETTING"),
            ("=share:0.2", "not a name"),
            ("reference=share:0.2", "not a name"),
            ("a b=share:0.2", "not a name"),
            ("a=policy:p", "--share"),
            ("a=share:2", "from 0 to 1"),
            ("a=share:0.33333", "steps of"),
            ("a=share:0.1,colour:red", "--colour"),
            ("a=share:0.1,lr:-1", "--lr"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        let large = [parse("a=share:0.7").unwrap(), parse("b=share:0.4").unwrap()];
        assert!(resolve(&large, Path::new("p"), Name::Ft, 0).is_err());
    }
}
