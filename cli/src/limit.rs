//! `warrener limit`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value, json};
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::limits::{Limit, LimitKey};
use warrener_shared::time::{Millis, Timestamp};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options;
use crate::output::{Cell, Table};

#[derive(Debug, Subcommand)]
pub(crate) enum LimitVerb {
    /// List limits
    List,
    /// Show a limit
    Get(LimitArg),
    /// Make or change a limit, or give a key of it settings of its own
    Set(LimitSetArgs),
    /// Remove a limit
    Delete(LimitArg),
    /// List the keys of a limit, with what runs and what waits
    Keys(LimitKeysArgs),
    /// Let nothing of a key go out
    Pause(LimitPauseArgs),
    /// Let a key go out again
    Resume(LimitKeyArgs),
}

/// A limit.
#[derive(Debug, ClapArgs)]
pub(crate) struct LimitArg {
    /// The limit
    name: String,
}

/// A key of a limit.
#[derive(Debug, ClapArgs)]
pub(crate) struct LimitKeyArgs {
    /// The limit
    name: String,
    /// The key [default: that of a limit without keys]
    #[arg(default_value = "*")]
    key: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LimitPauseArgs {
    #[command(flatten)]
    at: LimitKeyArgs,
    /// For how long
    #[arg(long = "for", value_name = "DURATION", value_parser = options::duration, default_value = "1h")]
    span: Duration,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LimitKeysArgs {
    /// The limit
    name: String,
    /// Keys that are wanted, such as 'key:acme*'
    #[arg(short = 'f', long, value_name = "FILTER")]
    filter: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LimitSetArgs {
    /// The limit
    name: String,
    /// A key of it; without, the limit itself is set
    key: Option<String>,
    /// Tasks that it counts, such as 'kind:llm.*'
    #[arg(long, value_name = "FILTER", conflicts_with = "key")]
    on: Option<String>,
    /// Expression of the key, such as '${{ job.labels.tenant }}'
    #[arg(long = "by", value_name = "EXPRESSION", conflicts_with = "key")]
    by: Option<String>,
    /// Attempts of a key at once
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Attempts of a key, or their cost, in a span of time: N/s, N/m, N/h or N/d
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// Cost that may begin at once after a rest [default: the count of the rate]
    #[arg(long, value_name = "N", conflicts_with = "key")]
    burst: Option<u64>,
    /// Expression of the cost of an attempt [default: 1]
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "key")]
    cost: Option<String>,
    /// Unit that --concurrency counts: attempts, or jobs from the first dispatch to the end [default: task]
    #[arg(long, value_name = "UNIT", value_parser = ["task", "job"], conflicts_with = "key")]
    per: Option<String>,
    /// Consequence for a job that finds no slot, with --per job [default: wait]
    #[arg(long, value_name = "WORD", value_parser = ["wait", "cancel_oldest", "cancel_newest", "refuse"],
        requires = "per")]
    when_full: Option<String>,
    /// Share of the key among those of a queue [default: 1]
    #[arg(long, value_name = "N", requires = "key")]
    weight: Option<u32>,
}

