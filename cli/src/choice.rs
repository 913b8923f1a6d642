//! Verbs that change a few things of which there is a whole list: by name, or by a filter.

use clap::Args as ClapArgs;
use warrener_orchestrator::filter::facts::FactFilter;
use warrener_shared::shown;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Things that a verb is done to, by name or by filter.
#[derive(Debug, ClapArgs)]
pub(crate) struct Choice {
    /// Ids or names
    #[arg(required_unless_present = "filter", conflicts_with = "filter", value_name = "ID")]
    ids: Vec<String>,
    /// Everything that fits, such as 'state:paused name:gpu-*', or '*'
    #[arg(short, long, allow_hyphen_values = true)]
    filter: Option<String>,
    /// Show what fits, and do nothing
    #[arg(long, requires = "filter")]
    dry_run: bool,
    /// Do not ask first
    #[arg(long)]
    yes: bool,
}

impl Choice {
    /// Names of what was chosen; none if nothing is to be done. `things` is what one and several of them are called,
    /// `fitting` looks for those that fit a filter. With a filter it says how many fit, and asks.
    pub(crate) async fn names<F>(
        self,
        context: &Context,
        verb: &str,
        [one, several]: [&str; 2],
        fitting: impl FnOnce(String) -> F,
    ) -> Result<Vec<String>, Failure>
    where
        F: Future<Output = Result<Vec<String>, Failure>>,
    {
        let Some(filter) = self.filter else { return Ok(self.ids) };
        let names = fitting(filter).await?;
        let counted = format!("{} {}", names.len(), if names.len() == 1 { one } else { several });
        if self.dry_run {
            let lines = names.iter().map(|name| format!("  {}", shown::line(name)));
            let lines: Vec<String> = std::iter::once(counted).chain(lines).collect();
            talk::words(&lines.join("\n"))?;
            return Ok(Vec::new());
        }
        if names.is_empty() {
            context.say("nothing fits the filter");
        } else if !self.yes && !talk::confirmed(&format!("{verb}: {counted} would be changed. Go on?"))? {
            return Err(Failure::new(Exit::Refused, "nothing was changed"));
        }
        Ok(names)
    }
}

/// Facts of a thing by key.
pub(crate) type Facts<'t> = Vec<(&'t str, &'t str)>;

/// Names of those of the things that fit a filter with these keys. `facts` tells of one; the fact `name` is its name.
pub(crate) fn fitting<T>(
    filter: &str,
    keys: &[&str],
    things: &[T],
    facts: impl Fn(&T) -> Facts<'_>,
) -> Result<Vec<String>, Failure> {
    let filter =
        FactFilter::parse(filter, keys).map_err(|why| Failure::new(Exit::Usage, format!("--filter: {why}")))?;
    let told = things.iter().map(facts).filter(|facts| filter.fits(facts));
    Ok(told.filter_map(|facts| facts.first().map(|(_, name)| (*name).to_owned())).collect())
}
