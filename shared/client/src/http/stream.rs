//! Streams of server-sent events, which go on where they were when the connection is lost.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};

use super::call::HttpClient;
use super::error::HttpError;
use super::query::Pairs;

/// Longest silence of a stream: three comments would have come.
const SILENCE: Duration = Duration::from_secs(45);
/// Longest time for which a lost stream is asked for again.
const PATIENCE: Duration = Duration::from_secs(60);
/// Waits before a lost stream is asked for again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];
/// Longest life of one request.
const LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most bytes of one event.
const EVENT_MAX: usize = 64 * 1024 * 1024;

/// An event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamEvent {
    /// Place of the event in its stream, for `cursor`.
    pub id: String,
    /// Type of the event, such as `task.succeeded`, `log` or `gap`.
    pub kind: String,
    /// JSON document of the event.
    pub data: String,
}

/// A stream that is read.
#[derive(Debug)]
pub struct EventStream {
    client: HttpClient,
    what: String,
    path: Vec<String>,
    query: Pairs,
    response: Option<Response>,
    buffer: Vec<u8>,
    /// Bytes of the buffer in which no event ends.
    searched: usize,
    place: Option<String>,
}

impl HttpClient {
    /// Follows the events of all jobs that fit a filter, from what happens next on or after a place.
    ///
    /// # Errors
    /// [`HttpError`], with status 400 if the filter can't be read, 503 if too many follow.
    pub async fn follow_events(&self, filter: Option<&str>, after: Option<&str>) -> Result<EventStream, HttpError> {
        let query = filter.map(|filter| ("q", filter.to_owned())).into_iter().collect();
        self.follow("following events", &["events"], query, after).await
    }

    /// Follows the events of one job until it is final, from its first on or after a place.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such job.
    pub async fn follow_job(&self, id: &str, after: Option<&str>) -> Result<EventStream, HttpError> {
        let query = vec![("follow", "true".to_owned())];
        self.follow(&format!("following job {id}"), &["jobs", id, "events"], query, after).await
    }

    /// Follows what a task or item writes until it is final, from the first piece on or after a place.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such task.
    pub async fn follow_log(&self, job: &str, address: &str, after: Option<&str>) -> Result<EventStream, HttpError> {
        let (what, query) = (format!("following the log of {job}/{address}"), vec![("follow", "true".to_owned())]);
        self.follow(&what, &["tasks", job, address, "logs"], query, after).await
    }

    async fn follow(
        &self,
        what: &str,
        path: &[&str],
        query: Pairs,
        after: Option<&str>,
    ) -> Result<EventStream, HttpError> {
        let mut stream = EventStream {
            client: self.clone(),
            what: what.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query,
            response: None,
            buffer: Vec::new(),
            searched: 0,
            place: after.map(str::to_owned),
        };
        stream.response = stream.open().await?;
        Ok(stream)
    }
}

impl EventStream {
    /// The next event; `None` at the end of what is followed. A connection that is lost is made again, and the stream
    /// goes on where it was.
    ///
    /// # Errors
    /// [`HttpError`], if that is refused, or in vain for a minute.
    pub async fn next(&mut self) -> Result<Option<StreamEvent>, HttpError> {
        let mut lost_since = None;
        loop {
            if let Some(event) = self.take() {
                return Ok(Some(event));
            }
            let Some(response) = &mut self.response else { return Ok(None) };
            if let Ok(Ok(Some(bytes))) = tokio::time::timeout(SILENCE, response.chunk()).await
                && self.buffer.len() < EVENT_MAX
            {
                self.buffer.extend_from_slice(&bytes);
                continue;
            }
            // Also after a clean end: whoever stops ends its streams, and says so of one that is over when asked.
            self.again(&mut lost_since).await?;
        }
    }

    /// Asks for the rest until somebody answers.
    async fn again(&mut self, lost_since: &mut Option<Instant>) -> Result<(), HttpError> {
        (self.buffer, self.searched) = (Vec::new(), 0);
        let mut pause = PAUSES[0];
        loop {
            let since = *lost_since.get_or_insert_with(Instant::now);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
            match self.open().await {
                Ok(response) => {
                    self.response = response;
                    return Ok(());
                }
                Err(error) if error.is_transient() && since.elapsed() < PATIENCE => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for the stream after the place that was reached; `None` if nothing will come.
    async fn open(&self) -> Result<Option<Response>, HttpError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let mut request = self.client.request(Method::GET, &path, self.query.clone()).timeout(LIFE);
        if let Some(place) = &self.place {
            request = request.header("last-event-id", place);
        }
        let response = self.client.answered(&self.what, request).await?;
        Ok((response.status() != reqwest::StatusCode::NO_CONTENT).then_some(response))
    }

    /// Takes the next event out of what has arrived.
    fn take(&mut self) -> Option<StreamEvent> {
        loop {
            let from = self.searched.saturating_sub(1);
            let Some(end) = self.buffer[from..].windows(2).position(|pair| pair == b"\n\n").map(|at| from + at) else {
                self.searched = self.buffer.len();
                return None;
            };
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            self.searched = 0;
            let event = parse(&String::from_utf8_lossy(&block));
            if !event.id.is_empty() {
                self.place = Some(event.id.clone());
            }
            if !event.data.is_empty() {
                return Some(event);
            }
        }
    }
}

/// Reads one block of lines.
fn parse(block: &str) -> StreamEvent {
    let mut event = StreamEvent::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = value.to_owned(),
            "event" => event.kind = value.to_owned(),
            "data" => {
                let line_break = if event.data.is_empty() { "" } else { "\n" };
                event.data = format!("{}{line_break}{value}", event.data);
            }
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_an_event_and_comments_are_none() {
        let event = parse("id: 17.2\nevent: task.failed\ndata: {\"a\":\ndata: 1}\n\n");
        assert_eq!(
            (event.id.as_str(), event.kind.as_str(), event.data.as_str()),
            ("17.2", "task.failed", "{\"a\":\n1}")
        );
        assert_eq!(parse(":\nid: 9\n\n"), StreamEvent { id: "9".to_owned(), ..StreamEvent::default() });
        assert_eq!(parse(":keep\n\n"), StreamEvent::default());
    }
}
