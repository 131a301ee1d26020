//! What is believed of likes, and how an answer changes it.
//!
//! With L_j the policy's logit of item j in the present state, scale * E_j . q + b_j, and T the slope of its like model, user u
//! likes item j with probability sigmoid(eta_j),
//!
//! ```text
//! eta_j = c + s z_j + beta_j + e_j . v_u,    z_j = T L_j - centre,    e_j = T scale E_j.
//! ```
//!
//! c and s say how the frozen policy's logits translate into likes, beta_j what it missed of an item, v_u of a user. All
//! are Gaussian and independent of each other, but for c and s, which have a joint covariance G:
//!
//! ```text
//! c ~ N(intercept, 2^2),  s ~ N(1, 0.1^2),  beta_j ~ N(0, item^2 / (1 + n_j / evidence)),
//! v_u ~ N(0, sigma^2 / (1 + n_u / evidence) I),  sigma^2 = user^2 / mean_j |e_j|^2:
//! ```
//!
//! of items with many likes n_j in the log, and users with many n_u, the policy knows more.
//!
//! An answer y (1 liked, 0 not) is one step of the extended Kalman filter of logistic regression (Fahrmeir 1992; as a rule of
//! online learning: Ollivier 2018, arXiv 1703.00209): with p = sigmoid(eta), r = y - p, h = p (1 - p), phi = (1, z_j) and t
//! the variance of eta, K = 1 / (1 + h t),
//!
//! ```text
//! t        = phi' G phi + var beta_j + sum_k var v_k e_jk^2
//! (c, s)  += G phi r K              G          -= (G phi) (G phi)' h K
//! beta_j  += var beta_j r K         var beta_j -= (var beta_j)^2 h K
//! v_k     += var v_k e_jk r K       var v_k    -= (var v_k e_jk)^2 h K
//! ```
//!
//! v_u is the user's: D means, then D informations, var v_k = 1 / (1 / sigma^2 + information_k), so that zeros are the
//! belief before any answer.

use common::policy::Network;
use common::policy::elementary::sigmoid;
use common::policy_artifact::LikeModel;

use super::AdapterSettings;

/// Variances of c and s before any answer.
const LEVEL: f64 = 4.0;
const SLOPE: f64 = 0.01;
/// The like model where the policy brings none: one item in ten is liked where the logit is 0.
const UNKNOWN: LikeModel = LikeModel {
    intercept: -2.197_224_6,
    slope: 1.0,
    centre: 0.0,
};
/// The least slope that is acted by.
const FLATTEST: f32 = 0.1;
/// The least 1 / sigma^2: that of embeddings which are all 0.
const LEAST: f32 = 1e-12;

/// The beliefs about c, s and the items, and what turns them into logits.
#[derive(Debug, Clone)]
pub(super) struct Beliefs {
    /// T.
    temperature: f32,
    centre: f32,
    /// T * scale.
    unit: f32,
    /// 1 / sigma^2.
    precision: f32,
    /// Likes that weigh as much as the belief.
    evidence: f32,
    /// The standard deviation of each beta_j before any answer.
    priors: Vec<f32>,
    bonus: f32,
    /// c and s.
    pub(super) global: [f64; 2],
    /// G: var c, cov (c, s), var s.
    pub(super) covariance: [f64; 3],
    /// beta_j.
    pub(super) means: Vec<f32>,
    pub(super) variances: Vec<f32>,
    /// What an item's own belief adds to its acting logit.
    parts: Vec<f32>,
}

/// An item as seen by one user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) item: usize,
    /// L_j.
    pub(super) logit: f32,
    /// E_j.
    pub(super) embedding: &'a [f32],
    /// n_u, likes that the policy knew of the user.
    pub(super) likes: f32,
}

/// What is believed of a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// The probability of a like.
    pub(super) probability: f64,
    /// t, the variance of eta.
    pub(super) variance: f64,
    /// G phi.
    direction: [f64; 2],
}

impl Beliefs {
    /// Those before any answer.
    pub(super) fn new(
        network: &Network,
        likes: Option<LikeModel>,
        popularity: &[f32],
        settings: &AdapterSettings,
    ) -> Self {
        let evidence = settings.evidence;
        let prior = |likes: &f32| settings.item / (1.0 + likes.max(0.0) / evidence).sqrt();
        let priors: Vec<f32> = popularity.iter().map(prior).collect();
        let known = |likes: &LikeModel| likes.intercept.is_finite() && likes.slope > 0.0;
        let LikeModel {
            intercept,
            slope,
            centre,
        } = likes.filter(known).unwrap_or(UNKNOWN);
        let items = network.config().items;
        let unit = slope * network.scale();
        let squares = |row: &f32| f64::from(unit * row).powi(2);
        let norms: f64 = network.weights().item_embedding.iter().map(squares).sum();
        let precision = (norms / items as f64) as f32 / settings.user.powi(2);
        Beliefs {
            temperature: slope,
            centre,
            unit,
            // 0 / 0 is a precision that does not matter.
            precision: if precision >= LEAST { precision } else { LEAST },
            evidence,
            variances: priors.iter().map(|sd| sd * sd).collect(),
            priors,
            bonus: settings.bonus,
            global: [f64::from(intercept), 1.0],
            covariance: [LEVEL, 0.0, SLOPE],
            means: vec![0.0; items],
            parts: vec![0.0; items],
        }
    }

