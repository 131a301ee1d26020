//! Experiments in a live policy: arms join, leave and change their shares, in memory and on disk.

use std::path::{Path, PathBuf};

use common::{Error, Result, terminal};

use super::Record;
use super::durable::Durable;
use super::state_folder::ArmSettings;
use crate::experiment::{Arms, Change, Standing, Turn};
use crate::live::{Pending, Settings, Successor};

/// An arm that is wanted.
#[derive(Debug, Clone)]
pub struct ArmConfig {
    /// Its name.
    pub name: String,
    /// Its policy folder.
    pub policy: PathBuf,
    /// How it acts and learns.
    pub settings: Settings,
    /// Its share of the users when it joins, in ten-thousandths; from then on the state's own counts.
    pub share: u32,
}

impl Durable {
    /// Lets the arms be those that are wanted: others leave, new ones join, and a policy that never served in an arm takes over
    /// there. The shares of arms that are there already stay as they are.
    ///
    /// # Errors
    /// An arm of other settings than before, or of a name that was used before; a policy that cannot be loaded or does not fit.
    pub(super) fn arrange(&self, wanted: &[ArmConfig], seed: u64) -> Result<()> {
        let present: Vec<String> = self.read()?.names().map(String::from).collect();
        for name in present
            .iter()
            .filter(|name| !wanted.iter().any(|arm| arm.name == **name))
        {
            let arm = self.arm_number(name)?;
            self.turn(Change::Left { arm })?;
            terminal::info(&format!("the arm `{name}` is not named any more and leaves"));
        }
        let mut shares = Vec::new();
        for arm in wanted {
            match present.contains(&arm.name) {
                true => self.keep(arm)?,
                false => shares.push((self.join(arm, seed)?, arm.share)),
            }
        }
        if !shares.is_empty() {
            self.turn(Change::Shares {
                shares,
                stepped_back: None,
            })?;
        }
        Ok(())
    }

    /// Goes on with an arm that is there.
    fn keep(&self, arm: &ArmConfig) -> Result<()> {
        let number = self.arm_number(&arm.name)?;
        let settings = self.folder.arm(number)?.settings;
        if settings != arm.settings {
            let shown = |settings: &Settings| serde_json::to_string(settings).unwrap_or_default();
            return Err(Error::usage(format!(
                "the arm `{}` was made with other settings: {} then, {} now",
                arm.name,
                shown(&settings),
                shown(&arm.settings)
            ))
            .hint("name it with the same ones, or give the new arm another name"));
        }
        let share = {
            let standings = self.read()?.standings();
            let mut standings = standings.into_iter();
            standings.find(|one| one.arm == arm.name).map(|one| one.share)
        };
        let wanted = f64::from(arm.share) / f64::from(crate::experiment::PLACES);
        if let Some(share) = share.filter(|share| *share != wanted) {
            terminal::info(&format!(
                "the arm `{}` goes on with its share of {share}, not {wanted}: POST /experiment changes it",
                arm.name
            ));
        }
        self.take_over_if_new(number, &arm.policy)
    }

    fn join(&self, arm: &ArmConfig, seed: u64) -> Result<u16> {
        let (number, present) = {
            let arms = self.read()?;
            (arms.next_number()?, arms.catalogue().clone())
        };
        let used = (1..number).any(|before| self.folder.arm(before).is_ok_and(|it| it.name == arm.name));
        if used {
            return Err(
                Error::usage(format!("an arm of the name `{}` took part before", arm.name))
                    .file(self.folder.root())
                    .hint("give the new arm another name: events and results are told by it"),
            );
        }
        let settings = ArmSettings {
            name: arm.name.clone(),
            settings: arm.settings,
        };
        let policy = self.folder.make_arm(number, &settings, &arm.policy)?;
        let successor = Successor::new(&present, policy, &arm.settings).map_err(|e| e.file(&arm.policy))?;
        let lsn = {
            let mut arms = self.write()?;
            let mut pending = self.pending();
            self.journal.ready()?;
            let state = arms.fork(successor, number)?;
            let change = Change::Joined {
                arm: number,
                policy: state.policy().clone(),
                seed,
            };
            arms.join(arm.name.clone(), state, seed);
            self.append_turn(change, &mut arms, &mut pending)?
        };
        self.journal.wait(lsn)?;
        terminal::info(&format!("the arm `{}` joins", arm.name));
        Ok(number)
    }

    /// Changes the shares of the named arms; on disk too when this returns. The arms as they stand from then on.
    ///
    /// # Errors
    /// An unknown arm, shares of more than 1 together; a journal that takes nothing more.
    pub fn change_shares(&self, shares: &[(String, u32)]) -> Result<Vec<Standing>> {
        let numbered = shares.iter().map(|(name, share)| match self.arm_number(name)? {
            0 => Err(Error::usage("the reference has what the others leave").at(format!("arm `{name}`"))),
            number => Ok((number, *share)),
        });
        let shares = numbered.collect::<Result<Vec<_>>>()?;
        self.turn(Change::Shares {
            shares,
            stepped_back: None,
        })
    }

    /// The number of an arm that takes part.
    ///
    /// # Errors
    /// Where there is none of this name, with those that there are.
    pub fn arm_number(&self, name: &str) -> Result<u16> {
        let arms = self.read()?;
        arms.number_of(name).ok_or_else(|| {
            let names: Vec<&str> = arms.names().collect();
            let error = Error::usage(format!("no arm is named `{name}`"));
            match names.is_empty() {
                true => error.hint("no experiment runs: `online serve --arm` begins one"),
                false => error.hint(format!("these take part: {}", names.join(", "))),
            }
        })
    }

    fn turn(&self, change: Change) -> Result<Vec<Standing>> {
        let (standings, lsn) = {
            let mut arms = self.write()?;
            let mut pending = self.pending();
            self.journal.ready()?;
            let lsn = self.append_turn(change, &mut arms, &mut pending)?;
            (arms.standings(), lsn)
        };
        self.journal.wait(lsn)?;
        Ok(standings)
    }

    /// Takes a turn under the locks of the state and the pending decisions.
    pub(super) fn append_turn(&self, change: Change, arms: &mut Arms, pending: &mut Pending) -> Result<u64> {
        let turn = Turn {
            from_request: pending.next_request(),
            change,
        };
        arms.turn(&turn, pending)?;
        self.journal.append(&Record::Turned(turn))
    }

    /// Lets `policy` take over in an arm where it never served: a restart with the command line of old goes on with the latest.
    pub(crate) fn take_over_if_new(&self, arm: u16, policy: &Path) -> Result<()> {
        let fingerprint = common::policy_artifact::Policy::fingerprint(policy)?;
        let (now, name) = {
            let arms = self.read()?;
            let state = arms.state(arm);
            (state.map_or(0, |state| state.epoch()), arms.told(arm))
        };
        match self.folder.epoch_of(arm, &fingerprint, now) {
            Some(epoch) if epoch == now => {}
            Some(epoch) => terminal::info(&format!(
                "the policy {} served here in epoch {epoch}; that of epoch {now} goes on{name}",
                policy.display()
            )),
            None => {
                let epoch = self.swap(arm, policy)?.carried.epoch;
                terminal::info(&format!(
                    "the policy {} takes over in epoch {epoch}{name}",
                    policy.display()
                ));
            }
        }
        Ok(())
    }
}
