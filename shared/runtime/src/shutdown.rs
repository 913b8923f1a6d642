//! Asking a process to end: politely at first, at once the second time.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::{fmt, io};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The wish to end, shared by all parts of a process.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    exit_code: Arc<AtomicI32>,
    last_act: LastAct,
}

/// The function that is still called when the process ends at once.
#[derive(Clone, Default)]
struct LastAct(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for LastAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastAct").field(&self.0.get().is_some()).finish()
    }
}

impl Shutdown {
    /// A wish that only [`Shutdown::request`] expresses; for tests and for parts of a larger process.
    pub fn manual() -> Self {
        Self::default()
    }

    /// Listens for SIGTERM and SIGINT. The first expresses the wish; the second ends the process at once
    /// with 143 or 130, as a shell reports the signal.
    ///
    /// # Errors
    /// If the process cannot listen for signals.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::default();
        let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(shutdown.clone().listen(signals));
        Ok(shutdown)
    }

    async fn listen(self, (mut terminate, mut interrupt): (Signal, Signal)) {
        let first = next(&mut terminate, &mut interrupt).await;
        self.exit_code.store(first, Ordering::Relaxed);
        tracing::info!("asked to end; a second signal ends at once");
        self.token.cancel();
        let second = next(&mut terminate, &mut interrupt).await;
        tracing::warn!("asked again: ending at once");
        if let Some(act) = self.last_act.0.get() {
            act();
        }
        std::process::exit(second);
    }

    /// Does this before the second signal ends the process, such as killing child processes, which would go on
    /// otherwise. Only the first call counts.
    pub fn before_ending_at_once(&self, act: impl Fn() + Send + Sync + 'static) {
        self.last_act.0.get_or_init(|| Box::new(act));
    }

    /// Expresses the wish to end.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Tells whether the shutdown was asked for, by a signal or in code.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns once the wish has been expressed.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// A token that is cancelled with the wish. Cancelling a child of it does not end the process.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Exit code that a shell expects of a process ended by the signal that came: 143 (SIGTERM) or 130 (SIGINT); `None`
    /// before a signal.
    pub fn signal_exit_code(&self) -> Option<i32> {
        Some(self.exit_code.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> i32 {
    tokio::select! {
        _ = terminate.recv() => TERMINATED,
        _ = interrupt.recv() => INTERRUPTED,
    }
}

/// 128 + SIGTERM.
const TERMINATED: i32 = 143;
/// 128 + SIGINT.
const INTERRUPTED: i32 = 130;

#[cfg(test)]
mod tests;
