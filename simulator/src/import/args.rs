//! The command line of `simulator import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use common::Result;
use common::bad_rows::MaxBadArguments;
use common::cli::{Shared, finite, fraction, inside};

use super::{Config, LogCut, coat, custom, industry, lfm, movielens};
use crate::synthetic::{self, args::Synthetic};

const EXAMPLES: &str = "\
Examples:
  simulator import movielens --input ml-100k --out data/movielens
  simulator import lfm --input hetrec2011-lastfm-2k --out data/lfm --seed 1
  simulator import custom --interactions clicks.parquet --like-threshold 1 --out data/shop
  simulator import movielens --input ml-100k --log-fraction 0.01 --out data/movielens-1

Each dataset's --help says which files it wants, where their licence stands, and how they are split.";

/// The arguments of `simulator import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    #[command(subcommand)]
    dataset: Dataset,
}

#[derive(Debug, Subcommand)]
enum Dataset {
    /// MovieLens-100K in RecBole's layout: ml-100k.inter, ml-100k.item, ml-100k.user
    ///
    /// Writes log/interactions.parquet, log/items.parquet and log/users.parquet, which every tool may read, and
    /// truth/interactions.parquet, which only the simulator may. Of each user's ratings the earliest are the log.
    ///
    /// Licence of the data: GroupLens allows research use and no redistribution.
    #[command(after_help = "Example:\n  simulator import movielens --input ml-100k --out data/movielens")]
    Movielens(Movielens),
    /// Last.fm of HetRec 2011: artists.dat, tags.dat, user_artists.dat, user_taggedartists.dat
    ///
    /// Writes log/interactions.parquet, log/items.parquet and log/users.parquet, which every tool may read, and
    /// truth/interactions.parquet, which only the simulator may. Feedback is the listening count; an artist's
    /// categories are its foremost tags.
    ///
    /// A random part of each user's artists, drawn by --seed, is the log, the rest is held out. The source has no
    /// times: the `timestamp` is the place in the order of that draw and carries no information. Tags that a user gave
    /// to an artist held out from that user are left out.
    ///
    /// Licence of the data: non-commercial use, see its readme.txt.
    #[command(
        after_help = "Example:\n  simulator import lfm --input hetrec2011-lastfm-2k --out data/lfm --seed 1"
    )]
    Lfm(Lfm),
    /// Amazon Industrial and Scientific 2018 as next-item rows: Industrial_and_Scientific.item.json and .train.inter,
    /// .valid.inter, .test.inter
    ///
    /// Writes log/interactions.parquet, log/items.parquet and log/users.parquet, which every tool may read, and
    /// truth/interactions.parquet, which only the simulator may. Feedback is 1, a purchase; an item's category is its
    /// brand.
    ///
    /// The log is each user's first purchase (the history of the user's first row) and the training part; the other
    /// two parts are held out. The source has no times: the `timestamp` is the place in the order of the rows, which is
    /// that of time.
    ///
    /// Licence of the data: the files name none; the reviews that they come from were published for research.
    #[command(after_help = "Example:\n  simulator import industry --input industry --out data/industry")]
    Industry(Industry),
    /// Coat Shopping: train.ascii, test.ascii, item_features.ascii, user_features.ascii, item_features_map.txt,
    /// user_features_map.txt
    ///
    /// Writes log/interactions.parquet, log/items.parquet and log/users.parquet, which every tool may read, and
    /// truth/interactions.parquet, which only the simulator may. Ids are row numbers from 0; titles and texts are made
    /// from the features.
    ///
    /// The log is train.ascii, ratings that users chose to give; the truth is test.ascii, ratings of coats drawn at
    /// random. Pairs in both stay in both. The source has no times: the `timestamp` is the place in a random order, drawn
    /// by --seed, and carries no information.
    ///
    /// Licence of the data: the files name none; they were published for research (ICML 2016).
    #[command(after_help = "Example:\n  simulator import coat --input coat --out data/coat")]
    Coat(Coat),
    /// Your own Parquet files in the common formats: interactions, and where there are, items, users, truth
    ///
    /// Interactions have `user_id` and `item_id` (text or integers), `timestamp` (any timestamp, or integer milliseconds),
    /// `feedback` (a number) and, if known, `propensity`; items `item_id`, `title` and, if there are, `text` and
    /// `categories` (a list of text); users `user_id` and `attributes` (a map of text to text).
    ///
    /// Writes log/interactions.parquet, log/items.parquet and log/users.parquet, which every tool may read, and
    /// truth/interactions.parquet, which only the simulator may. Without --truth, of each user's interactions the
    /// earliest (or, with --split random, some drawn by --seed) are the log and the rest is held out.
    #[command(after_help = custom::args::EXAMPLES)]
    Custom(custom::args::Custom),
    /// A world of any size with a known truth, made and not read
    ///
    /// Items belong to topics, and users like a few of these. The log shows each user items by popularity, with the
    /// propensity of every draw; held out are the answers to random items. Beside log/ and truth/ it writes the true
    /// environment to environment/, ready for `simulator run`: `simulator fit` on the same data can be held against it.
    /// Memory grows with users and items; 10 million users and 1 million items stay below 4 GiB.
    Synthetic(Synthetic),
}

