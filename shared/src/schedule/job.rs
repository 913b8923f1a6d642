//! The job of a schedule, and what it becomes at a tick.

use std::collections::BTreeMap;

use super::job_id;
use crate::error::code;
use crate::expr::{ExprError, Scope, Template};
use crate::id::{JobId, ScheduleName};
use crate::job::raw::Raw;
use crate::json::{Doc, ObjectWriter, push_string};
use crate::limits::Limits;
use crate::time::Timestamp;

/// The job of a schedule, known to be sound as far as no expression in its input decides.
#[derive(Clone, Debug)]
pub struct TickJob {
    pub(super) body: Doc,
    pub(super) input: Option<Template>,
}

/// A tick as expressions see it: `schedule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickScope<'a> {
    /// `schedule.name`.
    pub name: &'a ScheduleName,
    /// `schedule.tick`, RFC 3339 in UTC.
    pub tick: Timestamp,
    /// `schedule.local`, the same with the offset of the schedule's zone.
    pub local: String,
    /// `schedule.number`, from 1.
    pub number: u64,
    /// `schedule.last_success`: the latest tick whose job succeeded, or null.
    pub last_success: Option<Timestamp>,
    /// Number of the run of this tick, from 1; a backfill can run it again.
    pub run: u32,
}

impl TickJob {
    /// The job as it was written.
    pub fn source(&self) -> &Doc {
        &self.body
    }

    /// The document of the job of a tick, and its id.
    ///
    /// # Errors
    /// [`ExprError`] if an expression has no value, or the document becomes too large.
    pub fn render(&self, scope: &TickScope<'_>, limits: &Limits) -> Result<(JobId, Vec<u8>), ExprError> {
        let id = job_id(scope.name, scope.tick, scope.run);
        let input = self.input.as_ref().map(|input| input.render(&expression_scope(&scope.document()), limits));
        let input = input.transpose()?;
        let document = self.written(&id, scope, input.as_deref(), limits.submit_bytes);
        let document = document.map_err(|_| ExprError {
            code: code::TOO_LARGE,
            message: format!("the job of the tick is larger than {} bytes", limits.submit_bytes),
        })?;
        Ok((id, document))
    }

    fn written(
        &self,
        id: &JobId,
        scope: &TickScope<'_>,
        input: Option<&[u8]>,
        most: usize,
    ) -> Result<Vec<u8>, crate::json::TooLarge> {
        let mut out = ObjectWriter::new(most);
        out.push("id", Doc::text(id.as_str()).bytes())?;
        let mut labels = None;
        for entry in Raw::checked(self.body.bytes()).entries() {
            match &*entry.key {
                "$schema" => {}
                "labels" => labels = Some(entry.value),
                "input" => out.push("input", input.unwrap_or_else(|| entry.value.bytes()))?,
                key => out.push(key, entry.value.bytes())?,
            }
        }
        let mut all = ObjectWriter::new(most);
        for entry in labels.into_iter().flat_map(Raw::entries) {
            all.push(&entry.key, entry.value.bytes())?;
        }
        all.push("schedule", Doc::text(scope.name.as_str()).bytes())?;
        all.push("tick", Doc::text(&shown(scope.tick)).bytes())?;
        out.push("labels", &all.finish()?)?;
        out.finish()
    }
}

impl TickScope<'_> {
    /// The value of `schedule`.
    fn document(&self) -> Doc {
        let mut text = Vec::new();
        let mut field = |key: &str, value: Option<&str>| {
            text.extend_from_slice(if text.is_empty() { b"{" } else { b"," });
            push_string(&mut text, key);
            text.push(b':');
            match value {
                Some(value) => push_string(&mut text, value),
                None => text.extend_from_slice(b"null"),
            }
        };
        field("name", Some(self.name.as_str()));
        field("tick", Some(&shown(self.tick)));
        field("local", Some(&self.local));
        field("last_success", self.last_success.map(shown).as_deref());
        text.extend_from_slice(format!(",\"number\":{}}}", self.number).as_bytes());
        Doc::trusted(text)
    }
}

/// A tick as people read it: RFC 3339 in UTC, to the second.
fn shown(tick: Timestamp) -> String {
    tick.to_rfc3339().replace(".000Z", "Z")
}

fn expression_scope(schedule: &Doc) -> Scope<'_> {
    static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();
    static NULL: std::sync::LazyLock<Doc> = std::sync::LazyLock::new(Doc::null);
    Scope {
        input: &NULL,
        job_id: "",
        job_name: None,
        job_labels: &NO_LABELS,
        tasks: BTreeMap::new(),
        item: None,
        round: None,
        schedule: Some(schedule),
        task: None,
    }
}
