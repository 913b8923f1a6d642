//! What is due, and what is owed.

use warrener_engine::row::WaitsFor;

use super::*;

fn waking(no: i64, wake: i64) -> TaskRow {
    TaskRow { state: TaskState::Retrying, wake_at: Some(at(wake)), ..task(no) }
}

fn waking_job(no: i64, wake: Option<i64>) -> JobRow {
    JobRow { wake_at: wake.map(at), ..job(no) }
}

pub(super) fn due_tasks_come_earliest_first(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![waking(100, 3), waking(101, 1), waking(102, 2), task(103)])).unwrap();
    let due = |store: &mut dyn Store, now, most| -> Vec<i64> {
        store.due_tasks(at(now), most).unwrap().into_iter().map(|task| task.0).collect()
    };
    assert_eq!(due(store, 0, 9), [0_i64; 0]);
    assert_eq!(due(store, 2, 9), [101, 102]);
    assert_eq!(due(store, 9, 2), [101, 102]);
    store.commit(&changed(vec![], vec![succeeded(101, "1"), waking(100, 1)])).unwrap();
    assert_eq!(due(store, 9, 9), [100, 102]);
}

pub(super) fn due_jobs_come_earliest_first(store: &mut dyn Store) {
    let jobs = [Some(3), Some(1), Some(2), None].into_iter().zip(1..).map(|(wake, no)| waking_job(no, wake));
    store.commit(&new(jobs.collect(), vec![])).unwrap();
    assert_eq!(store.due_jobs(at(0), 9).unwrap(), []);
    assert_eq!(store.due_jobs(at(2), 9).unwrap(), [JobNo(2), JobNo(3)]);
    assert_eq!(store.due_jobs(at(9), 1).unwrap(), [JobNo(2)]);
    store.commit(&changed(vec![waking_job(2, None), waking_job(4, Some(0))], vec![])).unwrap();
    assert_eq!(store.due_jobs(at(9), 9).unwrap(), [JobNo(4), JobNo(3), JobNo(1)]);
}

pub(super) fn the_next_due_is_the_earliest_of_all(store: &mut dyn Store) {
    assert_eq!(store.next_due().unwrap(), None);
    store.commit(&new(vec![waking_job(1, Some(5))], vec![task(100)])).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at(5)));
    store.commit(&changed(vec![], vec![waking(100, 3)])).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at(3)));
    store.commit(&changed(vec![waking_job(1, Some(2))], vec![])).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at(2)));
    store.commit(&changed(vec![waking_job(1, None)], vec![succeeded(100, "1")])).unwrap();
    assert_eq!(store.next_due().unwrap(), None);
}

/// Two open jobs and one that is over, all with both answers owed.
fn with_replies(store: &mut dyn Store) {
    let mut commit = new(vec![job(1), job(2), ended_job(3, NOW)], vec![]);
    commit.owed = vec![owed(1, true), owed(1, false), owed(2, false), owed(3, true), owed(3, false)];
    store.commit(&commit).unwrap();
}

fn told(replies: Vec<OwedReply>) -> Vec<(i64, bool)> {
    let mut told: Vec<_> = replies.into_iter().map(|reply| (reply.job.0, reply.accepted)).collect();
    told.sort_unstable();
    told
}

fn due(store: &mut dyn Store) -> Vec<(i64, bool)> {
    let numbers: Vec<i64> = store.due_replies(0, 100).unwrap().into_iter().map(|(no, _)| no).collect();
    told(store.replies(&numbers).unwrap())
}

pub(super) fn owed_replies_are_found_by_job(store: &mut dyn Store) {
    with_replies(store);
    let replies = store.owed_replies(&[JobNo(1)]).unwrap();
    let [first, second] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!((&first.reply_to[..], first.correlation_id.as_deref()), ("q", Some("c")));
    assert!(first.no != 0 && second.no != 0 && first.no != second.no);
    assert_eq!(told(replies.clone()), [(1, false), (1, true)]);
    assert_eq!(told(store.owed_replies(&[JobNo(9)]).unwrap()), []);
    let given = Commit { replied: vec![first.no], ..Commit::default() };
    store.commit(&given).unwrap();
    assert_eq!(store.owed_replies(&[JobNo(1)]).unwrap(), std::slice::from_ref(second));
    // The same confirm may come twice.
    store.commit(&given).unwrap();
    assert_eq!(store.owed_replies(&[JobNo(1)]).unwrap(), std::slice::from_ref(second));
}

pub(super) fn owed_replies_of_several_jobs_are_found_at_once(store: &mut dyn Store) {
    with_replies(store);
    let mut both = store.owed_replies(&[JobNo(1), JobNo(9), JobNo(2)]).unwrap();
    let mut alone = [1, 2].map(|job| store.owed_replies(&[JobNo(job)]).unwrap()).concat();
    both.sort_by_key(|reply| reply.no);
    alone.sort_by_key(|reply| reply.no);
    assert!(!alone.is_empty());
    assert_eq!(both, alone);
}

