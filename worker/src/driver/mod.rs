//! The shell around the session: one task that listens to the broker, to the attempts and to the clock, tells the
//! session, and does what the session says.

mod attempts;
mod heartbeat;
mod line;
mod watchdog;

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use warrener_amqp::{Backoff, BrokerError, Receipt};
use warrener_runtime::spans::Spans;
use warrener_shared::id::QueueName;
use warrener_shared::limits::HEARTBEAT_EVERY_MS;
use warrener_shared::time::Millis;
use warrener_shared::wire::control::Control;
use warrener_shared::wire::result::{Progress, Report};
use warrener_shared::wire::topology::Names;

use self::attempts::Attempts;
use self::heartbeat::Heartbeats;
use self::line::{Arrivals, BrokerAddress, Connector, Line, ReportAnswer, Sealed, Told};
use self::watchdog::{Remedy, Watchdog};
use crate::config::Settings;
use crate::exec;
use crate::registry::Registry;
use crate::session::{Action, Event, Rules, Session, Ticket};
use crate::spans::HandlerSpans;

/// Runs one worker.
pub(crate) struct Driver {
    session: Session<Receipt>,
    attempts: Attempts,
    heartbeats: Heartbeats,
    link: BrokerLink,
    /// Wait before the next connection: grows until a report was confirmed.
    backoff: Backoff,
    /// Time at which the latest connection opened.
    since: Instant,
    /// Set once a report was confirmed on the latest connection.
    was_useful: bool,
    watchdog: Watchdog,
    lanes: usize,
    /// The reason why no reports are taken, as last written to the log; `None` if they are taken.
    refused: Option<String>,
    zero: Instant,
    ticks: Interval,
    drain: Drain,
    grace: Duration,
    over: bool,
}

/// The broker, there or not.
enum BrokerLink {
    Down(Connector),
    Up(Box<Line>),
}

/// Progress of the worker's own end.
#[derive(Clone, Copy)]
enum Drain {
    No,
    /// Running attempts have time until then.
    Grace(Instant),
    /// Running attempts are being stopped. Deliveries that are not settled by this time are left to the broker.
    Forced(Instant),
}

/// The event that woke the driver.
enum Wake {
    Connected(Box<Line>),
    Heard(Result<Arrivals, BrokerError>),
    Ended,
    Tick,
    Shutdown,
}

