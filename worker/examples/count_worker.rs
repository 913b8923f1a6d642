//! A whole worker: it counts words.
use warrener_worker::{Failure, Worker, WorkerError};

async fn count(text: String) -> Result<usize, Failure> {
    Ok(text.split_whitespace().count())
}

#[tokio::main]
async fn main() -> Result<(), WorkerError> {
    Worker::from_env().handle("text.count", |_ctx, text: String| count(text)).run().await
}