    /// The factor of what was learnt in the acting logits, 1 / s: the policy's own part keeps its temperature, whatever likes
    /// say of the size of its differences.
    pub(super) fn weight(&self) -> f32 {
        1.0 / (self.global[1] as f32).max(FLATTEST)
    }

    /// (beta_j + bonus (sd beta_j - item)) / T of each item: 0 for one without an answer.
    pub(super) fn parts(&self) -> &[f32] {
        &self.parts
    }

    /// Whether an item was answered.
    pub(super) fn is_touched(&self, item: usize) -> bool {
        self.means[item] != 0.0 || self.variances[item] != self.priors[item].powi(2)
    }

    /// Sets the belief about an item.
    pub(super) fn set(&mut self, item: usize, mean: f32, variance: f32) {
        self.means[item] = mean;
        self.variances[item] = variance;
        let sd = variance.sqrt() - self.priors[item];
        self.parts[item] = (mean + self.bonus * sd) / self.temperature;
    }

    /// The query by which the acting logits are made: q + v / s, in place of q. `user` are D means, then D informations.
    pub(super) fn turn(&self, query: &mut [f32], user: &[f32]) {
        let weight = self.weight();
        for (q, v) in query.iter_mut().zip(user) {
            *q += weight * v;
        }
    }

    /// 1 / variance of each number of v_u before any answer.
    fn precision(&self, pair: &Pair<'_>) -> f32 {
        self.precision * (1.0 + pair.likes / self.evidence)
    }

    /// What is believed of a pair.
    pub(super) fn outlook(&self, pair: &Pair<'_>, user: &[f32]) -> Outlook {
        let z = f64::from(self.temperature * pair.logit - self.centre);
        let (means, informations) = user.split_at(pair.embedding.len());
        let precision = self.precision(pair);
        let (mut own, mut variance) = (0.0f32, 0.0f32);
        for ((x, mean), information) in pair.embedding.iter().zip(means).zip(informations) {
            let e = self.unit * x;
            own += e * mean;
            variance += e * e / (precision + information);
        }
        let [cc, cs, ss] = self.covariance;
        let direction = [cc + cs * z, cs + ss * z];
        let eta = self.global[0] + self.global[1] * z + f64::from(self.means[pair.item] + own);
        Outlook {
            probability: f64::from(sigmoid(eta as f32)),
            variance: direction[0] + direction[1] * z + f64::from(self.variances[pair.item] + variance),
            direction,
        }
    }

    /// Takes an answer; O(D).
    pub(super) fn learn(&mut self, pair: &Pair<'_>, user: &mut [f32], liked: bool) {
        let Outlook {
            probability,
            variance,
            direction: [at_c, at_s],
        } = self.outlook(pair, user);
        let h = probability * (1.0 - probability);
        let gain = 1.0 / (1.0 + h * variance);
        // r K and h K.
        let push = (f64::from(u8::from(liked)) - probability) * gain;
        let pull = h * gain;
        self.global[0] += at_c * push;
        self.global[1] += at_s * push;
        self.covariance[0] -= at_c * at_c * pull;
        self.covariance[1] -= at_c * at_s * pull;
        self.covariance[2] -= at_s * at_s * pull;
        let (push, pull) = (push as f32, pull as f32);
        let variance = self.variances[pair.item];
        self.set(
            pair.item,
            self.means[pair.item] + variance * push,
            variance * (1.0 - variance * pull),
        );
        let precision = self.precision(pair);
        let (means, informations) = user.split_at_mut(pair.embedding.len());
        for ((x, mean), information) in pair.embedding.iter().zip(means).zip(informations) {
            let e = self.unit * x;
            let variance = 1.0 / (precision + *information);
            *mean += variance * e * push;
            // 1 / var after the step minus 1 / var before it; var e^2 h K is below 1.
            *information += e * e * pull / (1.0 - variance * e * e * pull);
        }
    }

    /// Whether the numbers are those of Gaussians.
    pub(super) fn is_sound(&self) -> bool {
        let [cc, cs, ss] = self.covariance;
        self.global.iter().all(|x| x.is_finite()) && cc > 0.0 && ss > 0.0 && cc * ss > cs * cs
    }
}
