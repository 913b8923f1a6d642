//! `warrener watch`.

use crate::args::WatchArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{self, Show};

/// Follows a job to its end and prints its output.
pub(crate) async fn watch(context: &Context, args: WatchArgs) -> Result<Exit, Failure> {
    follow::by_id(context, &args.id, args.patience.begin(), Show::Progress).await
}
