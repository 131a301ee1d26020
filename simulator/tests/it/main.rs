//! The tests of `simulator` from outside, in one binary: it is linked once.

mod easyrl4rec;
mod environment;
mod import;
mod import_coat;
mod import_custom;
mod import_industry;
mod import_lfm;
mod import_log_fraction;
mod python_client;
mod run;
mod serve;
mod support;
mod synthetic;