/// Reads and steers limits.
pub(crate) async fn limit(context: &Context, verb: LimitVerb) -> Result<Exit, Failure> {
    match verb {
        LimitVerb::List => list(context).await,
        LimitVerb::Get(LimitArg { name }) => {
            let answer = context.http()?.limit(&name).await?;
            show(context, &[answer.text], std::slice::from_ref(&answer.value))
        }
        LimitVerb::Set(args) => set(context, args).await,
        LimitVerb::Delete(LimitArg { name }) => {
            context.http()?.delete_limit(&name).await?;
            context.say(&format!("{name}: removed"));
            Ok(Exit::Ok)
        }
        LimitVerb::Keys(args) => keys(context, args).await,
        LimitVerb::Pause(LimitPauseArgs { at, span }) => {
            let span = Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
            pause(context, at, Some(context.now() + span)).await
        }
        LimitVerb::Resume(at) => pause(context, at, None).await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let answer = context.http()?.limits().await?;
    show(context, &[answer.text], &answer.value.items)
}

fn show(context: &Context, texts: &[String], limits: &[Limit]) -> Result<Exit, Failure> {
    context.print(
        texts,
        limits,
        |limit| limit.name.clone(),
        || {
            let mut table = Table::new(&["NAME", "ON", "KEY", "CONCURRENCY", "PER", "RATE", "FROM"]);
            for limit in limits {
                let text = |text: &Option<String>| Cell::from(text.as_deref().unwrap_or_default());
                table.row(vec![
                    limit.name.as_str().into(),
                    text(&limit.on),
                    text(&limit.key),
                    limit.concurrency.map_or_else(String::new, |most| most.to_string()).into(),
                    limit.per.as_deref().unwrap_or("task").into(),
                    text(&limit.rate),
                    if limit.configured { "configuration" } else { "api" }.into(),
                ]);
            }
            table
        },
    )
}

async fn keys(context: &Context, args: LimitKeysArgs) -> Result<Exit, Failure> {
    let query = JobQuery { filter: args.filter, limit: Some(1_000), ..JobQuery::default() };
    let answer = context.http()?.limit_keys(&args.name, &query).await?;
    show_keys(context, &[answer.text], &answer.value.items)
}

fn show_keys(context: &Context, texts: &[String], keys: &[LimitKey]) -> Result<Exit, Failure> {
    context.print(
        texts,
        keys,
        |key| key.key.clone(),
        || {
            let mut table = Table::new(&["KEY", "RUNNING", "WAITING", "RATE USED", "PAUSED UNTIL", "WEIGHT"]);
            for key in keys {
                let number =
                    |number: Option<u64>| Cell::from(number.map_or_else(String::new, |number| number.to_string()));
                table.row(vec![
                    key.key.as_str().into(),
                    key.running.to_string().into(),
                    key.waiting.to_string().into(),
                    number(key.rate_used),
                    key.paused_until.as_deref().unwrap_or_default().into(),
                    number(key.weight),
                ]);
            }
            table
        },
    )
}

async fn set(context: &Context, args: LimitSetArgs) -> Result<Exit, Failure> {
    let http = context.http()?;
    let given = [
        ("on", args.on.map(Value::from)),
        ("key", args.by.map(Value::from)),
        ("concurrency", args.concurrency.map(Value::from)),
        ("rate", args.rate.map(Value::from)),
        ("burst", args.burst.map(Value::from)),
        ("cost", args.cost.map(Value::from)),
        ("per", args.per.map(Value::from)),
        ("when_full", args.when_full.map(Value::from)),
        ("weight", args.weight.map(Value::from)),
    ];
    let given: Map<String, Value> =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let Some(key) = args.key else {
        let answer = http.put_limit(&args.name, &Value::Object(given)).await?;
        return show(context, &[answer.text], std::slice::from_ref(&answer.value));
    };
    let before = find(&http, &args.name, &key).await?;
    let mut settings = before.as_ref().map_or_else(Map::new, settings);
    settings.extend(given);
    let answer = http.put_limit_key(&args.name, &key, &Value::Object(settings)).await?;
    show_keys(context, &[answer.text], std::slice::from_ref(&answer.value))
}

/// Sets or ends the pause of a key, whose other settings stay.
async fn pause(context: &Context, at: LimitKeyArgs, until: Option<Timestamp>) -> Result<Exit, Failure> {
    let http = context.http()?;
    let before = find(&http, &at.name, &at.key).await?;
    let mut settings = before.as_ref().map_or_else(Map::new, settings);
    settings.insert("paused_until".to_owned(), json!(until.map(Timestamp::to_rfc3339)));
    let answer = http.put_limit_key(&at.name, &at.key, &Value::Object(settings)).await?;
    show_keys(context, &[answer.text], std::slice::from_ref(&answer.value))
}

/// The key as it is now.
async fn find(http: &HttpClient, limit: &str, key: &str) -> Result<Option<LimitKey>, Failure> {
    let query = JobQuery { filter: Some(format!("key:\"{}\"", key.replace('"', ""))), ..JobQuery::default() };
    let keys = http.limit_keys(limit, &query).await?.value.items;
    Ok(keys.into_iter().find(|found| found.key == key))
}

/// Settings of a key, to be set again.
fn settings(key: &LimitKey) -> Map<String, Value> {
    let all = json!({
        "concurrency": key.concurrency,
        "rate": key.rate,
        "weight": key.weight,
        "paused_until": key.paused_until,
    });
    if let Value::Object(all) = all { all } else { Map::new() }
}
