//! The tests of `profiler` from outside, in one binary: it is linked once.

mod bad_subjects;
mod daily_runs;
mod damaged_models;
mod edited_headers;
mod eval_of_signals;
mod inspect_for_people;
mod kernels;
mod kills;
mod preferences_of_a_real_model;
mod prepared_by_trial;
mod states_from_logs;
mod states_held_out;
mod summaries_of_a_real_model;
mod support;
mod traits_of_a_real_model;
mod vocabulary_of_a_catalogue;
