//! The answers to submits: kept until the broker has them.

use warrener_engine::Slice;
use warrener_engine::row::{JobRow, Json};
use warrener_shared::id::JobNo;
use warrener_shared::wire::submit::{self, ReplyAddress};

use super::{Driver, Output};
use crate::store::{OwedReply, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Jobs are final: whoever waits for them gets the answer.
    pub(super) fn reply_finished(&mut self, jobs: &[JobNo], slice: &mut Slice) -> Result<(), StoreError> {
        if jobs.is_empty() {
            return Ok(());
        }
        for owed in self.store.owed_replies_of(jobs)? {
            let row = slice.job(owed.job).expect("its last rule had it").row.clone();
            self.reply(&owed, &row);
        }
        Ok(())
    }

    /// Answers that a new submit of this job is owed.
    pub(super) fn reply_owed(&mut self, job: JobNo) -> Result<(), StoreError> {
        let Some(row) = self.store.job(job)? else { return Ok(()) };
        for owed in self.store.owed_replies(Some(job))? {
            self.reply(&owed, &row);
        }
        Ok(())
    }

    /// After a reconnect: every answer that is owed and can be given.
    pub(super) fn reply_all(&mut self) -> Result<(), StoreError> {
        for owed in self.store.owed_replies(None)? {
            if let Some(row) = self.store.job(owed.job)? {
                self.reply(&owed, &row);
            }
        }
        Ok(())
    }

    fn reply(&mut self, owed: &OwedReply, row: &JobRow) {
        let due = owed.accepted || row.state.is_final();
        if !due || !self.replying.insert(owed.no) {
            return;
        }
        let to = ReplyAddress { queue: owed.reply_to.clone(), correlation_id: owed.correlation_id.clone() };
        let id = row.id.as_str();
        let message = if owed.accepted {
            submit::accepted(&to, id)
        } else {
            let bytes = |json: &Option<Json>| json.clone().unwrap_or_else(|| Json::from(*b"null"));
            submit::finished(&to, id, row.state, &bytes(&row.output), &bytes(&row.error))
        };
        self.send(Output::Reply { no: owed.no, reply_to: owed.reply_to.clone(), message: Box::new(message) });
    }
}
