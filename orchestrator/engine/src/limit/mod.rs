//! Limits: how many attempts of a key may be open at once, and how many may begin in a span of time.
//!
//! - [`Limit`]: a limit as it was configured; [`Selector`]: the tasks that it counts.
//! - [`Rate`]: the arithmetic of a bucket that leaks.
//! - [`LimitBook`]: what each key holds, as committed; [`KeyState`] is the state of one.

mod book;
mod claim;
mod key;
mod rate;
mod selector;

use std::sync::Arc;

use warrener_shared::expr::{ExprError, Scope, Template};
use warrener_shared::id::{JobId, LimitName};
use warrener_shared::job::{BuiltIn, JobSpec, Problem, Shape, TaskSpec, code};
use warrener_shared::json::{Doc, Kind};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;

pub use self::book::{KeyRow, LimitBook, LimitChanges, Waiting};
pub use self::claim::{Claim, InLine, KeptClaims, SlotChange, SlotRow, WhenFull};
pub use self::key::{Full, KeySettings, KeyState, LimitKey};
pub use self::rate::Rate;
pub use self::selector::{Field, Pieces, Selector, SelectorTerm};

/// A limit as it was configured.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Name of the limit.
    pub name: LimitName,
    /// Tasks that it counts; `None` counts those alone that name it.
    pub on: Option<Selector>,
    /// Expression of the key; `None` is one key for all.
    pub key: Option<Template>,
    /// Attempts of a key that may be open at once.
    pub concurrency: Option<u32>,
    /// Attempts of a key, or their costs, that may begin in a span of time.
    pub rate: Option<Rate>,
    /// Expression of the cost of one attempt; `None` is 1.
    pub cost: Option<Template>,
    /// Consequence for a job that finds no slot, if the limit counts jobs, each from its first dispatch to its end;
    /// `None` if the limit counts attempts.
    pub per_job: Option<WhenFull>,
}

/// A task with its job, as far as limits look at it.
#[derive(Clone, Copy, Debug)]
pub struct TaskInJob<'a> {
    /// Id of the job.
    pub id: &'a JobId,
    /// Content of the job.
    pub job: &'a JobSpec,
    /// The task.
    pub task: &'a TaskSpec,
}

/// Share of a limit that an attempt takes.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The limit as it was when the share was taken.
    pub limit: Arc<Limit>,
    /// The key.
    pub key: LimitKey,
    /// Cost to the rate.
    pub cost: u32,
    /// True if the limit, or the task that names it, says what an attempt costs.
    pub is_priced: bool,
}

/// The key of a limit without keys.
pub const ONLY_KEY: &str = "*";

/// Shares that an attempt of a task takes.
pub type Holds = Arc<[Hold]>;

impl Limit {
    /// The share that an attempt of a task takes; `None` if the limit does not count it.
    fn hold(self: &Arc<Self>, of: TaskInJob<'_>, limits: &Limits) -> Option<Hold> {
        let named = of.task.policy.limits.iter().find(|limit| limit.name == self.name);
        if named.is_none() && !self.selects(of) {
            return None;
        }
        let key = match &self.key {
            None => ONLY_KEY.to_owned(),
            Some(key) => text(&key.resolve(&scope(of), limits).ok()?)?,
        };
        let own = || match &self.cost {
            Some(cost) => cost.resolve(&scope(of), limits).ok().and_then(|doc| number(&doc)),
            None => None,
        };
        let said = named.and_then(|named| named.cost);
        let is_priced = said.is_some() || self.cost.is_some();
        let cost = said.or_else(own).unwrap_or(1);
        Some(Hold { limit: self.clone(), key: LimitKey::new(&self.name, &key), cost, is_priced })
    }

    fn selects(&self, of: TaskInJob<'_>) -> bool {
        self.on.as_ref().is_some_and(|on| on.fits(of.job, of.task))
    }

    /// Problem of a task whose key is no scalar, or whose cost is no number of its range; `None` without one, or if the
    /// limit does not count the task.
    fn problem(&self, of: TaskInJob<'_>, limits: &Limits) -> Option<(&'static str, String)> {
        let named = of.task.policy.limits.iter().find(|limit| limit.name == self.name);
        if named.is_none() && !self.selects(of) {
            return None;
        }
        let value = |template: &Option<Template>| template.as_ref()?.resolve(&scope(of), limits).ok();
        let (name, task) = (&self.name, &of.task.name);
        match value(&self.key).map(|doc| doc.kind()) {
            Some(kind @ (Kind::List | Kind::Object)) => {
                let found = if kind == Kind::List { "a list" } else { "an object" };
                let detail =
                    format!("the key of limit {name} is {found} for task {task}; it is text, a number or a boolean");
                return Some((code::WRONG_TYPE, detail));
            }
            None | Some(Kind::Null) if self.key.is_some() => return None,
            _ => {}
        }
        let own = if named.is_some_and(|named| named.cost.is_some()) { None } else { value(&self.cost) };
        let is_cost = |doc: &Doc| {
            let most = f64::from(warrener_shared::limits::LIMIT_COST);
            serde_json::from_slice(doc.bytes()).is_ok_and(|cost: f64| (0.0..=most).contains(&cost))
        };
        let cost = own.filter(|doc| !is_cost(doc))?;
        let cost: String = String::from_utf8_lossy(cost.bytes()).chars().take(100).collect();
        let most = warrener_shared::limits::LIMIT_COST;
        Some((code::OUT_OF_RANGE, format!("the cost for limit {name} is {cost} for task {task}; it is 0 to {most}")))
    }
}

