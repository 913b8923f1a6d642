//! Renewal: reading files of the configuration again while the process runs.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use warrener_runtime::health::Health;

use super::Access;
use super::identity::ServerIdentity;
use super::watched::{FromFile, LOOK_EVERY, Watched};

/// Longest time of a look before readiness tells of it. A file behind a network may take any time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the files of tokens and certificate again when they change, until told to stop. What cannot be used is said in
/// readiness, and the rules from before count.
pub(crate) async fn renew(
    access: Arc<Access>,
    identity: Option<Arc<Watched<ServerIdentity>>>,
    health: Health,
    stop: CancellationToken,
) {
    let tokens = watch(access.tokens().cloned(), "api.tokens_file", health.clone());
    let identity = watch(identity, "http.tls_cert", health);
    stop.run_until_cancelled(async { tokio::join!(tokens, identity) }).await;
}

/// Looks at files each second. Does nothing for `None`.
async fn watch<T: FromFile>(file: Option<Arc<Watched<T>>>, key: &'static str, health: Health) {
    let Some(file) = file else { return };
    let path = file.shown();
    let mut told = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let look = {
            let file = file.clone();
            tokio::task::spawn_blocking(move || file.look().map_err(|error| error.to_string()))
        };
        tokio::pin!(look);
        let outcome = match tokio::time::timeout(PATIENCE, &mut look).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                tell(&health, key, Some(format!("{path} does not answer for {seconds} s")), &mut told);
                look.await
            }
        };
        match outcome.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(is_new) => {
                if is_new {
                    tracing::info!(%path, "{key} was read again");
                }
                tell(&health, key, None, &mut told);
            }
            Err(why) => tell(&health, key, Some(why), &mut told),
        }
    }
}

/// Says in readiness what is wrong with a file, and once in the log. `told` is what was said last.
fn tell(health: &Health, key: &'static str, fault: Option<String>, told: &mut Option<String>) {
    if *told == fault {
        return;
    }
    if let Some(why) = &fault {
        tracing::error!("{key} cannot be used as it is now, what it said before still counts: {why}");
    }
    let note =
        fault.as_ref().map(|why| format!("{key} cannot be used as it is now, what it said before counts: {why}"));
    health.set_notes(key, note.into_iter().collect());
    *told = fault;
}
