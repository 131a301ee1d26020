//! Weighted logistic regression with few coefficients, solved exactly.

/// One observation: features x (without the constant), an offset added to the logit, whether it was a success,
/// and how many observations it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<const D: usize> {
    pub(crate) x: [f64; D],
    pub(crate) offset: f64,
    pub(crate) success: bool,
    pub(crate) weight: f64,
}

/// Intercept and coefficients that minimise the weighted negative log-likelihood plus `ridge` / 2 times their
/// squares (the intercept's too, so that the minimum always exists); Newton's method with halved steps where a
/// full one does not descend.
pub(crate) fn fit<const D: usize>(observations: &[Observation<D>], ridge: f64) -> (f64, [f64; D]) {
    let size = D + 1;
    let mut theta = vec![0.0; size];
    let mut loss = objective(observations, &theta, ridge);
    for _ in 0..50 {
        let (gradient, hessian) = derivatives(observations, &theta, ridge);
        let step = solve(hessian, gradient);
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
    (theta[0], coefficients)
}

/// 1 / (1 + e^-z).
pub(crate) fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
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
        // ln(1 + e^-s) of the signed logit s, without overflow.
        let signed = if o.success {
            logit(o, theta)
        } else {
            -logit(o, theta)
        };
        o.weight * ((-signed.abs()).exp().ln_1p() + (-signed).max(0.0))
    });
    loss.sum::<f64>() + penalty
}

#[allow(clippy::needless_range_loop, reason = "rows and columns of one matrix")]
fn derivatives<const D: usize>(
    observations: &[Observation<D>],
    theta: &[f64],
    ridge: f64,
) -> (Vec<f64>, Vec<Vec<f64>>) {
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
            for j in 0..size {
                hessian[i][j] += curvature * x(i) * x(j);
            }
        }
    }
    (gradient, hessian)
}

/// Solves `matrix` y = `vector` for a positive definite matrix, by Gaussian elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut vector: Vec<f64>) -> Vec<f64> {
    let size = vector.len();
    for pivot in 0..size {
        for row in pivot + 1..size {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let (above, below) = matrix.split_at_mut(row);
            for (value, from) in below[0].iter_mut().zip(&above[pivot]).skip(pivot) {
                *value -= factor * from;
            }
            vector[row] -= factor * vector[pivot];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size)
            .map(|column| matrix[row][column] * vector[column])
            .sum();
        vector[row] = (vector[row] - known) / matrix[row][row];
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovers_the_log_odds_of_two_groups() {
        // x = 0: 20 of 100; x = 1: 30 of 40.
        let cell = |x: f64, success: bool, weight: f64| Observation {
            x: [x],
            offset: 0.0,
            success,
            weight,
        };
        let observations = [
            cell(0.0, true, 20.0),
            cell(0.0, false, 80.0),
            cell(1.0, true, 30.0),
            cell(1.0, false, 10.0),
        ];
        let (intercept, [slope]) = fit(&observations, 1e-9);
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
        };
        let (intercept, [slope]) = fit(&[cell(-1.0, false), cell(1.0, true)], 1.0);
        assert!(intercept.abs() < 1e-6 && slope > 0.1 && slope.is_finite());
        let (intercept, [slope]) = fit::<1>(&[], 1.0);
        assert_eq!((intercept, slope), (0.0, 0.0));
    }

    #[test]
    fn an_offset_that_is_right_needs_no_coefficients() {
        let cell = |success, weight| Observation {
            x: [1.0],
            offset: 3.0_f64.ln(),
            success,
            weight,
        };
        let (intercept, [slope]) = fit(&[cell(true, 300.0), cell(false, 100.0)], 1.0);
        assert!(intercept.abs() < 1e-6 && slope.abs() < 1e-6);
    }
}
