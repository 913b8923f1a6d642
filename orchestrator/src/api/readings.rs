//! Readings: what was read a moment ago, given to whoever asks for the same, so that many who look cost no more than
//! one.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::problem::Problem;
use crate::store::view::filter::Filter;

/// Time for which a reading is given to others.
const FRESH: Duration = Duration::from_secs(1);

/// Readings of the last moment: of each sort of value, one for each filter of a caller.
#[derive(Debug, Default)]
pub(super) struct Readings {
    kept: Mutex<Vec<KeptReading>>,
}

#[derive(Debug)]
struct KeptReading {
    only: Filter,
    read_at: Instant,
    value: Arc<dyn Any + Send + Sync>,
}

impl Readings {
    /// Value for a caller with this filter, at most [`FRESH`] old; made by `read` where there is none. Who asks
    /// meanwhile waits for the same reading, without a place among the readers of the database.
    pub(super) async fn read<T: Any + Send + Sync>(
        &self,
        only: &Filter,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Arc<T>, Problem> {
        let mut kept = self.kept.lock().await;
        kept.retain(|one| one.read_at.elapsed() < FRESH);
        let same = kept.iter().filter(|one| one.only == *only);
        if let Some(value) = same.filter_map(|one| one.value.clone().downcast().ok()).next() {
            return Ok(value);
        }
        let value = Arc::new(read.await?);
        kept.push(KeptReading { only: only.clone(), read_at: Instant::now(), value: value.clone() });
        Ok(value)
    }
}
