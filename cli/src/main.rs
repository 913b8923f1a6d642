//! `warrener`, the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The workers of `dev` and `bench` run programs too.
    if let Some(end) = warrener_worker::supervisor::enter() {
        return end;
    }
    warrener_cli::run()
}
