//! `GET /jobs`: the list of jobs. The cursor is the number of the last job seen, in base 36.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use warrener_shared::id::JobNo;

use super::app::App;
use super::asked_by::AskedBy;
use super::job::JobResource;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::List;
use crate::access::Caller;
use crate::filter;
use crate::store::view::filter::Filter;
use crate::store::view::{JobOrder, Snapshot};

/// The part of the jobs that is asked for.
#[derive(Debug)]
pub(super) struct JobsWanted {
    filter: Filter,
    pub(super) order: JobOrder,
    before: Option<JobNo>,
    limit: usize,
}

impl JobsWanted {
    /// Parameters of a request as what they ask for, within what exists for the caller.
    pub(super) fn of(caller: &Caller, parameters: &Parameters) -> Result<Self, Problem> {
        let before = parameters.cursor(|text| i64::from_str_radix(text, 36).ok().filter(|no| *no > 0).map(JobNo))?;
        let wanted = Self::fitting(caller, parameters.get("q").unwrap_or(""), before, parameters.limit()?)?;
        Ok(Self { order: order(parameters)?, ..wanted })
    }

    /// The newest jobs that fit a filter, within what exists for the caller.
    pub(super) fn newest(caller: &Caller, filter: &str, limit: usize) -> Result<Self, Problem> {
        Self::fitting(caller, filter, None, limit)
    }

    fn fitting(caller: &Caller, filter: &str, before: Option<JobNo>, limit: usize) -> Result<Self, Problem> {
        let mut filter = filter::parse(filter).map_err(|why| Problem::parameter("q", why))?;
        filter.terms.extend(caller.only.iter().flat_map(|only| only.terms.iter().cloned()));
        Ok(Self { filter, order: JobOrder::Newest, before, limit })
    }

    /// Reads it.
    pub(super) fn read(&self, app: &App, snapshot: &mut Snapshot<'_>) -> Result<List<JobResource>, Problem> {
        let page = snapshot.jobs(&self.filter, self.order, self.before, self.limit, app.shared.now())?;
        let next_cursor = page.next.map(|place| base36(place.0));
        let items = page.items.into_iter().map(|job| JobResource::of(app, snapshot, job)).collect::<Result<_, _>>()?;
        Ok(List { items, next_cursor })
    }
}

/// Order that the parameter `sort` asks for.
fn order(parameters: &Parameters) -> Result<JobOrder, Problem> {
    match parameters.get("sort") {
        None | Some("newest" | "") => Ok(JobOrder::Newest),
        Some("oldest") => Ok(JobOrder::Oldest),
        Some(other) => Err(Problem::parameter("sort", format_args!("{other:?} is neither newest nor oldest"))),
    }
}

/// Page of the jobs that fit the filter, in the order that is asked for; for a confined caller only its own.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AskedBy(caller): AskedBy,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = JobsWanted::of(&caller, &parameters)?;
    app.answer(move |app, snapshot| wanted.read(app, snapshot)).await
}

/// Number in base 36, so that nobody takes the cursor for something with a meaning.
fn base36(mut number: i64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        let digit = u32::try_from(number % 36).expect("a digit");
        digits.push(char::from_digit(digit, 36).expect("a digit"));
        number /= 36;
    }
    digits.iter().rev().collect()
}
