//! What the table of routes says of a request, before its handler runs.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::app::App;
use super::problem::Problem;
use super::query::Parameters;
use super::routes;

/// Lets a request through to its handler once it is found sound and there is room for it.
pub(super) async fn gate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().cloned();
    // Whatever is not in the table is answered by saying so.
    let Some(route) = path.and_then(|path| routes::find(request.method(), path.as_str())) else {
        return Ok(next.run(request).await);
    };
    if let Some(known) = route.query {
        let parameters = Parameters::read(request.uri(), known)?;
        request.extensions_mut().insert(parameters);
    }
    let permit = app.edge.enter(route.lane).await?;
    let response = next.run(request).await;
    // Whoever makes an answer keeps the permit until the answer counts among what is being sent.
    let response = app.edge.send(response).await;
    drop(permit);
    Ok(response)
}
