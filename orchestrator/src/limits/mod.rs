//! Limits as people write them, in the configuration or over the API, and the book made of them and of the rows.

pub(crate) mod definition;
pub(crate) mod recollect;

use std::collections::BTreeMap;
use std::sync::Arc;

use warrener_engine::limit::{KeyState, Limit, LimitBook, LimitKey, refusal, uncountable};
use warrener_shared::expr::Template;
use warrener_shared::id::{JobId, LimitName, QueueName};
use warrener_shared::job::{JobSpec, Problem};
use warrener_shared::limits::Limits;
use warrener_shared::time::Timestamp;

pub use self::definition::LimitDefinition;
use self::definition::expression;

/// The limits of the configuration, and the book of all limits.
#[derive(Debug, Default)]
pub struct LimitRegister {
    /// Limits of the configuration; over the API they are only shown.
    pub(crate) configured: BTreeMap<LimitName, Arc<Limit>>,
    /// The same as they were written, to be shown.
    pub(crate) written: BTreeMap<LimitName, LimitDefinition>,
    /// Expressions by which queues are shared, by the name of the queue.
    pub(crate) fair: BTreeMap<String, Template>,
    /// The same as they were written, to be shown.
    pub(crate) fair_by: BTreeMap<QueueName, String>,
    /// Book of what each key holds.
    pub(crate) book: Arc<LimitBook>,
}

impl LimitRegister {
    /// A register with the limits of the configuration, which were checked.
    pub(crate) fn new(written: BTreeMap<LimitName, LimitDefinition>) -> Self {
        let compiled = |(name, definition): (&LimitName, &LimitDefinition)| {
            definition.compile(name).ok().map(|limit| (name.clone(), Arc::new(limit)))
        };
        let configured = written.iter().filter_map(compiled).collect();
        Self { configured, written, ..Self::default() }
    }

    /// The same with queues that are shared by the keys that these expressions give, which were checked.
    pub(crate) fn sharing(self, fair_by: &BTreeMap<QueueName, String>) -> Self {
        let compiled = |(queue, text): (&QueueName, &String)| Some((queue.to_string(), expression(text).ok()?));
        let fair: BTreeMap<String, Template> = fair_by.iter().filter_map(compiled).collect();
        self.book.share(fair.clone());
        Self { fair, fair_by: fair_by.clone(), ..self }
    }

    /// Problem of a job of which a limit cannot count a task; `None` without one.
    pub(crate) fn uncountable(&self, spec: &JobSpec, most: &Limits) -> Option<Problem> {
        // One without an id gets it only when it is kept.
        let id = spec.id.clone().unwrap_or_else(|| JobId::new("new").expect("a sound id"));
        uncountable(&self.book.limits(), &id, spec, most)
    }

    /// Problem of a job that is submitted now and finds every slot of a limit taken which refuses jobs then; `None`
    /// without one. `state` gives the state of a key.
    pub(crate) fn turned_away(
        &self,
        spec: &JobSpec,
        most: &Limits,
        state: impl Fn(&LimitKey) -> KeyState,
        now: Timestamp,
    ) -> Option<Problem> {
        let id = spec.id.clone().unwrap_or_else(|| JobId::new("new").expect("a sound id"));
        refusal(&self.book.limits(), &id, spec, most, |hold| state(&hold.key), now)
    }
}
