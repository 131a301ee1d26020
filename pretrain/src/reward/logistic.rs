//! Weighted logistic regression with few coefficients, solved exactly, and how sure its coefficients are.

use common::stats::{logistic, softplus};

use super::matrix::{Matrix, inverse, product, solve};

/// One observation: features x (without the constant), an offset added to the logit, whether it was a success,
/// how many observations it stands for, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<const D: usize> {
    pub(crate) x: [f64; D],
    pub(crate) offset: f64,
    pub(crate) success: bool,
    pub(crate) weight: f64,
    /// Observations of one group (a user) may depend on each other; they stand side by side.
    pub(crate) group: usize,
}

/// A fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fitted<const D: usize> {
    pub(crate) intercept: f64,
    pub(crate) coefficients: [f64; D],
    /// Of the estimates, intercept first.
    pub(crate) covariance: Matrix,
    /// The penalised negative log-likelihood.
    pub(crate) loss: f64,
}

impl<const D: usize> Fitted<D> {
    pub(crate) fn logit(&self, x: &[f64; D]) -> f64 {
        let terms = x.iter().zip(&self.coefficients);
        self.intercept + terms.map(|(x, c)| x * c).sum::<f64>()
    }
}

/// Intercept and coefficients that minimise the weighted negative log-likelihood plus `ridge` / 2 times their
/// squares (the intercept's too, so that the minimum always exists); Newton's method with halved steps where a
/// full one does not descend.
pub(crate) fn fit<const D: usize>(observations: &[Observation<D>], ridge: f64) -> Fitted<D> {
    let size = D + 1;
    let mut theta = vec![0.0; size];
    let mut loss = objective(observations, &theta, ridge);
    for _ in 0..50 {
        let (gradient, hessian) = derivatives(observations, &theta, ridge);
        let step = solve(&hessian, &gradient);
        let mut scale = 1.0;
        let (next, next_loss) = loop {
            let next: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| t - scale * s).collect();
            let next_loss = objective(observations, &next, ridge);
            if next_loss <= loss || scale < 1e-6 {
                break (next, next_loss);
            }
            scale /= 2.0;
        };
        let done = loss - next_loss < 1e-10 * (1.0 + loss.abs());
        if next_loss <= loss {
            (theta, loss) = (next, next_loss);
        }
        if done {
            break;
        }
    }
    let mut coefficients = [0.0; D];
    coefficients.copy_from_slice(&theta[1..]);
    Fitted {
        intercept: theta[0],
        coefficients,
        covariance: covariance(observations, &theta, ridge),
        loss,
    }
}

/// H^-1 (S + ridge) H^-1, where H is the Hessian of the penalised loss and S the sum over groups of the outer
/// product of their gradients.
///
/// Laplace's approximation is H^-1 alone. It takes an observation of weight w for w independent ones, and a user's
/// pairs for independent of each other; S instead of H in the middle counts what was drawn (White 1982; by groups,
/// Liang and Zeger 1986). With independent observations of weight 1 the two agree, and without any both are the
/// prior's 1 / ridge.
fn covariance<const D: usize>(observations: &[Observation<D>], theta: &[f64], ridge: f64) -> Matrix {
    let size = D + 1;
    let groups: Vec<Vec<f64>> = observations
        .chunk_by(|a, b| a.group == b.group)
        .map(|group| derivatives(group, theta, 0.0).0)
        .collect();
    // Few groups understate their own spread.
    let few = groups.len() as f64 / (groups.len() as f64 - 1.0).max(1.0);
    let mut middle = vec![vec![0.0; size]; size];
    for (i, row) in middle.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = few * groups.iter().map(|score| score[i] * score[j]).sum::<f64>();
        }
        row[i] += ridge;
    }
    let spread = inverse(&derivatives(observations, theta, ridge).1);
    product(&product(&spread, &middle), &spread)
}

fn logit<const D: usize>(observation: &Observation<D>, theta: &[f64]) -> f64 {
    observation.offset
        + theta[0]
        + observation
            .x
            .iter()
            .zip(&theta[1..])
            .map(|(x, t)| x * t)
            .sum::<f64>()
}

fn objective<const D: usize>(observations: &[Observation<D>], theta: &[f64], ridge: f64) -> f64 {
    let penalty = 0.5 * ridge * theta.iter().map(|t| t * t).sum::<f64>();
    let loss = observations.iter().map(|o| {
        // ln(1 + e^-s) of the signed logit s.
        let signed = if o.success {
            logit(o, theta)
        } else {
            -logit(o, theta)
        };
        o.weight * softplus(-signed)
    });
    loss.sum::<f64>() + penalty
}

