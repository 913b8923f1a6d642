//! Tests of the rules: stories for people, properties for everything that nobody thought of.

mod chaos;
mod coverage;
mod examples;
mod fair;
mod generate;
mod invariants;
mod job_slot;
mod large;
mod limited;
mod messages;
mod model;
mod property;
mod random;
mod rows;
mod story;
mod world;
