//! Limits and their keys.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warrener_engine::limit::{KeySettings, KeyState, Limit, LimitKey, Pieces, Rate};
use warrener_shared::id::LimitName;
use warrener_shared::job;
use warrener_shared::limits::LIMIT_KEY_BYTES;
use warrener_shared::time::Timestamp;

use super::app::App;
use super::asked_by::AskedBy;
use super::documented::Example;
use super::http::{BodyBound, receive};
use super::object::{BodyFields, faults, read_object};
use super::path::PathText;
use super::problem::Problem;
use super::query::Parameters;
use super::shape::{List, time};
use super::submit::check_encoding;
use crate::access::Caller;
use crate::driver::{Answer, Command};
use crate::filter;
use crate::limits::LimitDefinition;
use crate::limits::definition::parse_rate;
use crate::store::view::Snapshot;

/// Bytes of a definition.
const BODY_MAX: BodyBound = BodyBound::fixed(64 * 1024);
/// Keys that are looked through for one page; a page that reaches them ends early.
const LOOKED_MAX: usize = 50_000;

/// A limit as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limit)]
pub(super) struct LimitResource {
    pub(super) name: String,
    /// True if it stands in the configuration, and is only shown here.
    pub(super) configured: bool,
    pub(super) on: Option<String>,
    pub(super) key: Option<String>,
    pub(super) concurrency: Option<u32>,
    pub(super) rate: Option<String>,
    pub(super) burst: Option<u64>,
    pub(super) cost: Option<String>,
    /// Unit that `concurrency` counts: task or job.
    pub(super) per: Option<String>,
    /// Consequence for a job that finds no slot: wait, cancel_oldest, cancel_newest or refuse.
    pub(super) when_full: Option<String>,
}

impl Example for LimitResource {
    fn example() -> Self {
        let definition = LimitDefinition {
            on: Some("kind:llm.*".to_owned()),
            key: Some("${{ job.labels.tenant }}".to_owned()),
            concurrency: Some(5),
            rate: Some("60000/m".to_owned()),
            burst: Some(1000),
            cost: Some("${{ input.tokens | default(1) }}".to_owned()),
            ..LimitDefinition::default()
        };
        Self::new("openai", false, definition)
    }
}

impl LimitResource {
    fn new(name: &str, configured: bool, definition: LimitDefinition) -> Self {
        let LimitDefinition { on, key, concurrency, rate, burst, cost, per, when_full } = definition;
        Self { name: name.to_owned(), configured, on, key, concurrency, rate, burst, cost, per, when_full }
    }
}

/// A key of a limit as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LimitKey)]
pub(super) struct KeyResource {
    pub(super) key: String,
    pub(super) running: u32,
    pub(super) waiting: u64,
    pub(super) rate_used: Option<u64>,
    pub(super) paused_until: Option<String>,
    pub(super) weight: u32,
    /// Settings in place of those of the limit; null where it has none of its own.
    pub(super) concurrency: Option<u32>,
    pub(super) rate: Option<String>,
}

impl Example for KeyResource {
    fn example() -> Self {
        let at = Some("2026-11-24T12:03:10.000Z".to_owned());
        let key = "acme".to_owned();
        Self {
            key,
            running: 5,
            waiting: 311,
            rate_used: Some(40),
            paused_until: at,
            weight: 1,
            concurrency: None,
            rate: None,
        }
    }
}

impl KeyResource {
    /// The key as it is now; one that nobody holds or waits for is there too.
    pub(super) fn read(app: &App, key: &LimitKey, limit: &Limit) -> Self {
        let state = app.shared.limit_register.book.key(key).unwrap_or_default();
        Self::new(key, &state, limit, app.shared.now())
    }

    fn new(key: &LimitKey, state: &KeyState, limit: &Limit, now: Timestamp) -> Self {
        Self {
            key: key.key().to_owned(),
            running: state.running,
            waiting: state.waiting.values().map(|count| u64::from(*count)).sum(),
            rate_used: state.rate(limit).map(|rate| rate.used(state.bucket, now)),
            paused_until: time(state.paused_until.filter(|until| *until > now)),
            weight: state.settings.weight.unwrap_or(1),
            concurrency: state.settings.concurrency,
            rate: state.settings.rate.map(written),
        }
    }
}

/// Rate as it is written.
pub(super) fn written(rate: Rate) -> String {
    let unit = match rate.period_ns / 1_000_000_000 {
        60 => 'm',
        3_600 => 'h',
        86_400 => 'd',
        _ => 's',
    };
    format!("{}/{unit}", rate.count)
}

/// Settings of a key as they are written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyDefinition {
    pub(super) concurrency: Option<u32>,
    pub(super) rate: Option<String>,
    pub(super) weight: Option<u32>,
    pub(super) paused_until: Option<String>,
}

impl BodyFields for KeyDefinition {
    const NAMES: &'static [&'static str] = &["concurrency", "rate", "weight", "paused_until"];
}

