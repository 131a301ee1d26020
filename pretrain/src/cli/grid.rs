//! `pretrain grid`: many training runs from one plan.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser};
use common::cli::{Shared, push_flag};
use common::shards::{ShardArguments, Task};
use common::{Error, Result, input};

use super::train::TrainArguments;
use crate::train::{self, TrainConfig};

#[derive(Args)]
pub(super) struct GridArguments {
    /// The plan, in TOML: flags of `train` for all runs at the top, and one table `[run.NAME]` a run with its own
    #[arg(long, value_name = "FILE.toml")]
    plan: PathBuf,
    /// The folder that gets a folder NAME a run, with the folders seed-S in it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    shared: Shared,
}

/// The arguments of one run, parsed as `train` parses them.
#[derive(Parser)]
struct One {
    #[command(flatten)]
    train: TrainArguments,
}

impl GridArguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        let text = input::read_text("read the plan", &self.plan)?;
        let configs = self.configs(&text)?;
        let sharding = self.shards.clone().resolve(task)?;
        train::run_all(&configs, &self.out, self.shared.workers(), &sharding)
    }

    fn configs(&self, text: &str) -> Result<Vec<TrainConfig>> {
        let wrong = |what: String| Error::usage(what).file(&self.plan);
        let mut common: toml::Table = text
            .parse()
            .map_err(|e: toml::de::Error| wrong(format!("no valid TOML: {}", e.message())))?;
        let runs = match common.remove("run") {
            Some(toml::Value::Table(runs)) if !runs.is_empty() => runs,
            _ => {
                return Err(wrong("the plan has no table [run.NAME]".into())
                    .hint("add one a run, with the flags that it has for itself"));
            }
        };
        let one = |(name, own): (&String, &toml::Value)| {
            let toml::Value::Table(own) = own else {
                return Err(wrong(format!("run.{name} is not a table")));
            };
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
                return Err(wrong(format!("`{name}` cannot name a folder")));
            }
            let mut flags = common.clone();
            flags.extend(own.clone());
            let mut argv = self.argv(name);
            for (key, value) in &flags {
                let flag = key.replace('_', "-");
                if [
                    "out",
                    "seed",
                    "workers",
                    "overwrite",
                    "shard",
                    "parts",
                    "trust-store",
                ]
                .contains(&flag.as_str())
                {
                    return Err(wrong(format!(
                        "run.{name}: `{key}` belongs to the grid's own flags"
                    )));
                }
                push_flag(&mut argv, key, value).map_err(|e| wrong(format!("run.{name}: {}", e.what())))?;
            }
            let parsed = One::try_parse_from(argv).map_err(|refused| {
                let text = refused.to_string();
                let what = text
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_string();
                wrong(format!("run.{name}: {what}")).hint("a run takes the flags of `pretrain train`")
            })?;
            parsed.train.resolve().map_err(|e| e.at(format!("run.{name}")))
        };
        runs.iter().map(one).collect()
    }

    /// What every run has from the grid's own flags.
    fn argv(&self, name: &str) -> Vec<OsString> {
        let mut argv = vec![
            OsString::from("train"),
            "--out".into(),
            self.out.join(name).into_os_string(),
        ];
        argv.extend(["--seed".into(), self.shared.seed.to_string().into()]);
        if self.shared.overwrite {
            argv.push("--overwrite".into());
        }
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser)]
    struct Grid {
        #[command(flatten)]
        grid: GridArguments,
    }

    fn configs(plan: &str) -> Result<Vec<TrainConfig>> {
        let grid = Grid::try_parse_from(["grid", "--plan", "plan.toml", "--out", "policies", "--seed", "7"]);
        grid.ok().unwrap().grid.configs(plan)
    }

    #[test]
    fn runs_have_the_common_flags_and_their_own_which_win() {
        let plan = "log = 'data'\ntraits = 'none'\nsteps = 9\n[run.a]\nmethod = 'bc'\n[run.b]\nmethod = 'sqn'\nsteps = 5\nlog_fraction = 0.1\n";
        let found = configs(plan).unwrap();
        let names: Vec<&str> = found.iter().map(|config| config.method.name()).collect();
        assert_eq!(names, ["bc", "sqn"]);
        assert_eq!([found[0].method.steps(), found[1].method.steps()], [9, 5]);
        assert_eq!((found[1].reading.log_fraction, found[0].seed), (0.1, 7));
        assert_eq!(found[1].out, PathBuf::from("policies/b"));
    }

    #[test]
    fn wrong_plans_are_refused_with_the_run_that_is_wrong() {
        for (plan, says) in [
            ("log = 'x'", "no table [run.NAME]"),
            ("[run]\na = 3", "run.a is not a table"),
            ("[run.a]\nmethod = 'nonsense'\nlog = 'x'", "run.a"),
            ("[run.a]\nmethod = 'bc'\nlog = 'x'\nseed = 3", "grid's own flags"),
            ("[run.'../b']\nmethod = 'bc'", "cannot name a folder"),
            ("[run.a]\nmethod = 'bc'\nlog = 'x'", "no profiles"),
        ] {
            let error = configs(plan).unwrap_err().to_string();
            assert!(error.contains(says), "{plan}: {error}");
        }
    }
}