#[allow(clippy::needless_range_loop, reason = "rows and columns of one matrix")]
fn derivatives<const D: usize>(
    observations: &[Observation<D>],
    theta: &[f64],
    ridge: f64,
) -> (Vec<f64>, Matrix) {
    let size = D + 1;
    let mut gradient: Vec<f64> = theta.iter().map(|t| ridge * t).collect();
    let mut hessian = vec![vec![0.0; size]; size];
    for (i, row) in hessian.iter_mut().enumerate() {
        row[i] = ridge;
    }
    for o in observations {
        let p = logistic(logit(o, theta));
        let error = o.weight * (p - f64::from(u8::from(o.success)));
        let curvature = o.weight * p * (1.0 - p);
        let x = |i: usize| if i == 0 { 1.0 } else { o.x[i - 1] };
        for i in 0..size {
            gradient[i] += error * x(i);
            for j in 0..=i {
                hessian[i][j] += curvature * x(i) * x(j);
            }
        }
    }
    for i in 0..size {
        for j in 0..i {
            hessian[j][i] = hessian[i][j];
        }
    }
    (gradient, hessian)
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, normal, stream};

    use super::*;

    #[test]
    fn recovers_the_log_odds_of_two_groups() {
        // x = 0: 20 of 100; x = 1: 30 of 40.
        let cell = |x: f64, success: bool, weight: f64| Observation {
            x: [x],
            offset: 0.0,
            success,
            weight,
            group: 0,
        };
        let observations = [
            cell(0.0, true, 20.0),
            cell(0.0, false, 80.0),
            cell(1.0, true, 30.0),
            cell(1.0, false, 10.0),
        ];
        let Fitted {
            intercept,
            coefficients: [slope],
            ..
        } = fit(&observations, 1e-9);
        assert!((intercept - (0.25_f64).ln()).abs() < 1e-6, "{intercept}");
        assert!((slope - (3.0_f64.ln() - 0.25_f64.ln())).abs() < 1e-6, "{slope}");
    }

    #[test]
    fn separable_data_stay_finite() {
        let cell = |x: f64, success: bool| Observation {
            x: [x],
            offset: 0.0,
            success,
            weight: 1.0,
            group: 0,
        };
        let Fitted {
            intercept,
            coefficients: [slope],
            ..
        } = fit(&[cell(-1.0, false), cell(1.0, true)], 1.0);
        assert!(intercept.abs() < 1e-6 && slope > 0.1 && slope.is_finite());
        let nothing = fit::<1>(&[], 2.0);
        assert_eq!((nothing.intercept, nothing.coefficients), (0.0, [0.0]));
        assert_eq!(nothing.covariance, [[0.5, 0.0], [0.0, 0.5]], "the prior's");
    }

    #[test]
    fn an_offset_that_is_right_needs_no_coefficients() {
        let cell = |success, weight| Observation {
            x: [1.0],
            offset: 3.0_f64.ln(),
            success,
            weight,
            group: 0,
        };
        let Fitted {
            intercept,
            coefficients: [slope],
            ..
        } = fit(&[cell(true, 300.0), cell(false, 100.0)], 1.0);
        assert!(intercept.abs() < 1e-6 && slope.abs() < 1e-6);
    }

    /// Of 400 repetitions of a log with a known truth, the interval of the logit must hold it in about 95 of 100,
    /// although users differ and failures are a sample that stands for eight times as many. Laplace's approximation
    /// fails here.
    #[test]
    fn intervals_cover_the_truth() {
        const USERS: usize = 150;
        const SHARE: f64 = 8.0;
        let (truth, at) = ([-2.0, 0.7], 1.3);
        let (mut covered, mut covered_by_laplace) = (0, 0);
        for repetition in 0..400 {
            let mut rng = stream(repetition, "test/coverage", &[]);
            let mut observations = Vec::new();
            for group in 0..USERS {
                let x = f64::from(normal(&mut rng));
                for _ in 0..60 {
                    let success = rng.random::<f64>() < logistic(truth[0] + truth[1] * x);
                    let weight = if success { 1.0 } else { SHARE };
                    if success || rng.random::<f64>() < 1.0 / SHARE {
                        observations.push(Observation {
                            x: [x],
                            offset: 0.0,
                            success,
                            weight,
                            group,
                        });
                    }
                }
            }
            let fitted = fit(&observations, 1e-6);
            let theta = [fitted.intercept, fitted.coefficients[0]];
            let error = theta[0] + theta[1] * at - (truth[0] + truth[1] * at);
            let holds = |covariance: &Matrix| {
                let variance = covariance[0][0] + 2.0 * at * covariance[0][1] + at * at * covariance[1][1];
                usize::from(error.abs() < 1.96 * variance.sqrt())
            };
            covered += holds(&fitted.covariance);
            covered_by_laplace += holds(&inverse(&derivatives(&observations, &theta, 1e-6).1));
        }
        assert!((366..=392).contains(&covered), "{covered} of 400");
        assert!(covered_by_laplace < 360, "{covered_by_laplace} of 400");
    }
}
