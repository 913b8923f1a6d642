//! Tests of the rules: stories for people, properties for everything that nobody thought of.

mod coverage;
mod story;
mod world;
