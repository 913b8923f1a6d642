//! The items of a mapped task.

mod exclude;

use self::exclude::Exclusion;
use super::{ExprError, Scope, Template};
use crate::error::code;
use crate::job::Source;
use crate::json::{Doc, Kind, ObjectWriter};
use crate::limits::Limits;

/// The elements of a `for_each`, made one by one when they are asked for.
#[derive(Clone, Debug)]
pub struct Items(Inner);

#[derive(Clone, Debug)]
enum Inner {
    List(Doc),
    Matrix {
        axes: Vec<Axis>,
        /// Numbers of the combinations that remain; `None` is all.
        kept: Option<Vec<u32>>,
        total: usize,
    },
}

#[derive(Clone, Debug)]
struct Axis {
    key: String,
    values: Doc,
    length: usize,
}

/// Evaluates where the elements of a `for_each` come from.
///
/// # Errors
/// If an expression has no value or one that is not a list, or there are more items than `limits.tasks`.
pub fn expand(source: &Source, scope: &Scope<'_>, limits: &Limits) -> Result<Items, ExprError> {
    match source {
        Source::Items(template) => {
            let list = list("`for_each`", template, scope, limits)?;
            few_enough(list.len().unwrap_or_default(), limits)?;
            Ok(Items(Inner::List(list)))
        }
        Source::Matrix { axes, exclude } => {
            let axes = axes.iter().map(|(key, template)| axis(key, template, scope, limits));
            matrix(axes.collect::<Result<_, _>>()?, exclude.as_ref(), scope, limits).map(Items)
        }
    }
}

impl Items {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            Inner::List(list) => list.len().unwrap_or_default(),
            Inner::Matrix { kept: Some(kept), .. } => kept.len(),
            Inner::Matrix { total, .. } => *total,
        }
    }

    /// About how many bytes they keep in memory.
    pub fn bytes(&self) -> usize {
        let list = |doc: &Doc| doc.kept_bytes() + doc.len().unwrap_or_default() * size_of::<u64>();
        match &self.0 {
            Inner::List(doc) => list(doc),
            Inner::Matrix { axes, kept, .. } => {
                let kept = kept.as_ref().map_or(0, |kept| kept.len() * size_of::<u32>());
                axes.iter().map(|axis| list(&axis.values)).sum::<usize>() + kept
            }
        }
    }

    /// Tells whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a position from 0; `null` beyond the last.
    pub fn get(&self, index: usize) -> Doc {
        let found = match &self.0 {
            Inner::List(list) => i64::try_from(index).ok().and_then(|index| list.element(index)),
            Inner::Matrix { axes, kept, total } => {
                let number = match kept {
                    Some(kept) => kept.get(index).map(|&number| number as usize),
                    None => Some(index).filter(|index| index < total),
                };
                number.and_then(|number| combination(axes, number))
            }
        };
        found.unwrap_or_else(Doc::null)
    }
}

fn matrix(axes: Vec<Axis>, exclude: Option<&Template>, scope: &Scope<'_>, limits: &Limits) -> Result<Inner, ExprError> {
    let total = axes.iter().fold(1_usize, |total, axis| total.saturating_mul(axis.length));
    let Some(exclude) = exclude else {
        few_enough(total, limits)?;
        return Ok(Inner::Matrix { axes, kept: None, total });
    };
    let exclude = list("`exclude`", exclude, scope, limits)?;
    few_enough(total / EXCLUDED_SHARE, limits)?;
    let exclusion = Exclusion::new(&axes, &exclude)?;
    few_enough(total.saturating_mul(exclusion.shapes()) / EXCLUDED_WORK, limits)?;
    let mut kept = Vec::new();
    for number in 0..total {
        if !exclusion.drops(&positions(&axes, number)) {
            few_enough(kept.len() + 1, limits)?;
            kept.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
    }
    Ok(Inner::Matrix { axes, kept: Some(kept), total })
}

fn axis(key: &str, template: &Template, scope: &Scope<'_>, limits: &Limits) -> Result<Axis, ExprError> {
    let values = list(&format!("`matrix.{key}`"), template, scope, limits)?;
    Ok(Axis { key: key.to_owned(), length: values.len().unwrap_or_default(), values })
}

fn list(what: &str, template: &Template, scope: &Scope<'_>, limits: &Limits) -> Result<Doc, ExprError> {
    let doc = template.resolve(scope, limits)?;
    match doc.kind() {
        Kind::List => Ok(doc),
        kind => {
            let written = String::from_utf8_lossy(template.source().bytes()).chars().take(SHOWN).collect::<String>();
            let message = format!("{what} must give a list: {written} gives {kind}");
            Err(ExprError { code: code::EXPRESSION_ERROR, message })
        }
    }
}

fn few_enough(count: usize, limits: &Limits) -> Result<(), ExprError> {
    if count <= limits.tasks {
        return Ok(());
    }
    let message = format!("`for_each` gives more than {} items (limit `tasks`)", limits.tasks);
    Err(ExprError { code: code::TOO_LARGE, message })
}

/// Positions of a combination's elements on the axes; the last axis changes fastest.
fn positions(axes: &[Axis], mut number: usize) -> Vec<usize> {
    let mut positions = vec![0; axes.len()];
    for (axis, position) in axes.iter().zip(&mut positions).rev() {
        *position = number % axis.length.max(1);
        number /= axis.length.max(1);
    }
    positions
}

fn combination(axes: &[Axis], number: usize) -> Option<Doc> {
    let mut object = ObjectWriter::new(usize::MAX);
    for (axis, position) in axes.iter().zip(positions(axes, number)) {
        let value = axis.values.element(i64::try_from(position).ok()?)?;
        object.push(&axis.key, value.bytes()).ok()?;
    }
    object.finish().ok().map(Doc::trusted)
}

/// A matrix with `exclude` may have so many times more combinations than items: each is looked at.
const EXCLUDED_SHARE: usize = 10;
/// And looking may take so many steps per item that is allowed.
const EXCLUDED_WORK: usize = 100;
/// Enough of an expression to find it again.
const SHOWN: usize = 100;
