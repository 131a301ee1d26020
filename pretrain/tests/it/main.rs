//! The tests of `pretrain` from outside, in one binary: it is linked once.

mod answers;
mod appeal;
mod bench;
mod consumed;
mod coverage;
mod coverage_slates;
mod estimate;
mod evaluate;
mod extend;
mod forecast;
mod gate;
mod plain;
mod policies;
mod preferences;
mod reading;
mod reference_slates;
mod reference_tables;
mod refusals;
mod resume;
mod same_bytes;
mod split;
mod support;
