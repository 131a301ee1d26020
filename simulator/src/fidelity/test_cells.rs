//! The cells of the test fold, with what the user model and popularity say about them.

use crate::environment::Environment;
use crate::environment::returns::{References, Returns};
use crate::user_model::cells::{Cells, Fold};

/// A policy's choice, for the measures at the top: the items of an episode under the rule `fixed`.
pub(super) const BEST: usize = 10;

/// What one user's open cells give.
pub(super) struct OfUser {
    test: Vec<TestCell>,
    pub(super) returns: Returns,
    /// Cells outside the log, the likes held out in them, and the likes that the user model expects in them.
    pub(super) cells: usize,
    pub(super) likes: usize,
    pub(super) expected_likes: f64,
}

struct TestCell {
    probability: f32,
    popularity: f32,
    liked: bool,
    best: bool,
}

/// The strongest popularity there is, for each item: likes of the log and of the fit fold.
pub(super) fn likes_that_the_fit_saw(cells: &Cells) -> Vec<f32> {
    let mut likes = vec![0.0; cells.items()];
    for user in 0..cells.users() as u32 {
        let log = cells.log_liked.row(user as usize).iter();
        let held_out = cells.held_out_liked.row(user as usize).iter();
        let held_out = held_out.filter(|&&item| cells.fold(user, item) == Fold::Fit);
        log.chain(held_out).for_each(|&item| likes[item as usize] += 1.0);
    }
    likes
}

impl OfUser {
    pub(super) fn new(
        environment: &Environment,
        cells: &Cells,
        references: &References<'_>,
        popularity: &[f32],
        user: u32,
    ) -> Self {
        let probability = |item| environment.model.probability(user, item);
        let open: Vec<(u32, bool, f32)> = cells
            .open(user)
            .map(|(item, liked)| (item, liked, probability(item)))
            .collect();
        let mut falling: Vec<f32> = open.iter().map(|cell| cell.2).collect();
        falling.sort_unstable_by(|a, b| b.total_cmp(a));
        let bar = falling.get(BEST - 1).copied().unwrap_or(0.0);
        let test = open.iter().filter(|cell| cells.fold(user, cell.0) == Fold::Test);
        let test = test.map(|&(item, liked, probability)| TestCell {
            probability,
            popularity: popularity[item as usize],
            liked,
            best: probability >= bar,
        });
        OfUser {
            test: test.collect(),
            returns: references.of_user(user),
            cells: open.len(),
            likes: open.iter().filter(|cell| cell.1).count(),
            expected_likes: open.iter().map(|cell| f64::from(cell.2)).sum(),
        }
    }
}

/// The test cells of all sampled users, a struct of arrays by user.
#[derive(Default)]
pub(super) struct TestCells {
    /// How many users there are.
    pub(super) users: usize,
    /// Place of the cell's user among the sampled ones.
    pub(super) user: Vec<u32>,
    pub(super) probability: Vec<f32>,
    pub(super) popularity: Vec<f32>,
    pub(super) liked: Vec<bool>,
    /// The cells that are among their user's [`BEST`] most probable.
    pub(super) best: Vec<u32>,
}

impl TestCells {
    pub(super) fn gather(of_users: &[OfUser]) -> Self {
        let mut all = TestCells {
            users: of_users.len(),
            ..TestCells::default()
        };
        for (of_user, user) in of_users.iter().zip(0..) {
            for cell in &of_user.test {
                if cell.best {
                    all.best.push(all.user.len() as u32);
                }
                all.user.push(user);
                all.probability.push(cell.probability);
                all.popularity.push(cell.popularity);
                all.liked.push(cell.liked);
            }
        }
        all
    }

    /// The cells of each user.
    pub(super) fn by_user(&self) -> Vec<std::ops::Range<usize>> {
        let start = |user: usize| self.user.partition_point(|&other| (other as usize) < user);
        (0..self.users).map(|user| start(user)..start(user + 1)).collect()
    }

    /// How often each cell counts, given how often each user does.
    pub(super) fn weight<'a>(&'a self, users: &'a [f32]) -> impl Fn(usize) -> f64 + 'a {
        |cell| f64::from(users[self.user[cell] as usize])
    }

    /// 1 for a liked cell, else 0.
    pub(super) fn label(&self, cell: usize) -> f64 {
        f64::from(u8::from(self.liked[cell]))
    }

    /// The user model's probability.
    pub(super) fn predicted(&self, cell: usize) -> f64 {
        f64::from(self.probability[cell])
    }
}

/// The weighted mean of `value` over `cells`.
pub(super) fn mean(
    cells: impl Iterator<Item = usize>,
    weight: impl Fn(usize) -> f64,
    value: impl Fn(usize) -> f64,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for cell in cells {
        let weight = weight(cell);
        sum += weight * value(cell);
        count += weight;
    }
    sum / count
}