/// Problem of a job of which a limit cannot count a task: its key is no scalar, or its cost no number of its range.
pub fn uncountable(limits: &[Arc<Limit>], id: &JobId, job: &JobSpec, most: &Limits) -> Option<Problem> {
    let is_computed = |limit: &&Arc<Limit>| limit.key.is_some() || limit.cost.is_some();
    let computed: Vec<&Arc<Limit>> = limits.iter().filter(is_computed).collect();
    let tasks = job.tasks.iter().filter(|task| !computed.is_empty() && BuiltIn::of(&task.kind).is_none());
    let of = |task| TaskInJob { id, job, task };
    let (task, (code, detail)) = tasks
        .filter_map(|task| Some((task, computed.iter().find_map(|limit| limit.problem(of(task), most))?)))
        .next()?;
    let pointer = if job.shape == Shape::Single { String::new() } else { format!("/tasks/{}", task.name) };
    let hint = Some("give the job what the expression of the limit takes, or change the limit".to_owned());
    Some(Problem { pointer, code: code.to_owned(), detail, hint })
}

/// Shares that an attempt of a task takes, in the order of the limits. Built-in tasks take none: they run nowhere.
pub fn holds(limits: &[Arc<Limit>], of: TaskInJob<'_>, most: &Limits) -> Option<Holds> {
    if BuiltIn::of(&of.task.kind).is_some() {
        return None;
    }
    let holds: Vec<Hold> = limits.iter().filter_map(|limit| limit.hold(of, most)).collect();
    (!holds.is_empty()).then(|| holds.into())
}

/// Everything that an expression of a limit sees is known as soon as the job is.
fn scope(of: TaskInJob<'_>) -> Scope<'_> {
    Scope {
        input: &of.job.input,
        job_id: of.id.as_str(),
        job_name: of.job.name.as_deref(),
        job_labels: &of.job.labels,
        tasks: std::collections::BTreeMap::new(),
        item: None,
        round: None,
        schedule: None,
        task: Some((of.task.kind.as_str(), of.task.policy.queue.as_str())),
    }
}

/// The key that an expression gives for a task; null is the empty one.
pub(crate) fn key_text(template: &Template, of: TaskInJob<'_>, most: &Limits) -> Result<String, ExprError> {
    Ok(text(&template.resolve(&scope(of), most)?).unwrap_or_default())
}

/// The text of a key; null is none.
fn text(doc: &Doc) -> Option<String> {
    match doc.kind() {
        Kind::Null => None,
        Kind::Text => serde_json::from_slice(doc.bytes()).ok(),
        _ => Some(String::from_utf8_lossy(doc.bytes()).into_owned()),
    }
}

/// A cost that is no number of the range counts as the nearest that is.
fn number(doc: &Doc) -> Option<u32> {
    let number: f64 = serde_json::from_slice(doc.bytes()).ok()?;
    let most = f64::from(warrener_shared::limits::LIMIT_COST);
    Some(number.ceil().clamp(0.0, most) as u32)
}

/// Problem of a job that is submitted now and finds every slot of a limit taken which refuses jobs then; `None` without
/// one. `state` gives the state of the key of a share.
pub fn refusal(
    limits: &[Arc<Limit>],
    id: &JobId,
    job: &JobSpec,
    most: &Limits,
    state: impl Fn(&Hold) -> KeyState,
    now: Timestamp,
) -> Option<Problem> {
    let refusing: Vec<Arc<Limit>> =
        limits.iter().filter(|limit| limit.per_job == Some(WhenFull::Refuse)).cloned().collect();
    if refusing.is_empty() {
        return None;
    }
    let shares = job.tasks.iter().filter_map(|task| holds(&refusing, TaskInJob { id, job, task }, most));
    shares.flat_map(|holds| holds.to_vec()).find_map(|hold| {
        let Some(Full::Running(running, slots)) = state(&hold).full(&hold.limit, 1, now) else { return None };
        let (limit, key) = (hold.key.limit(), hold.key.key());
        Some(Problem {
            pointer: String::new(),
            code: code::LIMITED.to_owned(),
            detail: format!("limit {limit}, key {key}: {running} of {slots} jobs run"),
            hint: Some("submit it again when one of them has ended".to_owned()),
        })
    })
}
