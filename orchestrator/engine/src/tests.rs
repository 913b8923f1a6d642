//! Tests of the rules: stories for people, properties for everything that nobody thought of.

mod chaos;
mod coverage;
mod generate;
mod model;
mod property;
mod random;
mod story;
mod world;
