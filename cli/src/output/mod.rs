//! Printing data: tables for people, documents for programs.

mod csv;
mod document;
mod span;
mod table;
mod tree;
mod yaml;

pub(crate) use self::document::{document, elements};
pub(crate) use self::span::{age, between};
pub(crate) use self::table::{Cell, Table};
pub(crate) use self::tree::Tree;

#[cfg(test)]
mod tests;
