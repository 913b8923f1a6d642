//! The verdict over a history, in the manner of Jepsen's total-queue: what goes in must come out, once, and only what
//! went in.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{End, Ending, History, Run, Sent};
use crate::shapes::Must;

/// Breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// `lost`, `stuck`, `stranger`, `twice`, `gap`, `invented`, `early`, `wrong`, `changed`, `unanswered`,
    /// `contradicted`, `dead` or `again`.
    pub(crate) rule: &'static str,
    /// The job and, in words, what of it.
    pub(crate) what: String,
}

/// Finds all breaches in a history.
pub(crate) fn judge(history: &History) -> Vec<Breach> {
    let mut runs: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in &history.runs {
        runs.entry(&run.job).or_default().push(run);
    }
    let mut court = Court { history, breaches: Vec::new() };
    for (id, sent) in &history.sent {
        match (history.ends.get(id), history.listed.get(id)) {
            (Some(end), Some(state)) => {
                court.check(*state == end.state, "changed", || format!("{id}: {} became {state}", end.state));
                court.job(id, sent, end, runs.get(id.as_str()).map_or(&[][..], Vec::as_slice));
            }
            (None, Some(state)) => court.say("stuck", format!("{id}: it is {state}")),
            (_, None) if sent.accepted.is_some() => {
                court.say("lost", format!("{id}: it was accepted and is not there"))
            }
            (_, None) => {}
        }
    }
    for id in history.listed.keys().filter(|id| !history.sent.contains_key(*id)) {
        court.say("stranger", format!("{id}: nobody submitted it"));
    }
    court.answers();
    court.calm();
    for (id, code) in &history.dead {
        let wanted = history.sent.get(id).is_some_and(|sent| sent.shape.state() == "failed");
        court.check(wanted, "dead", || format!("{id}: a dead letter with the code {code}"));
    }
    court.breaches
}

struct Court<'a> {
    history: &'a History,
    breaches: Vec<Breach>,
}

