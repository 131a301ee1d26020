//! Which shard works what.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Unit;
use crate::fingerprint::Fingerprint;
use crate::manifest::{FORMAT_VERSION, Manifest};
use crate::{Error, Result, terminal};

/// One shard of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0 on.
    pub index: u32,
    /// Of how many.
    pub count: u32,
}

impl Shard {
    /// The shard that `text` names, as `I/N`.
    ///
    /// # Errors
    /// Wrong usage, when it is no such text or there is no such shard.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::usage(format!("`{text}` is no shard")).hint("a shard is I/N with I from 0 to N - 1");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
        let shard = Shard {
            index: number(index)?,
            count: number(count)?,
        };
        if shard.index >= shard.count {
            return Err(wrong());
        }
        Ok(shard)
    }

    /// Whether a unit that a language model works falls to this shard.
    pub fn takes(&self, key: &Fingerprint) -> bool {
        key.to_u64() % u64::from(self.count) == u64::from(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// What each shard of a job works. The same inputs, configuration and number of shards give the same plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The tool and verb.
    pub tool: String,
    /// The fingerprint of the job's manifest.
    pub job: Fingerprint,
    /// The shards, in order.
    pub shards: Vec<Planned>,
}

/// What one shard works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// An id that no other shard of any job has.
    pub id: Fingerprint,
    /// Its units, by their places.
    pub units: Range<usize>,
    /// The first and the last of them; none where it has none, or where units fall to shards by their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<[String; 2]>,
    /// Their work together.
    pub work: u64,
}

impl Plan {
    /// The plan of the job that `manifest` tells in `count` shards; `units` are none where they fall to shards by key.
    pub fn new(manifest: &Manifest, units: &[Unit], count: u32) -> Self {
        let job = Fingerprint::of_bytes(manifest.to_json().as_bytes());
        let works: Vec<u64> = units.iter().map(|unit| unit.work).collect();
        let shards = balanced(&works, count as usize).into_iter().enumerate();
        let planned = |(index, range): (usize, Range<usize>)| {
            let place = [index as u64, u64::from(count)].map(u64::to_le_bytes);
            Planned {
                id: Fingerprint::of_parts([job.as_str().as_bytes(), &place[0], &place[1]]),
                names: units[range.clone()]
                    .first()
                    .zip(units[range.clone()].last())
                    .map(|(first, last)| [first.name.clone(), last.name.clone()]),
                work: works[range.clone()].iter().sum(),
                units: range,
            }
        };
        Plan {
            format_version: FORMAT_VERSION,
            tool: manifest.tool.clone(),
            shards: shards.map(planned).collect(),
            job,
        }
    }

    /// As JSON with a final newline.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Prints a line a shard on stdout.
    pub(super) fn print(&self) -> Result<()> {
        terminal::print(self.to_json())
    }
}

/// Cuts units of such works into `count` runs, in order, whose works are as even as runs can be: a unit belongs to the shard in
/// whose equal share of all work its middle lies.
fn balanced(works: &[u64], count: usize) -> Vec<Range<usize>> {
    let all: u128 = works.iter().map(|&work| u128::from(work)).sum();
    let (mut ranges, mut next, mut before) = (Vec::with_capacity(count), 0, 0_u128);
    for shard in 1..=count as u128 {
        let first = next;
        while let Some(&work) = works.get(next) {
            let last = shard == count as u128;
            let middle = 2 * before + u128::from(work);
            if !last && middle * count as u128 >= 2 * all * shard {
                break;
            }
            before += u128::from(work);
            next += 1;
        }
        ranges.push(first..next);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_i_of_n() {
        assert_eq!(Shard::parse("3/16").unwrap(), Shard { index: 3, count: 16 });
        for wrong in ["", "3", "16/16", "-1/4", "1/0", "a/b", "1/2/3"] {
            assert_eq!(Shard::parse(wrong).unwrap_err().class().code(), 2, "{wrong}");
        }
    }

    #[test]
    fn units_are_shared_out_in_order_by_their_work() {
        assert_eq!(balanced(&[1; 8], 4), [0..2, 2..4, 4..6, 6..8]);
        assert_eq!(balanced(&[6, 1, 1, 1, 1, 1, 1], 2), [0..1, 1..7]);
        assert_eq!(balanced(&[], 2), [0..0, 0..0]);
        assert_eq!(balanced(&[0, 0], 2), [0..0, 0..2]);
        for (units, count) in [(3, 5), (100, 7), (1, 1), (16, 16)] {
            let works: Vec<u64> = (0..units).map(|unit| unit % 3 + 1).collect();
            let ranges = balanced(&works, count);
            assert_eq!(ranges.len(), count);
            assert!(
                ranges.iter().cloned().flatten().eq(0..units as usize),
                "{ranges:?}"
            );
            let share = works.iter().sum::<u64>() as f64 / count as f64;
            for range in &ranges {
                let work = works[range.clone()].iter().sum::<u64>() as f64;
                assert!((work - share).abs() <= 3.0, "{work} of {share}");
            }
        }
    }

    #[test]
    fn a_plan_follows_from_the_job_alone() {
        let units: Vec<Unit> = (0..5).map(|unit| Unit::new(format!("unit {unit}"), 1)).collect();
        let job = Manifest::new("states", "profiler states").seed(1);
        let plan = Plan::new(&job, &units, 2);
        assert_eq!(plan, Plan::new(&job, &units, 2));
        assert_eq!(plan, serde_json::from_str(&plan.to_json()).unwrap());
        assert_eq!(plan.shards[1].names, Some(["unit 2".into(), "unit 4".into()]));
        let other = Plan::new(&job.clone().seed(2), &units, 2);
        assert_ne!(plan.shards[0].id, other.shards[0].id);
    }
}