impl BodyFields for LimitDefinition {
    const NAMES: &'static [&'static str] = &["on", "key", "concurrency", "rate", "burst", "cost", "per", "when_full"];
}

impl KeyDefinition {
    fn read(self, limit: &Limit) -> Result<(KeySettings, Option<Timestamp>), Problem> {
        let burst = limit.rate.map(|rate| rate.burst);
        let rate = self.rate.as_deref().map(|text| parse_rate(text, burst)).transpose();
        let rate = rate.map_err(|why| invalid(vec![("rate", why)]))?;
        let paused = self.paused_until.as_deref().map(|text| {
            let wrong =
                || invalid(vec![("paused_until", format!("{text:?} is no time, such as 2026-11-24T12:03:10Z"))]);
            Timestamp::parse_rfc3339(text).ok_or_else(wrong)
        });
        if self.weight.is_some_and(|weight| !(1..=1_000).contains(&weight)) {
            return Err(invalid(vec![("weight", "a weight is between 1 and 1000".to_owned())]));
        }
        Ok((KeySettings { concurrency: self.concurrency, rate, weight: self.weight }, paused.transpose()?))
    }
}

fn invalid(problems: Vec<(&'static str, String)>) -> Problem {
    let problem = |(field, detail): (&str, String)| job::Problem {
        pointer: if field.is_empty() { String::new() } else { format!("/{field}") },
        code: job::code::INVALID_VALUE.to_owned(),
        detail,
        hint: None,
    };
    Problem::invalid_limit(problems.into_iter().map(problem).collect())
}

fn no_limit(name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    Problem::not_found(format!("there is no limit {name:?}"))
}

async fn body<T: BodyFields>(app: &App, request: Request<Body>) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let bytes = receive(&app.edge, &parts.headers, body, BODY_MAX).await?.bytes;
    read_object(&bytes).map_err(|error| {
        if !error.is_data() {
            return Problem::body(error);
        }
        let faults = faults::<T>(&bytes);
        if faults.is_empty() { invalid(vec![("", error.to_string())]) } else { Problem::invalid_limit(faults) }
    })
}

/// The definition of a limit by its name, and whether it stands in the configuration.
fn find(app: &App, snapshot: &Snapshot<'_>, name: &str) -> Result<Option<LimitResource>, Problem> {
    Ok(all(app, snapshot)?.into_iter().find(|limit| limit.name == name))
}

/// All limits, by name.
pub(super) fn all(app: &App, snapshot: &Snapshot<'_>) -> Result<Vec<LimitResource>, Problem> {
    let register = &app.shared.limit_register;
    let kept = snapshot.limit_definitions()?.into_iter().filter_map(|(name, text)| {
        let is_hidden = register.written.contains_key(name.as_str());
        let definition = serde_json::from_str(&text).ok().filter(|_| !is_hidden)?;
        Some(LimitResource::new(&name, false, definition))
    });
    let configured = register.written.iter();
    let configured = configured.map(|(name, limit)| LimitResource::new(name.as_str(), true, limit.clone()));
    // A queue that is shared limits nothing, and its keys have weights.
    let shared = register.fair_by.iter().map(|(queue, key)| {
        let definition = LimitDefinition { key: Some(key.clone()), ..LimitDefinition::default() };
        LimitResource::new(&format!("queue:{queue}"), true, definition)
    });
    let mut all: Vec<LimitResource> = kept.chain(configured).chain(shared).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

pub(super) async fn list(State(app): State<Arc<App>>, parameters: Parameters) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    let after = parameters.get("cursor").map(str::to_owned);
    app.answer(move |app, snapshot| {
        Ok(List::slice(all(app, snapshot)?, |one: &LimitResource| &one.name, after.as_deref(), limit))
    })
    .await
}

