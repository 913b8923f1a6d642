//! `warrener`, the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    warrener_cli::run()
}