impl Court<'_> {
    fn say(&mut self, rule: &'static str, what: String) {
        self.breaches.push(Breach { rule, what });
    }

    fn check(&mut self, holds: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.say(rule, what());
        }
    }

    fn job(&mut self, id: &str, sent: &Sent, end: &End, runs: &[&Run]) {
        let wanted = sent.shape.state();
        self.check(end.state == wanted, "wrong", || format!("{id}: {} instead of {wanted}", end.state));
        self.events(id, end);
        let recorded: BTreeMap<&str, Option<&str>> =
            end.tasks.iter().map(|task| (task.task.as_str(), task.run.as_deref())).collect();
        for must in sent.shape.tasks() {
            for address in addresses(must) {
                let Some(task) = end.tasks.iter().find(|task| task.task == address) else {
                    self.say("lost", format!("{id}/{address}: it is not there"));
                    continue;
                };
                self.check(task.state == must.state, "wrong", || {
                    format!("{id}/{address}: {} instead of {}", task.state, must.state)
                });
                let own: Vec<_> = runs.iter().copied().filter(|run| run.task == address).collect();
                if must.state == "succeeded" && (must.items.is_none() || address.contains('.')) {
                    self.result(&format!("{id}/{address}"), task.run.as_deref(), &own);
                }
                self.check(must.state != "skipped" || own.is_empty(), "wrong", || format!("{id}/{address}: it ran"));
                let needed: Vec<_> = must.needs.iter().flat_map(|need| items_of(need, sent.shape.tasks())).collect();
                for run in own {
                    self.order(&format!("{id}/{address}"), run, &needed, &recorded, runs);
                }
            }
        }
    }

    /// Numbers without a gap, and one end for each task and for the job, which is last.
    fn events(&mut self, id: &str, end: &End) {
        let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
        for (place, event) in (1..).zip(&end.events) {
            self.check(event.sequence == place, "gap", || {
                format!("{id}: event {place} is numbered {}", event.sequence)
            });
            if FINAL.contains(&event.state.as_str()) {
                *ends.entry(&event.task).or_default() += 1;
            }
        }
        let tasks: BTreeSet<&str> = end.tasks.iter().map(|task| task.task.as_str()).chain([""]).collect();
        for task in tasks {
            let count = ends.remove(task).unwrap_or_default();
            self.check(count == 1, "twice", || format!("{id}/{task}: it ended {count} times"));
        }
        self.check(ends.is_empty(), "stranger", || format!("{id}: events of {:?}", ends.keys()));
        let last = end.events.last().is_some_and(|event| event.task.is_empty() && event.state == end.state);
        self.check(last, "twice", || format!("{id}: its end is not its last event: {:?}", end.events.last()));
    }

    /// A result that was recorded was given by a worker.
    fn result(&mut self, what: &str, recorded: Option<&str>, runs: &[&Run]) {
        let Some(recorded) = recorded else { return self.say("invented", format!("{what}: a success without output")) };
        let gave = |run: &&&Run| run.run == recorded && matches!(run.ended, Some((_, Ending::Gave)));
        let found = runs.iter().find(gave).is_some();
        self.check(found, "invented", || format!("{what}: no worker gave {recorded}"));
    }

    /// A run began after all that it needs was there, and saw what was recorded and nothing else.
    fn order(
        &mut self,
        what: &str,
        run: &Run,
        needed: &[String],
        recorded: &BTreeMap<&str, Option<&str>>,
        runs: &[&Run],
    ) {
        let mut seen = Vec::new();
        for need in needed {
            let word = recorded.get(need.as_str()).copied().flatten();
            let ended = runs.iter().filter(|other| other.task == *need && word.is_none_or(|word| other.run == word));
            let first = ended.filter_map(|other| other.ended.map(|(at, _)| at)).min();
            self.check(first.is_some_and(|at| at <= run.began), "early", || {
                format!("{what}: run {} began before {need} had ended", run.run)
            });
            seen.extend(word.map(str::to_owned));
        }
        self.check(run.up == seen, "twice", || {
            format!("{what}: run {} saw {:?}, recorded is {seen:?}", run.run, run.up)
        });
    }

    fn answers(&mut self) {
        let mut answered = BTreeSet::new();
        for answer in &self.history.answers {
            answered.insert(answer.job.as_str());
            if let Some(end) = self.history.ends.get(&answer.job)
                && end.state != answer.state
            {
                self.say("contradicted", format!("{}: told {}, recorded {}", answer.job, answer.state, end.state));
            }
        }
        if self.history.must_answer {
            let unanswered = self
                .history
                .sent
                .iter()
                .filter(|(id, sent)| sent.asks && sent.accepted.is_some() && !answered.contains(id.as_str()));
            for (id, _) in unanswered {
                self.say("unanswered", format!("{id}: its end was not told"));
            }
        }
    }

    /// Without faults nothing runs twice.
    fn calm(&mut self) {
        let mut gave: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for run in &self.history.runs {
            if matches!(run.ended, Some((at, Ending::Gave)) if at < self.history.calm_until) {
                *gave.entry((&run.job, &run.task)).or_default() += 1;
            }
        }
        for ((job, task), count) in gave.into_iter().filter(|(_, count)| *count > 1) {
            self.say("again", format!("{job}/{task}: it ran {count} times before there was any fault"));
        }
    }
}

/// The addresses of a task and its items.
fn addresses(must: &Must) -> Vec<String> {
    let items = (0..must.items.unwrap_or_default()).map(|index| format!("{}.{index}", must.task));
    std::iter::once(must.task.to_owned()).chain(items).collect()
}

/// Addresses of the results that a need stands for: its own, or those of its items.
fn items_of(need: &str, tasks: &[Must]) -> Vec<String> {
    let must = tasks.iter().find(|must| must.task == need);
    let items = must.and_then(|must| must.items);
    items.map_or_else(|| vec![need.to_owned()], |count| (0..count).map(|index| format!("{need}.{index}")).collect())
}

const FINAL: [&str; 5] = ["succeeded", "failed", "cancelled", "skipped", "timed_out"];