impl Driver {
    /// Worker with this id, which makes spans if it is told where they go.
    pub(crate) fn new(id: String, settings: Settings, registry: Registry, spans: Option<Spans>) -> Self {
        let names = Names::new(&settings.amqp.prefix);
        let queues = settings.worker.queues.clone();
        let heartbeats = Heartbeats::new(&id, &settings, &registry);
        let slots = usize::try_from(settings.worker.slots).expect("checked to be small");
        let rules = Rules {
            slots,
            lanes: queues.len(),
            kinds: registry.kinds(),
            claim_after: millis(settings.worker.claim_after),
            lease: LEASE,
            results: names.results(),
        };
        let spans = spans.map(|spans| HandlerSpans::new(spans, id.clone(), names.tasks()));
        let lanes = queues.iter().filter_map(|queue| QueueName::new(queue).ok());
        let lanes = lanes.map(|queue| names.task_queue(&queue)).collect();
        let address = BrokerAddress::new(&settings.amqp, names, id, lanes);
        tracing::info!(
            worker = address.id,
            ?queues,
            kinds = ?rules.kinds,
            slots,
            broker = address.shown(),
            "worker starts"
        );
        let lanes = rules.lanes;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            session: Session::new(rules),
            attempts: Attempts::new(registry, spans),
            heartbeats,
            link: BrokerLink::Down(Connector::new(address)),
            backoff: Backoff::new(),
            since: Instant::now(),
            was_useful: false,
            watchdog: Watchdog::default(),
            lanes,
            refused: None,
            zero: Instant::now(),
            ticks,
            drain: Drain::No,
            grace: settings.worker.drain,
            over: false,
        }
    }

    /// Works until it is asked to end and has drained.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        while !self.over {
            let wake = self.wake(&shutdown).await;
            self.take(wake).await;
            self.perform().await;
        }
        if let BrokerLink::Up(line) = self.link {
            line.close().await;
        }
        tracing::info!("worker has ended");
    }

    async fn wake(&mut self, shutdown: &CancellationToken) -> Wake {
        let running = matches!(self.drain, Drain::No);
        let link = async {
            match &mut self.link {
                BrokerLink::Down(connector) => Wake::Connected(connector.connected().await),
                BrokerLink::Up(line) => Wake::Heard(line.hear().await),
            }
        };
        tokio::select! {
            wake = link => wake,
            () = self.attempts.ended() => Wake::Ended,
            _ = self.ticks.tick() => Wake::Tick,
            () = shutdown.cancelled(), if running => Wake::Shutdown,
        }
    }

    async fn take(&mut self, wake: Wake) {
        let now = self.now();
        match wake {
            Wake::Connected(line) => {
                self.link = BrokerLink::Up(line);
                (self.since, self.was_useful) = (Instant::now(), false);
                self.watchdog.begin(self.lanes, self.since);
                self.open(now).await;
            }
            Wake::Heard(Ok(heard)) => self.hear(heard, now).await,
            Wake::Heard(Err(error)) => self.lose(&error),
            Wake::Ended => {
                for (ticket, ending, news) in self.attempts.take_ended() {
                    self.tell_last(&ticket, news).await;
                    self.session.handle(Event::Ended { ticket, ending }, now);
                }
            }
            Wake::Tick => self.tick(now).await,
            Wake::Shutdown => self.begin_drain().await,
        }
    }

    /// Sends the last log text of an attempt before its result.
    async fn tell_last(&mut self, ticket: &Ticket, news: Vec<Progress>) {
        let BrokerLink::Up(line) = &mut self.link else { return };
        if line.refused().is_some() {
            return;
        }
        for progress in news.into_iter().filter(|news| news.log.is_some()) {
            line.send_progress(ticket, &Report::Progress(progress)).await;
        }
    }

    /// Takes up work on a connection, if reports can be delivered there; says so if not.
    async fn open(&mut self, now: Millis) {
        let BrokerLink::Up(line) = &self.link else { return };
        let refused = line.refused().map(str::to_owned);
        match &refused {
            None => self.session.handle(Event::Opened, now),
            // Reports that would be refused end the connection: they are kept, and nothing is taken meanwhile.
            Some(why) if self.refused != refused => {
                tracing::error!(why, "my reports are refused: I take no tasks and keep what I have to say until then");
            }
            Some(_) => {}
        }
        if refused.is_none() && self.refused.is_some() {
            tracing::info!("my reports are taken again");
        }
        self.refused = refused;
        self.heartbeats.hurry();
        self.beat().await;
    }

    async fn learn(&mut self, told: Told, now: Millis) {
        match told {
            Told::Roads(roads) => {
                let BrokerLink::Up(line) = &mut self.link else { return };
                let was_refused = line.refused().is_some();
                line.learn(roads);
                // A road that was closed since then shows by the end of the connection.
                if was_refused {
                    self.open(now).await;
                }
            }
            Told::Waiting { lane, ready } => self.judge(lane, ready, now),
        }
    }

    fn judge(&mut self, lane: usize, ready: u32, now: Millis) {
        let BrokerLink::Up(line) = &self.link else { return };
        let queue = line.queue_name(lane).to_owned();
        match self.watchdog.found(lane, ready) {
            Remedy::Well => {}
            Remedy::Replace => {
                tracing::warn!(queue, ready, "the queue has tasks and brings none: consuming anew");
                for (_, feed) in self.session.hungry().into_iter().filter(|(of, _)| *of == lane) {
                    self.session.handle(Event::Silenced { lane, feed }, now);
                }
            }
            Remedy::Reconnect => {
                let why = format!("{ready} tasks wait in {queue} and none comes");
                self.lose(&BrokerError::Broken { what: "consuming".to_owned(), why });
            }
        }
    }

    async fn hear(&mut self, heard: Arrivals, now: Millis) {
        // Answers first: they make room.
        for ReportAnswer { ticket, serial, confirmed } in heard.answers {
            if confirmed {
                self.backoff.reset();
                self.was_useful = true;
            }
            self.session.handle(Event::Answered { ticket, serial, confirmed }, now);
        }
        for Control { cancel, drain } in heard.controls {
            if !cancel.is_empty() {
                self.session.handle(Event::Cancel(cancel), now);
            }
            if drain {
                self.begin_drain().await;
            }
        }
        for offer in heard.offers {
            self.watchdog.heard(offer.lane, Instant::now());
            self.session.handle(Event::Delivered(offer), now);
        }
        for (lane, feed) in heard.ended {
            self.session.handle(Event::Silenced { lane, feed }, now);
        }
        for told in heard.told {
            self.learn(told, now).await;
        }
    }

    async fn tick(&mut self, now: Millis) {
        self.session.handle(Event::Tick, now);
        match self.drain {
            Drain::Grace(until) if Instant::now() >= until => {
                tracing::info!("the time to drain is over: stopping what still runs");
                self.drain = Drain::Forced(Instant::now() + FORCED);
                self.session.handle(Event::GraceOver, now);
            }
            Drain::Forced(until) if Instant::now() >= until => {
                tracing::warn!("leaving with unsettled deliveries: the broker gives them to others");
                self.over = true;
            }
            _ => {}
        }
        if let BrokerLink::Up(line) = &mut self.link {
            if line.refused().is_none() {
                self.attempts.send_progress(line).await;
            }
            line.look_at_roads();
            let hungry: Vec<usize> = self.session.hungry().into_iter().map(|(lane, _)| lane).collect();
            for lane in self.watchdog.due(&hungry, Instant::now()) {
                line.look_at_queue(lane);
            }
            if let Err(error) = line.retry_missing().await {
                self.lose(&error);
            }
        }
        self.beat().await;
    }

    async fn begin_drain(&mut self) {
        if !matches!(self.drain, Drain::No) {
            return;
        }
        tracing::info!(grace = ?self.grace, running = self.attempts.len(), "draining: no more is taken");
        self.drain = Drain::Grace(Instant::now() + self.grace);
        self.session.handle(Event::Drain, self.now());
        self.heartbeats.hurry();
        self.beat().await;
    }

    async fn beat(&mut self) {
        if let BrokerLink::Up(line) = &mut self.link {
            self.heartbeats.beat(&self.session, line).await;
        }
    }

    /// Does what the session says until it has nothing more to say.
    async fn perform(&mut self) {
        loop {
            let actions = self.session.take_actions(self.now());
            if actions.is_empty() {
                break;
            }
            let mut broken = None;
            for action in actions {
                if let Err(error) = self.act(action).await {
                    broken.get_or_insert(error);
                }
            }
            if let Some(error) = broken {
                self.lose(&error);
            }
            self.take_leftovers();
        }
        self.flush().await;
    }

    /// Hands to the broker what has gathered.
    async fn flush(&mut self) {
        if let BrokerLink::Up(line) = &mut self.link {
            line.publish_queued().await;
            if let Err(error) = line.settle().await {
                self.lose(&error);
            }
        }
    }

    async fn act(&mut self, action: Action<Receipt>) -> Result<(), BrokerError> {
        match (action, &mut self.link) {
            (Action::Start { ticket, assignment, delivery }, _) => self.attempts.start(ticket, assignment, delivery),
            (Action::Stop(ticket), _) => self.attempts.stop(&ticket),
            (Action::Leave, _) => self.over = true,
            (Action::Publish { ticket, serial, to, report }, BrokerLink::Up(line)) => {
                line.queue(Sealed { ticket, serial, to, report });
            }
            (Action::Ack(receipt), BrokerLink::Up(line)) => line.ack(receipt),
            (Action::Consume { lane, feed, prefetch }, BrokerLink::Up(line)) => {
                line.consume(lane, feed, prefetch).await?
            }
            (Action::Cancel { lane, feed }, BrokerLink::Up(line)) => line.cancel(lane, feed).await?,
            // The connection that it was meant for is gone: the session hears of that next.
            (_, BrokerLink::Down(_)) => {}
        }
        Ok(())
    }

    /// Hands the session the deliveries that had arrived at a consumer before it was cancelled.
    fn take_leftovers(&mut self) {
        let now = self.now();
        if let BrokerLink::Up(line) = &mut self.link {
            for offer in line.take_leftovers() {
                self.session.handle(Event::Delivered(offer), now);
            }
        }
    }

    fn lose(&mut self, error: &BrokerError) {
        if let BrokerLink::Up(line) = &self.link {
            if self.since.elapsed() > LASTED {
                self.backoff.reset();
            }
            let wait = self.backoff.next();
            tracing::warn!(%error, ?wait, "the broker is gone; attempts go on");
            self.link = BrokerLink::Down(line.reconnect(wait, error, self.was_useful));
            self.session.handle(Event::Lost, self.now());
        }
    }

    fn now(&self) -> Millis {
        millis(self.zero.elapsed())
    }
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// A connection that lasted for this long was good for something, even if there was nothing to report.
const LASTED: Duration = Duration::from_secs(60);
/// Longest delay of a claim, a progress or a heartbeat: the time is looked at this often.
const TICK: Duration = Duration::from_millis(200);
/// Four heartbeats: a worker that died is missed soon, one that reconnects in the longest of its back-offs is not.
const LEASE: Millis = Millis(4 * HEARTBEAT_EVERY_MS);
/// Time for stopping by force, and for the last reports to be confirmed.
const FORCED: Duration = exec::GRACE.saturating_add(Duration::from_secs(5));
