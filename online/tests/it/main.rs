//! The tests of `online` from outside, in one binary: it is linked once.

mod chooses_eligible_items;
mod generated_clients;
mod inspects_a_user;
mod is_deterministic;
mod is_light;
mod learns_from_another_system;
mod recommends_to_many;
mod refuses_bad_input;
mod refuses_hostile_requests;
mod replays_events;
mod retrains_while_serving;
mod runs_experiments;
mod serves_http;
mod serves_on_sockets;
mod serves_step_frames;
mod stops_and_starts;
mod support;
mod survives_kills;
mod swaps_under_load;
