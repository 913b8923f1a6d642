//! The simulation: engine, orchestrator, workers, broker, store and clock in one thread, with faults, checked by
//! judges that share no code with them. The same seed plays the same world.

mod broker;
mod dice;
mod disk;
mod judge;
mod mutants;
mod options;
mod plan;
mod play;
mod reach;
mod run;
mod shrink;
mod world;

#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser as _;

use self::options::Options;

fn main() -> ExitCode {
    play::quiet_panics();
    let options = Options::parse();
    if let Some(seed) = options.seed {
        return run::replay(seed, &options.without());
    }
    if options.mutants {
        return mutants::hunt(&options);
    }
    run::many(&options)
}
