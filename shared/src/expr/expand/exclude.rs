//! The combinations of a matrix that are dropped.

use std::collections::{BTreeMap, BTreeSet};

use super::Axis;
use crate::error::code;
use crate::expr::ExprError;
use crate::json::{Doc, canonical};

/// The `exclude` of a matrix, sorted by which axes its entries name, so that one look-up per shape decides.
pub(super) struct Exclusion {
    /// Values that drop a combination, one number per axis, for each set of axes.
    shapes: BTreeMap<Vec<usize>, BTreeSet<Vec<u32>>>,
    /// Number of the value at each position of each axis; equal values have the same.
    numbers: Vec<Vec<u32>>,
}

impl Exclusion {
    /// Reads a list of objects from axes to values; values are compared as JSON, number spellings included.
    pub(super) fn new(axes: &[Axis], exclude: &Doc) -> Result<Self, ExprError> {
        let mut known: Vec<BTreeMap<Vec<u8>, u32>> = Vec::new();
        let mut numbers = Vec::new();
        for axis in axes {
            let mut values = BTreeMap::new();
            let elements = axis.values.elements().into_iter().flatten();
            numbers.push(elements.map(|value| number_of(&mut values, &value)).collect());
            known.push(values);
        }
        let mut shapes: BTreeMap<Vec<usize>, BTreeSet<Vec<u32>>> = BTreeMap::new();
        for (at, entry) in exclude.elements().into_iter().flatten().enumerate() {
            if let Some((shape, values)) = read(axes, &known, at, &entry)? {
                shapes.entry(shape).or_default().insert(values);
            }
        }
        Ok(Self { shapes, numbers })
    }

    /// Number of look-ups that a combination takes.
    pub(super) fn shapes(&self) -> usize {
        self.shapes.len()
    }

    /// Tells whether the combination agrees with an entry in all values that the entry gives.
    pub(super) fn drops(&self, positions: &[usize]) -> bool {
        self.shapes.iter().any(|(axes, dropped)| {
            let number = |axis: &usize| self.numbers.get(*axis)?.get(*positions.get(*axis)?).copied();
            axes.iter().map(number).collect::<Option<Vec<u32>>>().is_some_and(|values| dropped.contains(&values))
        })
    }
}

type Match = (Vec<usize>, Vec<u32>);

/// The axes and value numbers of one entry; `None` if it gives a value that its axis does not have.
fn read(axes: &[Axis], known: &[BTreeMap<Vec<u8>, u32>], at: usize, entry: &Doc) -> Result<Option<Match>, ExprError> {
    let wrong = |what: String| ExprError { code: code::EXPRESSION_ERROR, message: format!("`exclude[{at}]` {what}") };
    let entries = entry.entries().ok_or_else(|| wrong(format!("must be an object, and is {}", entry.kind())))?;
    let mut given = BTreeMap::new();
    for (key, value) in entries {
        let axis = axes.iter().position(|axis| axis.key == key);
        let axis = axis.ok_or_else(|| wrong(format!("names `{key}`, which the matrix does not have")))?;
        given.insert(axis, known.get(axis).and_then(|values| values.get(&canonical(value.bytes()))).copied());
    }
    let (shape, values): (Vec<usize>, Vec<Option<u32>>) = given.into_iter().unzip();
    Ok(values.into_iter().collect::<Option<Vec<u32>>>().map(|values| (shape, values)))
}

fn number_of(known: &mut BTreeMap<Vec<u8>, u32>, value: &Doc) -> u32 {
    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
    *known.entry(canonical(value.bytes())).or_insert(next)
}
