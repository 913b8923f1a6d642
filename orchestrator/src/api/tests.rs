mod access;
pub(super) mod law;
mod lists;
mod refusals;
mod serving;
mod steering;
mod submits;
mod tasks;
pub(super) mod world;
