//! Columns of the tasks, and places in them for the lines that only pass.

/// Places that lines take in the columns between; beyond that they run straight, whatever they cross.
const PASSING_MAX: usize = 20_000;

/// Columns of a graph. Its points are the tasks, and behind them the places of passing lines.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Column of each point.
    pub(super) column: Vec<usize>,
    /// Neighbours of each point in the column before, and in the column after.
    pub(super) before: Vec<Vec<usize>>,
    /// See `before`.
    pub(super) after: Vec<Vec<usize>>,
    /// Number of columns.
    pub(super) count: usize,
    /// The points of each line, its ends included: the task that is needed first.
    pub(super) lines: Vec<Vec<usize>>,
}

impl Columns {
    /// The columns of tasks with these needs.
    pub(super) fn of(needs: &[Vec<usize>]) -> Self {
        let column = longest_ways(needs);
        let count = column.iter().max().map_or(0, |last| last + 1);
        let passing: usize = pairs(needs).map(|(from, to)| column[to].saturating_sub(column[from] + 1)).sum();
        let mut columns = Self {
            before: vec![Vec::new(); column.len()],
            after: vec![Vec::new(); column.len()],
            column,
            count,
            lines: Vec::new(),
        };
        for (from, to) in pairs(needs) {
            columns.line(from, to, passing <= PASSING_MAX);
        }
        columns
    }

    fn line(&mut self, from: usize, to: usize, with_places: bool) {
        let mut points = vec![from];
        // On a cycle a line may go back, or stay in its column.
        let between = if with_places { self.column[from] + 1..self.column[to] } else { 0..0 };
        for column in between {
            points.push(self.column.len());
            self.column.push(column);
            self.before.push(Vec::new());
            self.after.push(Vec::new());
        }
        points.push(to);
        for pair in points.windows(2) {
            if self.column[pair[0]] < self.column[pair[1]] {
                self.after[pair[0]].push(pair[1]);
                self.before[pair[1]].push(pair[0]);
            }
        }
        self.lines.push(points);
    }
}

fn pairs(needs: &[Vec<usize>]) -> impl Iterator<Item = (usize, usize)> + '_ {
    needs.iter().enumerate().flat_map(|(to, needs)| needs.iter().map(move |from| (*from, to)))
}

/// The longest way from a task without needs to each task. What is on a cycle stands in the first column.
pub(super) fn longest_ways(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut dependents = vec![Vec::new(); needs.len()];
    for (from, to) in pairs(needs) {
        dependents[from].push(to);
    }
    let mut ways = vec![0; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|task| open[*task] == 0).collect();
    while let Some(task) = ready.pop() {
        for &dependent in &dependents[task] {
            ways[dependent] = ways[dependent].max(ways[task] + 1);
            open[dependent] -= 1;
            if open[dependent] == 0 {
                ready.push(dependent);
            }
        }
    }
    ways
}
