//! Order of the points in each column: each stands where its neighbours stand on average, so that few lines cross.

use super::layers::Columns;

/// Ways there and back.
const SWEEPS: usize = 6;

/// The points of each column from top to bottom.
pub(super) fn order(columns: &Columns) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); columns.count];
    for (point, &column) in columns.column.iter().enumerate() {
        rows[column].push(point);
    }
    let mut place = vec![0.0; columns.column.len()];
    rows.iter().for_each(|row| number(row, &mut place));
    for _ in 0..SWEEPS {
        for row in &mut rows {
            sort(row, &columns.before, &mut place);
        }
        for row in rows.iter_mut().rev().skip(1) {
            sort(row, &columns.after, &mut place);
        }
    }
    for row in &mut rows {
        sort(row, &columns.before, &mut place);
    }
    rows
}

fn sort(row: &mut [usize], neighbours: &[Vec<usize>], place: &mut [f64]) {
    let middle = |point: usize| {
        let around = &neighbours[point];
        if around.is_empty() {
            return place[point];
        }
        around.iter().map(|one| place[*one]).sum::<f64>() / around.len() as f64
    };
    let mut keyed: Vec<(f64, usize)> = row.iter().map(|point| (middle(*point), *point)).collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (slot, (_, point)) in row.iter_mut().zip(keyed) {
        *slot = point;
    }
    number(row, place);
}

/// Places between 0 and 1, so that columns of different lengths compare.
fn number(row: &[usize], place: &mut [f64]) {
    for (at, &point) in row.iter().enumerate() {
        place[point] = (at as f64 + 0.5) / row.len() as f64;
    }
}
