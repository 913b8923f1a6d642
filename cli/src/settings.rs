//! `warrener config`.

use clap::Subcommand;
use serde::de::IgnoredAny;
use warrener_runtime::config::{Binary, Loaded, Setting};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::OutputFormat;
use crate::output::document;
use crate::talk;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Report every problem of the configuration
    Check,
    /// Print every setting and where it came from, secrets masked
    Show,
}

/// Checks or shows what all three programs would read here.
pub(crate) fn settings(context: &Context, verb: ConfigVerb) -> Result<Exit, Failure> {
    let all = [Binary::Orchestrator, Binary::Worker, Binary::Cli];
    let loaded = context.loader(&all).load::<IgnoredAny>()?;
    match verb {
        ConfigVerb::Check => {
            let orchestrator = context.loader(&all).load::<warrener_orchestrator::config::Config>()?.value;
            let problems = orchestrator.problems();
            if !problems.is_empty() {
                let details = problems.iter().map(|problem| format!("error: {problem}")).collect();
                return Err(Failure::new(Exit::Error, "the configuration has problems").details(details));
            }
            context.say("the configuration is sound");
        }
        ConfigVerb::Show => talk::words(&show(context.globals.output, &loaded)?)?,
    }
    Ok(Exit::Ok)
}

fn show(format: OutputFormat, loaded: &Loaded<IgnoredAny>) -> Result<String, Failure> {
    let items: Vec<_> = loaded.settings().iter().map(as_json).collect();
    match format {
        OutputFormat::Table | OutputFormat::Wide => Ok(loaded.show()),
        OutputFormat::Name => Ok(loaded.settings().iter().map(|setting| format!("{}\n", setting.path)).collect()),
        OutputFormat::Jsonl => Ok(items.iter().map(|item| format!("{item}\n")).collect()),
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Csv => {
            let json = serde_json::Value::Array(items).to_string();
            Ok(document(format, &json)?.unwrap_or(json))
        }
    }
}

fn as_json(setting: &Setting) -> serde_json::Value {
    let origin = setting.origin.to_string();
    serde_json::json!({ "path": setting.path, "value": setting.value, "origin": origin })
}

#[cfg(test)]
mod tests;
