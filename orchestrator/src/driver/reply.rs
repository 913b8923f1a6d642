//! The answers to submits: kept until the broker has them.

use warrener_engine::Slice;
use warrener_engine::row::{JobRow, Json};
use warrener_shared::id::JobNo;
use warrener_shared::wire::submit::{self, ReplyAddress};

use super::{Driver, Output, Reply};
use crate::store::{OwedReply, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Jobs are final: whoever waits for them gets the answer.
    pub(super) fn reply_finished(&mut self, jobs: &[JobNo], slice: &Slice) -> Result<(), StoreError> {
        let asked: Vec<JobNo> = jobs.iter().copied().filter(|job| !self.memory.nobody_waits(*job)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let mut replies = Vec::new();
        for owed in self.store.owed_replies(Some(&asked))? {
            let row = &slice.job(owed.job).expect("its last rule had it").row;
            replies.extend(self.reply(owed, row));
        }
        self.send_replies(replies);
        Ok(())
    }

    /// Answers that new submits of these jobs are owed.
    pub(super) fn reply_owed(&mut self, jobs: &[JobNo]) -> Result<(), StoreError> {
        let owed = if jobs.is_empty() { Vec::new() } else { self.store.owed_replies(Some(jobs))? };
        self.reply_each(owed)
    }

    /// After a reconnect: every answer that is owed and can be given.
    pub(super) fn reply_all(&mut self) -> Result<(), StoreError> {
        let owed = self.store.owed_replies(None)?;
        self.reply_each(owed)
    }

    fn reply_each(&mut self, owed: Vec<OwedReply>) -> Result<(), StoreError> {
        let mut replies = Vec::new();
        for owed in owed {
            if let Some(row) = self.store.job(owed.job)? {
                replies.extend(self.reply(owed, &row));
            }
        }
        self.send_replies(replies);
        Ok(())
    }

    fn send_replies(&self, replies: Vec<Reply>) {
        if !replies.is_empty() {
            self.send(Output::Reply(replies));
        }
    }

    /// The answer, if it can be given, and is neither on its way nor there.
    fn reply(&mut self, owed: OwedReply, row: &JobRow) -> Option<Reply> {
        let due = owed.accepted || row.state.is_final();
        if !due || self.replied.contains(&owed.no) || !self.replying.insert(owed.no) {
            return None;
        }
        let to = ReplyAddress { queue: owed.reply_to, correlation_id: owed.correlation_id };
        let id = row.id.as_str();
        let message = if owed.accepted {
            submit::accepted(&to, id)
        } else {
            let bytes = |json: &Option<Json>| json.clone().unwrap_or_else(|| Json::from(*b"null"));
            submit::finished(&to, id, row.state, &bytes(&row.output), &bytes(&row.error))
        };
        Some(Reply { no: owed.no, reply_to: to.queue, message })
    }
}
