//! The traits of user states, a few thousand at a time: memory does not grow with their number.
//!
//! Each prompt is evaluated by itself, so that its answer depends on no other: it does not matter which users are done
//! together, and what an earlier run read of the same prompt is what this one would.

use std::collections::BTreeMap;
use std::path::Path;

use common::bad_rows::BadRows;
use common::schema::at;
use common::schema::items::Items;
use common::schema::pieces::Finder;
use common::schema::profiles::{Kind, Profile, Profiles};
use common::schema::states::{InPieces, States};
use common::{Error, Result};

use super::reader::{Read, Reader};
use crate::batch::{self, Prompt};
use crate::prompt::Templates;
use crate::subjects::{Describer, Fit, Summaries};

/// What profiles of users are made from, beside the states.
pub(super) struct Sources<'a> {
    pub(super) catalogue: &'a Items,
    pub(super) templates: &'a Templates,
    pub(super) attributes: Option<Finder<BTreeMap<String, String>>>,
    pub(super) summaries: Option<Summaries<'a>>,
    /// Profiles of an earlier run.
    pub(super) previous: Option<Finder<Profile>>,
    /// The file of the states.
    pub(super) place: &'a Path,
}

/// One whose profile is made: what it is known by, and the traits where they are known.
struct Subject {
    row: usize,
    address: String,
    summary: Option<String>,
    known: Option<Read>,
}

/// Reads the profiles of all `states`, those left out that are set aside, and hands them to `write` in their order. How many
/// were written, and how many of these were taken from the earlier run.
pub(super) fn read(
    mut states: InPieces,
    mut sources: Sources,
    (reader, fit): (&mut Reader, &mut Fit),
    bad: &mut BadRows,
    write: &mut dyn FnMut(&Profiles) -> Result<()>,
) -> Result<(usize, usize)> {
    let mut describer = Describer::new(sources.catalogue);
    let (mut written, mut taken, place) = (0, 0, sources.place);
    while let Some((before, piece)) = states.next_piece()? {
        let mut set_aside = |row: usize, error: Error| bad.take(at::user(error, place, before + row), "user");
        let (subjects, prompts) = subjects(&piece, &mut sources, &mut describer, fit, &mut set_aside)?;
        taken += subjects.len() - prompts.len();
        let mut answers = reader.read(&prompts)?.into_iter();
        let mut profiles = Profiles::default();
        for subject in subjects {
            let read = match subject.known {
                Some(known) => known,
                None => match answers.next().transpose() {
                    Ok(Some(read)) => read,
                    Ok(None) => return Err(Error::retry("a prompt was not answered")),
                    Err(error) => {
                        set_aside(subject.row, error)?;
                        continue;
                    }
                },
            };
            profiles.kind.push(Kind::User);
            profiles.id.push(piece.users.id(subject.row as u32).to_string());
            profiles
                .state_hash
                .push(Some(piece.state_hash[subject.row].clone()));
            profiles.traits.extend(read.traits);
            profiles.summary.push(subject.summary);
            profiles.confidence.push(read.confidence);
            profiles.fame.push(None);
            profiles.prompt.push(Some(subject.address));
        }
        written += profiles.len();
        write(&profiles)?;
    }
    describer.warn();
    Ok((written, taken))
}

/// The users of a piece of the states, and the prompts of those whose traits are not known.
fn subjects(
    piece: &States,
    sources: &mut Sources,
    describer: &mut Describer,
    fit: &mut Fit,
    set_aside: &mut dyn FnMut(usize, Error) -> Result<()>,
) -> Result<(Vec<Subject>, Vec<Prompt>)> {
    let count = piece.users.len();
    let attributes = match &mut sources.attributes {
        Some(finder) => finder.find(piece.users.ids())?,
        None => vec![None; count],
    };
    let of = |(row, attributes): (usize, &Option<_>)| describer.user(piece, row, attributes.as_ref());
    let mut described: Vec<_> = attributes.iter().enumerate().map(of).collect();
    describer.check(sources.place)?;
    let summaries = match &mut sources.summaries {
        Some(summaries) => summaries
            .tell(piece, &mut described)?
            .into_iter()
            .map(|s| s.map(Some))
            .collect(),
        None => (0..count).map(|_| Ok(None)).collect::<Vec<_>>(),
    };
    let known = match &mut sources.previous {
        Some(previous) => previous.find(piece.users.ids())?,
        None => vec![None; count],
    };
    let (mut subjects, mut prompts) = (Vec::with_capacity(count), Vec::new());
    for (row, (((user, summary), known), id)) in described
        .iter()
        .zip(summaries)
        .zip(known)
        .zip(piece.users.ids())
        .enumerate()
    {
        let summary = match summary {
            Ok(_) if piece.items[row].len() != piece.liked[row].len() => {
                Err(Error::data("items and liked differ in length").at(format!("user {id}")))
            }
            summary => summary,
        };
        let summary = match summary {
            Ok(summary) => summary,
            Err(error) => {
                set_aside(row, error)?;
                continue;
            }
        };
        let whole = sources.templates.user(user)?;
        let address = batch::address(&whole, &user.order_bytes());
        let known = known.filter(|known| known.prompt.as_ref() == Some(&address));
        if known.is_none() {
            prompts.push(Prompt {
                subject: format!("user {id}"),
                text: fit.prompt(whole, user, |user| sources.templates.user(user))?,
            });
        }
        let known = known.map(|known| Read {
            traits: known.traits,
            confidence: known.confidence,
        });
        subjects.push(Subject {
            row,
            address,
            summary,
            known,
        });
    }
    Ok((subjects, prompts))
}