pub(super) async fn get(State(app): State<Arc<App>>, PathText(name): PathText<String>) -> Result<Response, Problem> {
    app.answer(move |app, snapshot| find(app, snapshot, &name)?.ok_or_else(|| no_limit(&name))).await
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    PathText(name): PathText<String>,
    AskedBy(caller): AskedBy,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let wanted = LimitName::new(&name).map_err(|error| invalid(vec![("name", error.to_string())]))?;
    let definition: LimitDefinition = body(&app, request).await?;
    definition.compile(&wanted).map_err(invalid)?;
    definition.check_cost().map_err(|problem| invalid(vec![problem]))?;
    match app.command(&caller, Command::PutLimit(wanted, Box::new(definition))).await? {
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => app.answer(move |app, snapshot| find(app, snapshot, &name)?.ok_or_else(|| no_limit(&name))).await,
    }
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    PathText(name): PathText<String>,
    AskedBy(caller): AskedBy,
) -> Result<Response, Problem> {
    let wanted = LimitName::new(&name).map_err(|_| no_limit(&name))?;
    match app.command(&caller, Command::RemoveLimit(wanted)).await? {
        Answer::NotFound => Err(no_limit(&name)),
        Answer::Conflict(why) => Err(Problem::conflict(why)),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

pub(super) async fn keys(
    State(app): State<Arc<App>>,
    PathText(name): PathText<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = KeysWanted::of(&parameters)?;
    app.answer(move |app, _| wanted.read(app, &name)).await
}

/// The part of the keys of a limit that is asked for.
#[derive(Debug)]
pub(super) struct KeysWanted {
    filter: Vec<(bool, Vec<Pieces>)>,
    after: Option<String>,
    most: usize,
}

impl KeysWanted {
    /// Parameters of a request as what they ask for.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Problem> {
        let filter = filter::parse_key(parameters.get("q").unwrap_or_default());
        let filter = filter.map_err(|why| Problem::parameter("q", why))?;
        Ok(Self { filter, after: parameters.get("cursor").map(str::to_owned), most: parameters.limit()? })
    }

    /// Reads it.
    pub(super) fn read(&self, app: &App, name: &str) -> Result<List<KeyResource>, Problem> {
        let limit = limit_or_queue(app, name)?;
        let looked = app.shared.limit_register.book.keys(name, self.after.as_deref(), LOOKED_MAX);
        let last = looked.last().filter(|_| looked.len() == LOOKED_MAX).map(|(key, _)| key.key().to_owned());
        let fits =
            |(key, _): &&(LimitKey, KeyState)| self.filter.iter().all(|(negated, any)| fits_any(any, key) != *negated);
        let mut found = looked.iter().filter(fits);
        let resource = |(key, state): &(LimitKey, KeyState)| KeyResource::new(key, state, &limit, app.shared.now());
        let items: Vec<KeyResource> = found.by_ref().take(self.most).map(resource).collect();
        let more = found.next().and_then(|_| items.last().map(|last| last.key.clone()));
        Ok(List { items, next_cursor: more.or(last) })
    }
}

/// The limit of this name; of `queue:NAME`, where that queue is shared by keys, one that limits nothing.
pub(super) fn limit_or_queue(app: &App, name: &str) -> Result<Arc<Limit>, Problem> {
    let register = &app.shared.limit_register;
    let shared = name.strip_prefix("queue:").filter(|queue| register.fair.contains_key(*queue));
    let queue = shared.and_then(|queue| LimitName::new(queue).ok()).map(|name| {
        Arc::new(Limit { name, on: None, key: None, concurrency: None, rate: None, cost: None, per_job: None })
    });
    register.book.limit(name).or(queue).ok_or_else(|| no_limit(name))
}

fn fits_any(patterns: &[Pieces], key: &LimitKey) -> bool {
    patterns.iter().any(|pattern| pattern.fit(key.key()))
}

pub(super) async fn put_key(
    State(app): State<Arc<App>>,
    PathText((name, key)): PathText<(String, String)>,
    AskedBy(caller): AskedBy,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let limit = limit_or_queue(&app, &name)?;
    let definition: KeyDefinition = body(&app, request).await?;
    let (settings, paused_until) = definition.read(&limit)?;
    let key = written_key(&name, &key)?;
    set_key(&app, &caller, &key, settings, paused_until).await?;
    app.answer(move |app, _| Ok(KeyResource::read(app, &key, &limit))).await
}

/// The key of a limit, as somebody wrote it.
pub(super) fn written_key(limit: &str, key: &str) -> Result<LimitKey, Problem> {
    if key.len() > LIMIT_KEY_BYTES {
        return Err(invalid(vec![("key", format!("a key has at most {LIMIT_KEY_BYTES} bytes"))]));
    }
    Ok(LimitKey::written(&format!("{limit}/{key}").into()))
}

/// Changes some settings of a key; the others stay as they are.
pub(super) async fn change_key(
    app: &App,
    caller: &Caller,
    key: &LimitKey,
    change: impl FnOnce(&mut KeyDefinition),
) -> Result<(), Problem> {
    let limit = limit_or_queue(app, key.limit())?;
    let state = app.shared.limit_register.book.key(key).unwrap_or_default();
    let mut definition = KeyDefinition {
        concurrency: state.settings.concurrency,
        rate: state.settings.rate.map(written),
        weight: state.settings.weight,
        paused_until: time(state.paused_until),
    };
    change(&mut definition);
    let (settings, paused_until) = definition.read(&limit)?;
    set_key(app, caller, key, settings, paused_until).await
}

async fn set_key(
    app: &App,
    caller: &Caller,
    key: &LimitKey,
    settings: KeySettings,
    paused_until: Option<Timestamp>,
) -> Result<(), Problem> {
    let is_queue = key.limit().starts_with("queue:");
    if is_queue && (settings.concurrency.is_some() || settings.rate.is_some() || paused_until.is_some()) {
        return Err(invalid(vec![("", "a key of a queue has a weight and nothing else".to_owned())]));
    }
    match app.command(caller, Command::SetKey(key.clone(), settings, paused_until)).await? {
        Answer::NotFound => Err(no_limit(key.limit())),
        _ => Ok(()),
    }
}
