//! A small job for the tiny models: short templates, items and users of one's own choice.

use std::path::Path;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::RowGroups;
use common::schema::candidates::{self, Candidates};
use common::schema::{items, states};

/// Words that the tiny models can tell apart.
const WORDS: &str = "amber\nbold\ncalm\ndark\n";

pub(crate) const TRAITS: &str = "traits --model model.gguf --items items.parquet --states states.parquet --domain film \
                                 --vocabulary words.txt --templates templates --out out.parquet";
pub(crate) const PREFER: &str = "prefer --model model.gguf --items items.parquet --states states.parquet --domain film \
                                 --candidates candidates.parquet --templates templates --out out.parquet";
pub(crate) const SUMMARISE: &str = "summarise --model model.gguf --items items.parquet --states states.parquet \
                                    --domain film --vocabulary words.txt --templates templates --out out.parquet";

/// Items and users of a job.
#[derive(Clone)]
pub(crate) struct Job {
    /// Titles and texts.
    pub(crate) items: Vec<(String, Option<String>)>,
    /// The ids and the liked items of users, by their places.
    pub(crate) users: Vec<(usize, Vec<usize>)>,
}

impl Job {
    /// `users` users who like three of the first two thirds of `items` items.
    pub(crate) fn new(items: usize, users: usize) -> Self {
        let liked = items * 2 / 3;
        let likes = |user: usize| {
            let liked = (0..3).map(|nth| (user * 7 + nth * (user / liked + 11)) % liked);
            liked.collect()
        };
        Job {
            items: (0..items).map(|item| (format!("Film {item}"), None)).collect(),
            users: (0..users).map(|user| (user, likes(user))).collect(),
        }
    }

    /// Writes all but the model.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("words.txt"), WORDS).unwrap();
        let templates = folder.join("templates");
        std::fs::create_dir_all(&templates).unwrap();
        for (name, text) in [
            (
                "item.jinja",
                "film: {{ item.title }} {% for n in range(4) %}{{ item.text }} {% endfor %}is",
            ),
            ("user.jinja", "likes: {{ user.liked | join(', ') }} so"),
            ("prefer.jinja", "likes: {{ user.liked | join(', ') }} and"),
            ("summarise.jinja", "likes: {{ user.liked | join(', ') }} so"),
            ("fame.jinja", "Well known:"),
        ] {
            std::fs::write(templates.join(name), text).unwrap();
        }
        let count = self.items.len();
        let catalogue = items::Items {
            ids: ids(0..count),
            title: self.items.iter().map(|(title, _)| title.clone()).collect(),
            text: self.items.iter().map(|(_, text)| text.clone()).collect(),
            categories: vec![vec![]; count],
        };
        let manifest = Manifest::new(items::ITEMS, "test");
        items::write(&folder.join("items.parquet"), &manifest, &catalogue).unwrap();
        let manifest = Manifest::new(states::STATES, "test");
        let of = |users: &[(usize, Vec<usize>)]| {
            let items = |(_, items): &(usize, Vec<usize>)| items.iter().map(usize::to_string).collect();
            let liked = |(_, items): &(usize, Vec<usize>)| vec![true; items.len()];
            let mut states = states::States {
                users: ids(users.iter().map(|(id, _)| *id)),
                items: users.iter().map(items).collect(),
                feedback: users.iter().map(|(_, items)| vec![5.0; items.len()]).collect(),
                liked: users.iter().map(liked).collect(),
                interactions: users.iter().map(|(_, items)| items.len() as u32).collect(),
                state_hash: Vec::new(),
            };
            let hash = |(items, liked): (&Vec<String>, &Vec<bool>)| states::state_hash(items, liked);
            states.state_hash = states.items.iter().zip(&states.liked).map(hash).collect();
            states
        };
        let path = folder.join("states.parquet");
        states::write_pieces(&path, &manifest, IdKind::Integer, RowGroups::OfOneSize, |write| {
            self.users.chunks(4096).try_for_each(|users| write(&of(users)))
        })
        .unwrap();
        let lists = self.users.iter().take(20);
        let candidates = Candidates {
            user_id: lists.clone().map(|(id, _)| id.to_string()).collect(),
            items: lists
                .map(|(id, _)| (0..4).map(|nth| ((id + nth * 5) % count).to_string()).collect())
                .collect(),
        };
        let manifest = Manifest::new(candidates::CANDIDATES, "test");
        candidates::write(&folder.join("candidates.parquet"), &manifest, &candidates).unwrap();
    }
}

fn ids(numbers: impl Iterator<Item = usize>) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, numbers.map(|n| n.to_string())).unwrap()
}
