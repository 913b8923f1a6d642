//! The chaos rig: real processes under load, broken in every way that we know, and a judge over the history of what
//! clients sent, workers did and the product says. It shares no code with the engine.

mod client;
mod clock;
mod dice;
mod disk;
mod faults;
mod frame;
mod history;
mod judge;
mod options;
mod proxy;
mod reader;
mod record;
mod rpc;
mod run;
mod shapes;
mod table;
mod trace;
mod verdict;
mod worker;
mod world;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser as _;

use self::options::Options;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Some(file) = &options.worker {
        runtime.block_on(worker::serve(file))?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.list {
        for fault in faults::ALL {
            println!("{:24} {}", fault.name, fault.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(code) = disk::apart() {
        return Ok(code);
    }
    runtime.block_on(run::play(&options))
}