pub(super) fn owed_replies_that_can_be_given_are_found(store: &mut dyn Store) {
    with_replies(store);
    assert_eq!(due(store), [(1, true), (3, false), (3, true)]);
    store.commit(&changed(vec![ended_job(2, NOW)], vec![])).unwrap();
    assert_eq!(due(store), [(1, true), (2, false), (3, false), (3, true)]);
    let refusal = OwedReply { refusal: Some(Arc::from(*b"{}")), owed_at: at(7), ..owed(-5, false) };
    store.commit(&Commit { owed: vec![refusal.clone()], ..Commit::default() }).unwrap();
    let found = store.owed_replies(&[JobNo(-5)]).unwrap();
    assert_eq!(found, [OwedReply { no: found[0].no, ..refusal }]);
    assert_eq!(due(store).first(), Some(&(-5, false)), "it is owed at once, and belongs to no job");
    // In pages.
    let all = store.due_replies(0, 100).unwrap();
    assert_eq!(all.len(), 5);
    assert_eq!([store.due_replies(0, 2).unwrap(), store.due_replies(all[1].0, 100).unwrap()].concat(), all);
    assert!(all.iter().all(|(_, reply_to)| reply_to == "q"));
    assert_eq!(store.replies(&[all[4].0, 999]).unwrap().len(), 1);
}

pub(super) fn a_number_of_a_reply_is_given_once(store: &mut dyn Store) {
    with_replies(store);
    let all = store.owed_replies(&[JobNo(3)]).unwrap();
    let last = all.iter().map(|reply| reply.no).max().unwrap();
    store.commit(&Commit { replied: vec![last], ..Commit::default() }).unwrap();
    store.commit(&Commit { owed: vec![owed(2, true)], ..Commit::default() }).unwrap();
    // A late second confirm of the last one must not take the new one for given.
    store.commit(&Commit { replied: vec![last], ..Commit::default() }).unwrap();
    assert_eq!(told(store.owed_replies(&[JobNo(2)]).unwrap()), [(2, false), (2, true)]);
}

pub(super) fn timers_that_count_a_span_follow_the_clock(store: &mut dyn Store) {
    let sleeping = |no, waits_for| TaskRow {
        state: TaskState::Dispatched,
        attempt: 1,
        wake_at: Some(at(20)),
        waits_for: Some(waits_for),
        ..task(no)
    };
    let ready = TaskRow { start_by: Some(at(5)), wake_at: Some(at(5)), ..ready(100, 1) };
    let rows = vec![ready, sleeping(101, WaitsFor::Time(at(20))), sleeping(102, WaitsFor::Span(at(20))), task(103)];
    let running = JobRow { deadline_at: Some(at(9)), ..waking_job(1, Some(9)) };
    let scheduled = JobRow { state: JobState::Scheduled, ..waking_job(2, Some(9)) };
    let delayed = JobRow { scheduled_at: Some(at(12)), after_delay: true, ..waking_job(3, Some(12)) };
    let delayed = JobRow { state: JobState::Scheduled, ..delayed };
    store.commit(&new(vec![running, scheduled, delayed], rows)).unwrap();
    store.shift(60_000, at(61)).unwrap();
    assert_eq!(store.boot().unwrap().seen_at, Some(at(61)));
    let found = store.tasks(TaskNo(100), 4).unwrap();
    let times = |row: &TaskRow| (row.wake_at, row.start_by);
    assert_eq!(times(&found[0]), (Some(at(65)), Some(at(65))));
    assert_eq!((times(&found[1]), &found[1].waits_for), ((Some(at(20)), None), &Some(WaitsFor::Time(at(20)))));
    assert_eq!((times(&found[2]), &found[2].waits_for), ((Some(at(80)), None), &Some(WaitsFor::Span(at(80)))));
    assert_eq!(times(&found[3]), (None, None));
    let job = |store: &mut dyn Store, no| store.job(JobNo(no)).unwrap().unwrap();
    assert_eq!((job(store, 1).wake_at, job(store, 1).deadline_at), (Some(at(69)), Some(at(69))));
    assert_eq!(job(store, 2).wake_at, Some(at(9)), "a time of day");
    assert_eq!((job(store, 3).wake_at, job(store, 3).scheduled_at), (Some(at(72)), Some(at(72))));
    assert_eq!(store.next_due().unwrap(), Some(at(9)));
    assert_eq!(store.due_tasks(at(64), 9).unwrap(), [TaskNo(101)]);
}
