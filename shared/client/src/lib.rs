//! Submitting jobs to Warrener and following them, from Rust.
//!
//! - [`JobDocument`] is what is submitted; [`Job`] writes one with the help of the compiler.
//! - [`Client`] submits over AMQP, where the broker keeps a job even while no orchestrator runs.
//! - [`HttpClient`] submits over HTTP and reads and steers everything else.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use warrener_client::{Client, Job};
//!
//! let client = Client::connect("amqp://client:client@127.0.0.1:5672/%2f").await?;
//! let job = Job::single("demo.echo").input(&"hello").build()?;
//! let finished = client.submit_and_wait(&job, std::time::Duration::from_secs(60)).await?;
//! println!("{}", finished.output.map_or("null".to_owned(), |output| output.get().to_owned()));
//! # Ok(())
//! # }
//! ```

pub mod amqp;
pub mod builder;
mod document;
pub mod http;

pub use self::amqp::{Client, ClientError, Finished, Receipt};
pub use self::builder::Job;
pub use self::document::{DocumentError, JobDocument};
pub use self::http::{HttpClient, HttpError};
