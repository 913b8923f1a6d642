//! Doing the same to several things.

use warrener_client::HttpError;
use warrener_shared::shown;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Does something to each of `names`; what fails is said, and the others are done all the same.
pub(crate) async fn each<F>(
    context: &Context,
    names: &[String],
    done: &str,
    act: impl Fn(String) -> F,
) -> Result<Exit, Failure>
where
    F: Future<Output = Result<(), HttpError>>,
{
    let mut failures = Vec::new();
    for name in names {
        match act(name.clone()).await {
            Ok(()) => context.say(&format!("{}: {done}", shown::line(name))),
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    let Some(last) = failures.pop() else { return Ok(Exit::Ok) };
    failures.iter().for_each(talk::complain);
    let is_partial = failures.len() + 1 < names.len();
    Err(if is_partial { last.but_partial() } else { last })
}
