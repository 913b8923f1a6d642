//! A job of many tasks, as a client sends it.

use std::fmt::Write as _;

/// A job of so many tasks, each with the one before as its need and its input.
pub(crate) fn chain(tasks: usize) -> String {
    let mut text = r#"{"tasks":{"t0":{"kind":"demo.echo","input":{"path":"/data/in"}}"#.to_owned();
    for task in 1..tasks {
        let before = task - 1;
        // Writing to a text can't fail.
        write!(text, r#","t{task}":{{"kind":"demo.echo","input":{{"from":"${{{{ tasks.t{before}.output }}}}"}}}}"#)
            .ok();
    }
    text + "}}"
}
