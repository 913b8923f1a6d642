//! What the peers in Rust share: the command line, the driver's protocol, the pipe of finished tasks.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use lapin::options::QueueDeleteOptions;
use lapin::{Connection, ConnectionProperties};
use serde_json::{Value, json};

/// What may go wrong: the run ends with it.
pub type Whatever = Box<dyn Error + Send + Sync>;

/// The command line, the same for every peer.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// What this process is.
    pub mode: Mode,
    /// The broker's address.
    #[arg(long)]
    pub url: String,
    /// The results' address; neither peer here has results.
    #[arg(long)]
    pub redis: Option<String>,
    /// The queue, and what the names of others start with.
    #[arg(long)]
    pub queue: String,
    /// The pipe of finished tasks.
    #[arg(long)]
    pub done: PathBuf,
    /// Tasks of a round of `forget` and `single`.
    #[arg(long, default_value_t = 5000)]
    pub tasks: usize,
    /// Tasks of the warm-up.
    #[arg(long, default_value_t = 500)]
    pub warm: usize,
    /// Round trips of one task.
    #[arg(long, default_value_t = 200)]
    pub trips: usize,
    /// Chains of three.
    #[arg(long, default_value_t = 100)]
    pub chains: usize,
    /// Fans of 1 to 100 to 1.
    #[arg(long, default_value_t = 20)]
    pub fans: usize,
    /// Quorum queues and confirms wherever the peer can.
    #[arg(long)]
    pub safe: bool,
    /// Settings as they are, a call for each task.
    #[arg(long)]
    pub plain: bool,
}

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Works until it is ended.
    Worker,
    /// Submits and measures.
    Client,
    /// Deletes the queues.
    Strike,
}

/// The worker's side of the pipe: a byte for each finished task.
#[derive(Debug)]
pub struct Finishing(File);

impl Finishing {
    /// Opens it; the driver has made it.
    pub fn open(options: &Options) -> Result<Self, Whatever> {
        Ok(Self(OpenOptions::new().write(true).open(&options.done)?))
    }

    /// Says that a task is finished.
    pub fn one(&self) {
        (&self.0).write_all(b".").expect("the driver holds the other end");
    }
}

/// The client's side: the driver's protocol, and the other end of the pipe.
#[derive(Debug)]
pub struct Bench(File);

impl Bench {
    /// Opens the pipe.
    pub fn open(options: &Options) -> Result<Self, Whatever> {
        // For writing too, so that it neither waits for a worker nor ends with it.
        Ok(Self(OpenOptions::new().read(true).write(true).open(&options.done)?))
    }

    /// Waits for so many finished tasks.
    pub fn finished(&self, count: usize) {
        let (mut left, mut bytes) = (count, [0; 65536]);
        while left > 0 {
            let room = left.min(bytes.len());
            left -= tokio::task::block_in_place(|| (&self.0).read(&mut bytes[..room])).expect("we hold the other end");
            if left > 1 {
                // Waking up for each would take time from the others.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Measures how long so many tasks take.
    pub async fn rate<E>(&self, row: &str, count: usize, run: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        tell(&json!({ "say": "begin", "row": row, "count": count }));
        listen();
        let start = Instant::now();
        run.await?;
        let seconds = start.elapsed().as_secs_f64();
        tell(&json!({ "say": "end", "row": row, "count": count, "seconds": seconds }));
        listen();
        Ok(())
    }

    /// Tells how long each took.
    pub fn times(&self, row: &str, times: &[Duration]) {
        let ms: Vec<_> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        tell(&json!({ "say": "times", "row": row, "ms": ms }));
    }

    /// Tells what this peer has no means for.
    pub fn cannot(&self, row: &str) {
        tell(&json!({ "say": "cannot", "row": row }));
    }
}

fn tell(line: &Value) {
    println!("{line}");
}

/// Waits until the driver has noted what every process has used so far.
fn listen() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("the driver answers");
}

/// An input of 200 bytes as JSON.
pub fn payload() -> String {
    "x".repeat(198)
}

/// Deletes queues; one that isn't there is fine.
pub async fn strike(options: &Options, queues: &[&str]) -> Result<(), Whatever> {
    let connection = Connection::connect(&options.url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    for queue in queues {
        channel.queue_delete((*queue).into(), QueueDeleteOptions::default()).await?;
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}