/// What all imports of published files share.
#[derive(Debug, Args)]
struct Published {
    /// Folder that holds the published files
    #[arg(long, value_name = "DIR")]
    input: PathBuf,
    /// Folder to write log/ and truth/ into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    bad: MaxBadArguments,
    #[command(flatten)]
    cut: Cut,
}

/// How much of the log is left.
#[derive(Debug, Args)]
pub(super) struct Cut {
    /// Part of the log's rows, drawn at random by --cut-seed, that stays in it; the rows of a small part are among those of a
    /// larger one. What users had in the other rows goes without feedback to log/consumed.parquet, which every tool may
    /// read, and with feedback to truth/withheld.parquet, which only the simulator may: `simulator fit` makes the same
    /// environment whatever the part is. 0: a log without rows
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = fraction::<f64>)]
    log_fraction: f64,

    /// Seed of the draw of --log-fraction: several parts of one log, held out alike [default: --seed]
    #[arg(long, value_name = "SEED")]
    cut_seed: Option<u64>,
}

impl Cut {
    pub(super) fn resolve(&self, shared: &Shared) -> LogCut {
        LogCut {
            fraction: self.log_fraction,
            seed: self.cut_seed.unwrap_or(shared.seed),
        }
    }
}

#[derive(Debug, Args)]
struct Movielens {
    #[command(flatten)]
    published: Published,
    /// Share of each user's ratings, the earliest, that becomes the log; the later ones are held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, value_parser = inside::<f64>)]
    log_share: f64,
    /// A rating of at least this is a like
    #[arg(long, value_name = "RATING", default_value_t = 4.0, value_parser = finite::<f32>)]
    like_threshold: f32,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Lfm {
    #[command(flatten)]
    published: Published,
    /// Share of each user's artists, drawn at random, that becomes the log; the others are held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = inside::<f64>)]
    log_share: f64,
    /// A listening count of at least this is a like
    #[arg(long, value_name = "COUNT", default_value_t = 1.0, value_parser = finite::<f32>)]
    like_threshold: f32,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Industry {
    #[command(flatten)]
    published: Published,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Coat {
    #[command(flatten)]
    published: Published,
    /// A rating of at least this is a like
    #[arg(long, value_name = "RATING", default_value_t = 4.0, value_parser = finite::<f32>)]
    like_threshold: f32,
    #[command(flatten)]
    shared: Shared,
}

impl Published {
    fn config(&self, like_threshold: f32, shared: &Shared) -> Config {
        Config {
            input: self.input.clone(),
            out: self.out.clone(),
            like_threshold,
            cut: self.cut.resolve(shared),
            max_bad: self.bad.max_bad,
            overwrite: shared.overwrite,
        }
    }
}

impl Import {
    /// The shared options, of whatever dataset.
    pub(crate) fn shared(&self) -> &Shared {
        match &self.dataset {
            Dataset::Movielens(args) => &args.shared,
            Dataset::Lfm(args) => &args.shared,
            Dataset::Industry(args) => &args.shared,
            Dataset::Coat(args) => &args.shared,
            Dataset::Custom(args) => &args.shared,
            Dataset::Synthetic(args) => &args.shared,
        }
    }

    /// Imports the dataset.
    ///
    /// # Errors
    /// Those of the dataset's import.
    pub(crate) fn run(&self) -> Result<()> {
        let shared = self.shared();
        match &self.dataset {
            Dataset::Movielens(args) => movielens::import(
                &args.published.config(args.like_threshold, shared),
                args.log_share,
            ),
            Dataset::Lfm(args) => {
                let config = args.published.config(args.like_threshold, shared);
                lfm::import(&config, args.log_share, shared.seed)
            }
            // A purchase is the only feedback there is.
            Dataset::Industry(args) => industry::import(&args.published.config(1.0, shared)),
            Dataset::Coat(args) => {
                coat::import(&args.published.config(args.like_threshold, shared), shared.seed)
            }
            Dataset::Custom(args) => custom::import(&args.config()?),
            Dataset::Synthetic(args) => synthetic::run(&args.config()),
        }
    }
}
