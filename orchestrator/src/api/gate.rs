//! The gate: checks of a request by the table of routes, before its handler runs. Who may ask, and for what?

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts as _, MatchedPath, Path, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use warrener_shared::id::JobId;

use super::app::App;
use super::asked_by::AskedBy;
use super::http::{Arrival, ClientLine};
use super::pages::{SESSION, find_cookie};
use super::path::{no_job, no_letter};
use super::problem::{self, Problem};
use super::query::Parameters;
use super::route::{Demand, Reach, Route};
use super::routes;
use crate::access::{Caller, is_token};
use crate::store::view::filter::Filter;

/// Lets a request through to its handler once its caller is known and may ask, and there is room for it.
///
/// The order matters: nobody unknown learns which parameters a path takes, takes a permit, or has the database read.
pub(super) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().cloned();
    // Whatever is not in the table is answered by saying so.
    let Some(route) = path.and_then(|path| routes::find(request.method(), path.as_str())) else {
        return Ok(next.run(request).await);
    };
    let (mut parts, body) = request.into_parts();
    let confined = enter(&app, route, &mut parts)?;
    if let Some(known) = route.query {
        parts.extensions.insert(Parameters::read(&parts.uri, known)?);
    }
    let permit = app.edge.enter(route.lane).await?;
    if let Some((only, reach)) = confined {
        confine(&app, only, reach, &mut parts).await?;
    }
    let line = parts.extensions.get::<ClientLine>().cloned();
    let caller = parts.extensions.get::<AskedBy>().map(|by| by.0.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // A refusal is shown to somebody too.
    if let Some(caller) = caller {
        response.extensions_mut().insert(caller);
    }
    // Whoever makes an answer keeps the permit until the answer counts among what is being sent, or waits for that.
    Ok(app.edge.send(response, line, permit).await)
}

/// Lets the caller in, if it may ask. Gives its filter and its reach if only some jobs exist for it.
fn enter(app: &App, route: &Route, parts: &mut Parts) -> Result<Option<(Arc<Filter>, Reach)>, Problem> {
    let Demand::Scope(scope, reach) = route.demand else { return Ok(None) };
    if parts.extensions.get::<Arrival>().is_some_and(|arrival| arrival.spare) {
        return Err(Problem::busy(
            problem::TOO_MANY_CONNECTIONS,
            "as many connections as may be (http.max_connections) are being answered; try again in a moment",
        ));
    }
    let caller = authenticate(app, parts)?;
    let what = || format!("{} {}", route.method, route.path);
    if !caller.may(scope) {
        return Err(Problem::not_allowed(format!("{} lacks the scope {scope}, which {} needs", caller.who, what())));
    }
    let only = caller.only.clone();
    if only.is_some() && reach == Reach::Nothing {
        let who = &caller.who;
        let detail = format!("{who} is for some jobs only (`only`), and {} is about what others use too", what());
        return Err(Problem::not_allowed(detail));
    }
    parts.extensions.insert(AskedBy(Arc::new(caller)));
    Ok(only.map(|only| (only, reach)))
}

/// Caller of a request: by its token, or by the proxy that signed a person in.
pub(super) fn authenticate(app: &App, parts: &Parts) -> Result<Caller, Problem> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    // Of several none counts: nobody can tell which of them was looked at on the way.
    let shown = values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes());
    let peer = parts.extensions.get::<Arrival>().map(|arrival| arrival.peer.ip());
    let proxies = &app.access.proxies;
    let from = peer.map(|peer| proxies.origin(peer, &parts.headers));
    // A token says more than the proxy that it came through. What that proxy asked for itself is no token.
    let token = shown.filter(|shown| is_token(shown));
    let person = if token.is_none() { proxies.signed_in(peer, &parts.headers) } else { None };
    let now = app.shared.now();
    // And either says more than who signed in to the pages of this browser once.
    let session = || find_cookie(&parts.headers, SESSION).filter(|_| token.is_none());
    let caller = match person.or_else(|| app.access.of_session(session()?, now)) {
        Some(caller) => caller,
        None => app.access.authenticate(shown, now).map_err(|_| Problem::unauthenticated())?,
    };
    Ok(caller.coming_from(from))
}

/// Refuses a job or letter that does not exist for a caller, in the words for what does not exist.
async fn confine(app: &Arc<App>, only: Arc<Filter>, reach: Reach, parts: &mut Parts) -> Result<(), Problem> {
    let named = match reach {
        Reach::Own | Reach::Everything | Reach::Nothing => return Ok(()),
        Reach::Job(part) | Reach::Letter(part) => part,
    };
    let named = text(parts, named).await;
    // What is no id at all is refused by the handler.
    match reach {
        Reach::Letter(_) => {
            let Ok(no) = named.parse::<i64>() else { return Ok(()) };
            let fits = app.read(move |app, snapshot| {
                let job = snapshot.dead_letter(no)?.and_then(|letter| letter.head.job);
                let Some(Ok(job)) = job.as_deref().map(JobId::new) else { return Ok(false) };
                Ok(snapshot.fits(&job, &only, app.shared.now())?)
            });
            if fits.await? { Ok(()) } else { Err(no_letter(&named)) }
        }
        _ => {
            let Ok(id) = JobId::new(&named) else { return Ok(()) };
            let fits = app.read(move |app, snapshot| Ok(snapshot.fits(&id, &only, app.shared.now())?)).await?;
            if fits { Ok(()) } else { Err(no_job(&named)) }
        }
    }
}

/// Part of the path with this name, as text; empty if it is no UTF-8.
async fn text(parts: &mut Parts, name: &str) -> String {
    let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, &()).await;
    // What is not UTF-8 names nothing.
    path.ok().and_then(|Path(mut path)| path.remove(name)).unwrap_or_default()
}
