mod lists;
mod refusals;
mod serving;
mod submits;
mod tasks;
mod world;
