//! What is known of tasks that kill their workers.

use super::prune::two_jobs;
use super::*;

fn death(task: i64, attempt: u32, worker: &str) -> Death {
    Death { task: TaskNo(task), attempt, worker: worker.into(), deliveries: None, at: NOW }
}

fn die(store: &mut dyn Store, deaths: Vec<Death>) {
    store.commit(&Commit { deaths, ..Commit::default() }).unwrap();
}

pub(super) fn deaths_are_kept_once_in_the_order_in_which_they_were_found(store: &mut dyn Store) {
    let told = Death { deliveries: Some(2), at: at(1), ..death(100, 1, "w1") };
    die(store, vec![death(100, 1, "w2"), death(101, 1, "w3")]);
    die(store, vec![told.clone(), death(100, 1, "w2"), death(100, 2, "w2")]);
    die(store, vec![death(100, 1, "w1")]);
    assert_eq!(store.deaths(TaskNo(100)).unwrap(), [death(100, 1, "w2"), told, death(100, 2, "w2")]);
    assert_eq!(store.deaths(TaskNo(102)).unwrap(), []);
}

pub(super) fn the_end_of_a_log_is_its_last_chunks(store: &mut dyn Store) {
    let chunk = |task, attempt, text: &str| LogChunk { task: TaskNo(task), attempt, time: NOW, text: text.to_owned() };
    let logs = vec![chunk(100, 1, "ab"), chunk(100, 2, "cd"), chunk(101, 1, "no"), chunk(100, 2, "ef")];
    store.commit(&Commit { logs, ..Commit::default() }).unwrap();
    let mut last = |bytes| -> String {
        store.last_logs(TaskNo(100), bytes).unwrap().into_iter().map(|chunk| chunk.text).collect()
    };
    assert_eq!([0, 1, 2, 3, 5, 9].map(&mut last), ["", "ef", "ef", "cdef", "abcdef", "abcdef"]);
    assert_eq!(store.last_logs(TaskNo(100), 1).unwrap(), [chunk(100, 2, "ef")]);
}

pub(super) fn deaths_go_with_their_task(store: &mut dyn Store) {
    store.commit(&two_jobs()).unwrap();
    die(store, vec![death(100, 1, "w1"), death(5001, 1, "w1"), death(200, 1, "w1")]);
    store.prune(at(9), 9).unwrap();
    assert_eq!([100, 5001, 200].map(|task| store.deaths(TaskNo(task)).unwrap().len()), [0, 0, 1]);
}
