//! How long a submitted document takes to become a job.

mod chain;
mod documents;
mod timer;

use warrener_shared::job::{JobSpec, SubmitContext, parse};
use warrener_shared::limits::Limits;

fn main() {
    for (name, document, units) in [
        ("a job of one task", documents::single(), 1),
        ("a job of 1,000 tasks, for each task", chain::chain(1_000), 1_000),
        ("a job of 100,000 items, for each item", documents::mapped(100_000), 100_000),
    ] {
        timer::time(name, units, || (), |()| parsed(&document));
    }
}

fn parsed(document: &str) -> JobSpec {
    parse(document.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).expect("the document is sound")
}
