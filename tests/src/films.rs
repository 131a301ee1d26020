//! A hand-made dataset in the layout of RecBole's MovieLens-100K: invented films of two kinds and users who
//! like one of them.

use std::fmt::Write as _;
use std::path::Path;

use crate::succeed;

/// Films that half of the users like.
const DARK: [&str; 15] = [
    "The Cellar Door",
    "Night Without End",
    "A Cold Grave",
    "The Silent Killer",
    "Blood on the Harbour",
    "The Last Witness",
    "Shadow of the Noose",
    "Terror at Low Tide",
    "The Haunted Mill",
    "Murder by Lamplight",
    "Crypt of Ash",
    "The Butcher's Street",
    "Dead Reckoning Bay",
    "The Black Envelope",
    "Scream of the Owl",
];
/// Films that the other half like.
const LIGHT: [&str; 15] = [
    "My Cousin's Wedding",
    "Puppies at the Lake",
    "A Kiss in Spring",
    "The Singing Baker",
    "Holiday for Three",
    "The Laughing Bride",
    "Summer Camp Follies",
    "Two Left Shoes",
    "Love at the Fair",
    "The Happy Postman",
    "Grandma Goes Dancing",
    "The Balloon Parade",
    "A Very Merry Mix-Up",
    "Pancakes on Sunday",
    "The Princess and the Plumber",
];

/// Users in the dataset.
pub const USERS: usize = 40;
/// Films in the dataset.
pub const FILMS: usize = DARK.len() + LIGHT.len();

/// Writes the dataset to `raw` in `folder` and imports it to `data`.
///
/// # Panics
/// When that fails.
pub fn import(folder: &Path) {
    write(&folder.join("raw"));
    succeed(folder, "simulator", "import movielens --input raw --out data");
}

/// Writes `ml-100k.inter`, `.item` and `.user` into `folder`: users 1..=40, films 1..=30, 16 ratings a user.
///
/// # Panics
/// When the files cannot be written.
pub fn write(folder: &Path) {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let mut items =
        String::from("item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n");
    for (at, title) in DARK.iter().chain(&LIGHT).enumerate() {
        let class = if at < DARK.len() {
            "Horror Thriller"
        } else {
            "Comedy Romance"
        };
        let _ = writeln!(items, "{}\t{title}\t{}\t{class}", at + 1, 1970 + at % 25);
    }
    let mut users =
        String::from("user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n");
    let mut ratings = String::from("user_id:token\titem_id:token\trating:float\ttimestamp:float\n");
    for user in 0..USERS {
        let (gender, occupation) = if user % 3 == 0 {
            ("F", "engineer")
        } else {
            ("M", "writer")
        };
        let _ = writeln!(
            users,
            "{}\t{}\t{gender}\t{occupation}\t{:05}",
            user + 1,
            20 + user,
            10_000 + user
        );
        for turn in 0..16 {
            // A walk through the catalogue by a step that shares no factor with its size: no film twice.
            let film = (user * 13 + turn * 7) % FILMS;
            let own_kind = (film < DARK.len()) == (user % 2 == 0);
            let rating = if own_kind {
                4 + (user + film) % 2
            } else {
                1 + (user + film) % 3
            };
            let _ = writeln!(
                ratings,
                "{}\t{}\t{rating}\t{}",
                user + 1,
                film + 1,
                880_000_000 + user * 1000 + turn * 60
            );
        }
    }
    for (name, text) in [
        ("ml-100k.item", items),
        ("ml-100k.user", users),
        ("ml-100k.inter", ratings),
    ] {
        std::fs::write(folder.join(name), text).expect("the file can be written");
    }
}
