mod law;
mod lists;
mod refusals;
mod serving;
mod steering;
mod submits;
mod tasks;
mod world;
