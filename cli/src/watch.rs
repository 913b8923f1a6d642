//! `warrener watch`.

use clap::Args as ClapArgs;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Show};
use crate::options::WaitOptions;

#[derive(Debug, ClapArgs)]
pub(crate) struct WatchArgs {
    /// The job
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) patience: WaitOptions,
}

/// Follows a job to its end and prints its output.
pub(crate) async fn watch(context: &Context, args: WatchArgs) -> Result<Exit, Failure> {
    follow::by_id(context, &args.id, args.patience.begin(), Show::Progress).await
}
