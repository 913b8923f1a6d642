//! Names that an expression can use, beside those that every expression has.

/// Names that a template can use beside `input`, `tasks` and `job`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// `item`, `index` and `total`: in the input of a mapped task.
    pub item: bool,
    /// Names that a repeated task can use beside these.
    pub rounds: Rounds,
    /// `schedule` and nothing else: in the input of the job of a schedule.
    pub schedule: bool,
    /// `kind` and `queue` of a task: in the expressions of a limit or queue.
    pub task: bool,
}

/// Names of the rounds of a repeated task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounds {
    /// None: it is not repeated.
    #[default]
    None,
    /// `round` and `previous`: in its input.
    Input,
    /// `round` and `output`: in its `until`.
    Until,
}
