//! The tests of `common` from outside, in one binary: it is linked once.

mod damage;
mod formats;
mod fuzz;
mod hostile_files;
mod pieces;
mod scan;
mod support;
