//! Matrices in plain memory, for operations that bring their own backward pass: candle's matrix product between slices
//! of what they hold, with nothing copied on the way in.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, Layout, Result, bail};

/// Rows of equal width that an operation owns.
pub(super) struct Rows {
    storage: CpuStorage,
    width: usize,
}

impl Rows {
    /// `values`, row by row, `width` of them a row.
    pub(super) fn new(values: Vec<f32>, width: usize) -> Self {
        Rows {
            storage: CpuStorage::F32(values),
            width,
        }
    }

    pub(super) fn values(&self) -> Result<&[f32]> {
        self.storage.as_slice()
    }

    pub(super) fn view(&self) -> Result<Matrix<'_>> {
        let rows = self.values()?.len() / self.width;
        Ok(Matrix::new(&self.storage, 0, rows, self.width))
    }
}

/// A matrix inside a storage.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    storage: &'a CpuStorage,
    offset: usize,
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The `rows` by `columns` numbers from `offset` on, row by row.
    pub(super) fn new(storage: &'a CpuStorage, offset: usize, rows: usize, columns: usize) -> Self {
        Matrix {
            storage,
            offset,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The same numbers read the other way.
    pub(super) fn transposed(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// The product with `right`, row by row.
    pub(super) fn times(self, right: Matrix) -> Result<Vec<f32>> {
        if self.columns != right.rows {
            bail!("a product of {} columns with {} rows", self.columns, right.rows)
        }
        let sizes = (1, self.rows, right.columns, self.columns);
        let product = self
            .storage
            .matmul(right.storage, sizes, &self.layout(), &right.layout())?;
        match product {
            CpuStorage::F32(values) => Ok(values),
            _ => bail!("a product that is not f32"),
        }
    }

    fn layout(&self) -> Layout {
        let shape = (self.rows, self.columns).into();
        Layout::new(shape, vec![self.row_stride, self.column_stride], self.offset)
    }
}

/// What an operation was given, as a slice.
pub(super) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((from, to)) = layout.contiguous_offsets() else {
        bail!("contiguous tensors only")
    };
    Ok(&storage.as_slice()?[from..to])
}

/// `sums += values`.
pub(super) fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_and_their_transposes() {
        let storage = CpuStorage::F32(vec![9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let matrix = Matrix::new(&storage, 1, 2, 3);
        let other = Rows::new(vec![1.0, 0.0, -1.0, 2.0], 2);
        assert_eq!(
            other.view().unwrap().times(matrix).unwrap(),
            [1.0, 2.0, 3.0, 7.0, 8.0, 9.0]
        );
        assert_eq!(
            matrix.transposed().times(other.view().unwrap()).unwrap(),
            [-3.0, 8.0, -3.0, 10.0, -3.0, 12.0]
        );
        assert_eq!(
            matrix.times(matrix.transposed()).unwrap(),
            [14.0, 32.0, 32.0, 77.0]
        );
        assert!(matrix.times(matrix).is_err());
    }
}
