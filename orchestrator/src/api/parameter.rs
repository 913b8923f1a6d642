//! Parameters of queries, as the table of routes names them and the document of the API shows them.

use serde_json::{Value, json};

/// A parameter of a query.
#[derive(Debug)]
pub(super) struct QueryParameter {
    /// Name.
    pub(super) name: &'static str,
    /// Purpose, in a sentence.
    pub(super) about: &'static str,
    /// Schema of the value.
    pub(super) schema: fn() -> Value,
    /// Value that it may have.
    pub(super) example: fn() -> Value,
}

/// Parameter: place at which a list goes on.
pub(super) const CURSOR: &QueryParameter = &QueryParameter {
    name: "cursor",
    about: "The `next_cursor` of the page before. Without it the list begins.",
    schema: || json!({ "type": "string" }),
    example: || json!("1"),
};
/// Parameter: elements of a page.
pub(super) const LIMIT: &QueryParameter = &QueryParameter {
    name: "limit",
    about: "Elements on a page at most.",
    schema: || json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT }),
    example: || json!(100),
};
/// Parameter: filter of jobs.
pub(super) const FILTER: &QueryParameter = &QueryParameter {
    name: "q",
    about: "Terms that must all hold: `state`, `kind`, `queue`, `label.<name>`, `name`, `id`, `created`. `,` is or, a \
            `-` in front negates, `*` stands for any text.",
    schema: || json!({ "type": "string" }),
    example: || json!("state:failed kind:ml.* label.team:growth created:>1h"),
};
/// Parameter: order of a list of jobs.
pub(super) const SORT: &QueryParameter = &QueryParameter {
    name: "sort",
    about: "The latest or the first submitted job first. A cursor goes on in the order that it came from.",
    schema: || json!({ "type": "string", "enum": ["newest", "oldest"], "default": "newest" }),
    example: || json!("oldest"),
};
/// Parameter: filter of the audit.
pub(super) const AUDIT_FILTER: &QueryParameter = &QueryParameter {
    name: "q",
    about: "Terms that must all hold: `who`, `from`, `verb`, `target`, `outcome`, `time`. `,` is or, a `-` in front \
            negates, `*` stands for any text.",
    schema: || json!({ "type": "string" }),
    example: || json!("who:ci verb:job.* time:<1d"),
};
/// Parameter: filter of delayed messages.
pub(super) const DELAYED_FILTER: &QueryParameter = &QueryParameter {
    name: "q",
    about: "Terms that must all hold: `exchange`, `key`, `received`. `,` is or, a `-` in front negates, `*` stands for \
            any text.",
    schema: || json!({ "type": "string" }),
    example: || json!("exchange:orders.* key:order.new received:>1h"),
};
/// Parameter: filter of the keys of a limit.
pub(super) const KEY_FILTER: &QueryParameter = &QueryParameter {
    name: "q",
    about: "Terms `key:` that must all hold. `,` is or, a `-` in front negates, `*` stands for any text.",
    schema: || json!({ "type": "string" }),
    example: || json!("key:acme*"),
};
/// A filter of events.
pub(super) const EVENT_FILTER: &QueryParameter = &QueryParameter {
    name: "q",
    about: "Terms that must all hold: `type`, and those about jobs: `state`, `kind`, `queue`, `label.<name>`, `name`, \
            `id`, `parent`, `created`. `,` is or, a `-` in front negates, `*` stands for any text.",
    schema: || json!({ "type": "string" }),
    example: || json!("type:task.failed,job.* label.team:growth"),
};
/// Tells whether what comes is told too.
pub(super) const FOLLOW: &QueryParameter = &QueryParameter {
    name: "follow",
    about: "Answers with server-sent events that go on until all of it is over.",
    schema: || json!({ "type": "boolean", "default": false }),
    example: || json!(true),
};
/// Place at which a stream goes on.
pub(super) const AFTER: &QueryParameter = &QueryParameter {
    name: "cursor",
    about: "The id of an event: the stream goes on after it. Without it, it begins with what happens next.",
    schema: || json!({ "type": "string" }),
    example: || json!("1"),
};
/// Parameter: items of mapped tasks are listed too.
pub(super) const ITEMS: &QueryParameter = &QueryParameter {
    name: "items",
    about: "Lists the items of mapped tasks too, each after its task.",
    schema: || json!({ "type": "boolean", "default": false }),
    example: || json!(true),
};
/// Parameter: a submit is only judged.
pub(super) const DRY_RUN: &QueryParameter = &QueryParameter {
    name: "dry_run",
    about: "Says what would become of the job, and keeps nothing.",
    schema: || json!({ "type": "boolean", "default": false }),
    example: || json!(true),
};
/// Parameter: time for which a submit waits for the end of its job.
pub(super) const WAIT: &QueryParameter = &QueryParameter {
    name: "wait",
    about: "Answers once the job is final (200), or after this time at the latest (202): a duration up to 10m.",
    schema: || json!({ "type": "string" }),
    example: || json!("1s"),
};

/// Parameter: time for which an answer is kept.
pub(super) const KEEP: &QueryParameter = &QueryParameter {
    name: "keep",
    about: "Gives the answer to tasks that begin to wait within this time too: a duration up to 30d.",
    schema: || json!({ "type": "string" }),
    example: || json!("1h"),
};

/// Parameter: ticks of a preview.
pub(super) const TICKS: &QueryParameter = &QueryParameter {
    name: "n",
    about: "Ticks to show.",
    schema: || json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 10 }),
    example: || json!(3),
};

/// Elements of a page unless given.
pub(super) const LIMIT_DEFAULT: usize = 50;
/// Most elements of a page.
pub(super) const LIMIT_MAX: usize = 1_000;
