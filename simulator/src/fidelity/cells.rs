//! The cells that are measured, with what the user model and popularity say about them.

use super::popularity::SCORES;
use crate::environment::Environment;
use crate::environment::returns::{References, Returns};
use crate::user_model::UserModel;
use crate::user_model::cells::{Cells, Fold};

/// A policy's choice, for the measures at the top: the items of an episode under the rule `fixed`.
pub(super) const BEST: usize = 10;

/// One cell of the test fold of one rotation.
pub(super) struct TestCell {
    rotation: u8,
    best: bool,
    liked: bool,
    probability: f32,
    popularity: [f32; SCORES],
}

/// The cells of `user` in the test fold of the `rotation` that `cells` is in, as seen by the `model` of that rotation.
pub(super) fn test_cells(
    model: &UserModel,
    cells: &Cells,
    popularity: &[[f32; SCORES]],
    rotation: u8,
    user: u32,
) -> Vec<TestCell> {
    let mut log = cells.log.row(user as usize).iter().copied().peekable();
    let open = (0..cells.items() as u32).filter(|&item| log.next_if_eq(&item).is_none());
    let mut falling: Vec<f32> = open.map(|item| model.probability(user, item)).collect();
    let bar = if falling.len() <= BEST {
        0.0
    } else {
        *falling.select_nth_unstable_by(BEST - 1, |a, b| b.total_cmp(a)).1
    };
    let test = cells
        .known(user)
        .filter(|&(item, _)| cells.fold(user, item) == Fold::Test);
    test.map(|(item, liked)| {
        let probability = model.probability(user, item);
        TestCell {
            rotation,
            best: probability >= bar,
            liked,
            probability,
            popularity: popularity[item as usize],
        }
    })
    .collect()
}

/// What the environment gives one user.
pub(super) struct OfUser {
    pub(super) returns: Returns,
    /// Known cells outside the log, the likes held out in them, and the likes that the user model expects in them.
    pub(super) cells: usize,
    pub(super) likes: usize,
    pub(super) expected_likes: f64,
}

impl OfUser {
    pub(super) fn new(
        environment: &Environment,
        cells: &Cells,
        references: &References<'_>,
        user: u32,
    ) -> Self {
        let mut of_user = OfUser {
            returns: references.of_user(user),
            cells: 0,
            likes: 0,
            expected_likes: 0.0,
        };
        for (item, liked) in cells.known(user) {
            of_user.cells += 1;
            of_user.likes += usize::from(liked);
            of_user.expected_likes += f64::from(environment.model.probability(user, item));
        }
        of_user
    }
}

/// The test cells of all sampled users, a struct of arrays by user.
#[derive(Debug, Default)]
pub(super) struct TestCells {
    /// How many users there are.
    pub(super) users: usize,
    /// Place of the cell's user among the sampled ones.
    pub(super) user: Vec<u32>,
    /// In which rotation it was measured.
    pub(super) rotation: Vec<u8>,
    pub(super) probability: Vec<f32>,
    pub(super) popularity: [Vec<f32>; SCORES],
    pub(super) liked: Vec<bool>,
    /// The cells that are among their user's [`BEST`] most probable.
    pub(super) best: Vec<u32>,
}

impl TestCells {
    /// The cells of the first `rotations`.
    pub(super) fn gather(of_users: &[Vec<TestCell>], rotations: u8) -> Self {
        let mut all = TestCells {
            users: of_users.len(),
            ..TestCells::default()
        };
        for (of_user, user) in of_users.iter().zip(0..) {
            for cell in of_user.iter().filter(|cell| cell.rotation < rotations) {
                if cell.best {
                    all.best.push(all.user.len() as u32);
                }
                all.user.push(user);
                all.rotation.push(cell.rotation);
                all.probability.push(cell.probability);
                for (scores, score) in all.popularity.iter_mut().zip(cell.popularity) {
                    scores.push(score);
                }
                all.liked.push(cell.liked);
            }
        }
        all
    }

    /// Places of all cells.
    pub(super) fn all(&self) -> Vec<u32> {
        (0..self.user.len() as u32).collect()
    }

    /// The cells of each user.
    pub(super) fn by_user(&self) -> Vec<std::ops::Range<u32>> {
        let start = |user: usize| self.user.partition_point(|&other| (other as usize) < user) as u32;
        (0..self.users).map(|user| start(user)..start(user + 1)).collect()
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
