//! The traits of the catalogue, and how well known its items are.

use std::path::Path;

use common::Result;
use common::bad_rows::BadRows;
use common::schema::at;
use common::schema::items::Items;
use common::schema::profiles::{self, Kind, Profiles};

use super::reader::{Read, Reader};
use crate::batch::{self, Effort, Means, Prompt, Question};
use crate::prompt::{Item, Templates};
use crate::subjects;

/// Reads the profiles of all items, those left out that are set aside. They are taken from `previous` where all of them are
/// there and no other is: which prompts are evaluated together, and with it the last bits, depends on all of them.
pub(super) fn read(
    means: Means,
    templates: &Templates,
    words: &[i32],
    (catalogue, place): (&Items, &Path),
    previous: Option<&Path>,
    bad: &mut BadRows,
) -> Result<(Profiles, Effort)> {
    let (mut rows, mut prompts) = (Vec::new(), Vec::new());
    for (row, id) in catalogue.ids.ids().enumerate() {
        let item = subjects::item(catalogue, row);
        let subject = format!("item {id}");
        match subjects::refused(means.model, &item.title) {
            Some(error) => bad.take(at::item(error.at(subject), place, row), "item")?,
            None => {
                rows.push((row, item.title.clone()));
                let text = templates.item(&item)?;
                prompts.push(Prompt { subject, text });
            }
        }
    }
    let address =
        |(prompt, (_, title)): (&Prompt, &(usize, String))| batch::address(&prompt.text, title.as_bytes());
    let addresses: Vec<String> = prompts.iter().zip(&rows).map(address).collect();
    let mut items = Profiles::default();
    if let Some(previous) = previous
        && profiles::count_items(previous)? == rows.len()
    {
        let ids = rows.iter().map(|&(row, _)| catalogue.ids.id(row as u32));
        let found = profiles::finder(previous, Kind::Item)?.find(ids)?;
        let same = found.iter().zip(&addresses).all(|(found, address)| {
            found
                .as_ref()
                .is_some_and(|found| found.prompt.as_ref() == Some(address))
        });
        if same {
            for ((found, address), &(row, _)) in found.into_iter().flatten().zip(addresses).zip(&rows) {
                let read = Read {
                    traits: found.traits,
                    confidence: found.confidence,
                };
                push(&mut items, catalogue.ids.id(row as u32), read, address);
                items.fame.pop();
                items.fame.push(found.fame);
            }
            return Ok((items, Effort::default()));
        }
    }
    let neutral = templates.item(&Item::default())?;
    let mut reader = Reader::new(means, templates.item_beginning()?, neutral, words)?;
    let mut titles = Vec::new();
    for ((read, address), (row, title)) in reader.read(&prompts)?.into_iter().zip(addresses).zip(rows) {
        match read {
            Ok(read) => {
                push(&mut items, catalogue.ids.id(row as u32), read, address);
                titles.push(title);
            }
            Err(error) => bad.take(at::item(error, place, row), "item")?,
        }
    }
    let mut effort = reader.effort;
    if let Some((prompt, beginning)) = templates.fame()? {
        let label = "titles";
        effort += read_fame(Means { label, ..means }, prompt, &beginning, &titles, &mut items)?;
    }
    Ok((items, effort))
}

fn push(items: &mut Profiles, id: &str, read: Read, address: String) {
    items.kind.push(Kind::Item);
    items.id.push(id.to_string());
    items.state_hash.push(None);
    items.traits.extend(read.traits);
    items.summary.push(None);
    items.confidence.push(read.confidence);
    items.fame.push(None);
    items.prompt.push(Some(address));
}

/// Reads how well known the items of these titles are, whose profiles are there already.
fn read_fame(
    means: Means,
    prompt: String,
    beginning: &str,
    titles: &[String],
    items: &mut Profiles,
) -> Result<Effort> {
    let named: Vec<usize> = (0..titles.len())
        .filter(|&row| !titles[row].trim().is_empty())
        .collect();
    if named.is_empty() {
        return Ok(Effort::default());
    }
    // With the new line that follows a title in the template: see `batch::log_likelihoods`.
    let titles: Vec<String> = named.iter().map(|&row| format!(" {}\n", titles[row])).collect();
    let question = Question {
        prompt: Prompt {
            subject: "the list of well-known items".into(),
            text: prompt,
        },
        continuations: (0..titles.len() as u32).collect(),
    };
    let (scores, effort) = batch::log_likelihoods(means, beginning, &[question], &titles)?;
    let scores = scores.into_iter().collect::<Result<Vec<_>>>()?;
    for (row, score) in named.into_iter().zip(scores.into_iter().flatten()) {
        items.fame[row] = Some(score);
    }
    Ok(effort)
}
