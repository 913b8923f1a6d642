//! A whole client: it has words counted.
use warrener_client::{Client, Job};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(&std::env::var("WARRENER_AMQP__URL")?).await?;
    let job = Job::single("text.count").input("a rose is a rose").build()?;
    let finished = client.submit_and_wait(&job, std::time::Duration::from_secs(60)).await?;
    println!("{} words", finished.output_as::<usize>()?);
    Ok(())
}
