use std::time::Duration;

use serde_json::json;

use crate::{Context, Failure, Worker};

async fn work(context: Context, ms: u64) -> Result<String, Failure> {
    context.progress(1.0, 2.0, "begun");
    let stop = context.cancelled();
    match stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(ms))).await {
        Some(()) => {
            Ok(format!("{}/{} {} of {}", context.job(), context.task(), context.attempt(), context.max_attempts()))
        }
        None => Err(Failure::new("woken", "woken up early")),
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_sees_what_a_worker_would_show_it() {
    let worker = Worker::test().handle("work", work);
    let tried = worker.attempt("work", &10).of("j", "map.3").number(2, 3).run().await;
    assert_eq!(tried.progress().and_then(|progress| progress.note.as_deref()), Some("begun"));
    assert_eq!(tried.json().map(|json| json.get()), Some("\"j/map.3 2 of 3\""));
    assert_eq!(tried.output::<String>().unwrap(), "j/map.3 2 of 3");
}

#[tokio::test(start_paused = true)]
async fn its_ends_are_those_of_a_worker() {
    let worker = Worker::test().handle("work", work).handle("panic", |_, (): ()| async {
        if true {
            panic!("boo");
        }
        Ok::<_, Failure>(())
    });
    let limit = Duration::from_millis(5);
    let code = |tried: super::Tried| tried.failure().map(|failure| failure.code().to_owned());
    assert_eq!(code(worker.attempt("work", &10).timeout(limit).run().await).as_deref(), Some("timed_out"));
    assert_eq!(code(worker.attempt("work", &10).stopped_after(limit).run().await).as_deref(), Some("cancelled"));
    assert_eq!(code(worker.attempt("work", &json!({"ms": 1})).run().await).as_deref(), Some("bad_input"));
    assert_eq!(code(worker.attempt("panic", &()).run().await).as_deref(), Some("panicked"));
    assert_eq!(code(worker.attempt("other", &()).run().await).as_deref(), Some("unknown_kind"));
}
