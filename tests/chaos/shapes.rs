//! The jobs of the load: what each looks like, and what must come of it.

use serde_json::{Value, json};

use crate::dice::Dice;

/// Sort of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Single task, worked on by code.
    Single,
    /// Single task, worked on by a program.
    Program,
    /// Single task, worked on by an RPC server that knows nothing of us.
    Foreign,
    /// Three tasks, each of which needs what the ones before gave.
    Chain,
    /// Four items and their sum.
    Fan,
    /// A task that fails at first.
    Flaky,
    /// A task that fails for good, one that runs because of it, one that does not.
    Doomed,
    /// A task that lasts so long that its worker claims it.
    Long,
}

/// Task, and what must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Must {
    /// Name.
    pub(crate) task: &'static str,
    /// Needs, in the order in which the input names their outputs.
    pub(crate) needs: &'static [&'static str],
    /// Items, if it is mapped.
    pub(crate) items: Option<u32>,
    /// State that it ends in.
    pub(crate) state: &'static str,
}

impl Shape {
    /// A shape as often as it is worth.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        use Shape::{Chain, Doomed, Fan, Flaky, Foreign, Long, Program, Single};
        const ALL: [Shape; 20] = [
            Single, Single, Single, Single, Single, Single, Program, Program, Foreign, Foreign, Chain, Chain, Chain,
            Chain, Fan, Fan, Fan, Flaky, Doomed, Long,
        ];
        *dice.one_of(&ALL)
    }

    /// The job as it is submitted.
    pub(crate) fn document(self, id: &str, dice: &mut Dice) -> Value {
        let ms = dice.between(5, 120);
        let policy = json!({"timeout": "20s", "retry": {"max_attempts": 5, "delay": "200ms"}});
        let work = |up: Value| json!({"kind": WORK, "input": {"ms": ms, "up": up}});
        let mut job = match self {
            Self::Single => json!({"tasks": {"a": work(json!([]))}}),
            Self::Program => json!({"tasks": {"a": {"kind": PROGRAM, "queue": "programs", "input": {"up": []}}}}),
            Self::Foreign => {
                json!({"tasks": {"a": {"kind": "chaos.rpc", "queue": "rpc", "input": {"ms": ms, "up": []}}}})
            }
            Self::Chain => json!({"tasks": {
                "a": work(json!([])), "b": work(json!(["${{ tasks.a.output.run }}"])),
                "c": work(json!(["${{ tasks.a.output.run }}", "${{ tasks.b.output.run }}"])),
            }}),
            Self::Fan => json!({"tasks": {
                "map": {"for_each": [0, 1, 2, 3], "kind": WORK, "input": {"ms": ms, "up": [], "n": "${{ item }}"}},
                "sum": work(json!("${{ tasks.map.output }}")),
            }}),
            Self::Flaky => json!({"tasks": {"a": {"kind": WORK, "input": {"ms": ms, "up": [], "fail": 2}}}}),
            Self::Doomed => json!({"tasks": {
                "a": {"kind": WORK, "input": {"ms": ms, "up": [], "fail": 0}},
                "b": {"kind": WORK, "needs": "a", "run_on": "failure", "input": {"ms": ms, "up": []}},
                "c": {"kind": WORK, "needs": "a", "input": {"ms": ms, "up": []}},
            }}),
            Self::Long => {
                json!({"tasks": {"a": {"kind": WORK, "input": {"ms": 20 * ms + 2_000, "up": []}, "timeout": "60s"}}})
            }
        };
        job["id"] = json!(id);
        job["defaults"] = policy;
        job
    }

    /// State that the job ends in.
    pub(crate) fn state(self) -> &'static str {
        if self == Self::Doomed { "failed" } else { "succeeded" }
    }

    /// Tasks, each with the end that it must have.
    pub(crate) fn tasks(self) -> &'static [Must] {
        const fn must(task: &'static str, needs: &'static [&'static str], state: &'static str) -> Must {
            Must { task, needs, items: None, state }
        }
        const CHAIN: &[Must] =
            &[must("a", &[], "succeeded"), must("b", &["a"], "succeeded"), must("c", &["a", "b"], "succeeded")];
        const FAN: &[Must] =
            &[Must { task: "map", needs: &[], items: Some(4), state: "succeeded" }, must("sum", &["map"], "succeeded")];
        const DOOMED: &[Must] =
            &[must("a", &[], "failed"), must("b", &["a"], "succeeded"), must("c", &["a"], "skipped")];
        match self {
            Self::Chain => CHAIN,
            Self::Fan => FAN,
            Self::Doomed => DOOMED,
            _ => &CHAIN[..1],
        }
    }
}

/// The kind that code serves.
pub(crate) const WORK: &str = "chaos.work";
/// The kind that a program serves.
pub(crate) const PROGRAM: &str = "chaos.program";
