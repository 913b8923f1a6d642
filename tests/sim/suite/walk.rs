//! Random walks: whatever somebody does on both, the model says exactly what the broker then does.
//!
//! Where two consumers compete the broker is free to choose; so a queue has one at a time, and a connection one.

use super::{End, Got, Kind, Line, Made, Model, Play as _, Published, Receipt, Stage, Tap};
use crate::dice::{Dice, hash};

macro_rules! walks {
    ($($name:ident from $seed:literal,)*) => {
        $(
            pub(super) async fn $name(stage: &mut impl Stage) {
                walk(stage, $seed).await;
            }
        )*
    };
}

walks! {
    a_random_walk from 1,
    another_random_walk from 2,
    a_third_random_walk from 3,
    a_fourth_random_walk from 4,
    a_fifth_random_walk from 5,
    a_sixth_random_walk from 6,
}

/// Two of the same: of the model, and of the broker.
type Pair<T> = (T, T);

/// A connection with its consumer.
#[derive(Debug)]
struct Consuming {
    line: Pair<Line>,
    tap: Pair<Tap>,
    queue: &'static str,
    cancelled: bool,
    unsettled: Vec<Pair<Receipt>>,
}

struct Walk<'a, S> {
    model: Model,
    stage: &'a mut S,
    dice: Dice,
    clients: Vec<Consuming>,
    publisher: Pair<Line>,
    published: u32,
    steps: Vec<String>,
}

async fn walk(stage: &mut impl Stage, seed: u64) {
    let mut model = Model::default();
    let publisher = (model.connect().await, stage.connect().await);
    let unlimited = stage.habits().has_no_limit_by_default;
    prepare(&mut model, unlimited).await;
    prepare(stage, unlimited).await;
    let dice = Dice::new(hash(&[seed, 7]));
    let mut walk = Walk { model, stage, dice, clients: Vec::new(), publisher, published: 0, steps: Vec::new() };
    for _ in 0..STEPS {
        walk.step().await;
        walk.compare().await;
        assert!(walk.model.is_balanced(), "{:?}", walk.steps);
    }
}

async fn prepare(stage: &mut impl Stage, unlimited: bool) {
    stage.exchange("lost", Kind::Fanout, None).await;
    stage.exchange("in", Kind::Direct, Some("lost")).await;
    stage.exchange("dlx", Kind::Direct, None).await;
    let limit = (!unlimited).then_some(50);
    let made = [
        ("a", Made { limit: Some(2), dead_letter: Some(("dlx", "dead")), ..Made::default() }),
        ("b", Made { limit: Some(1), dead_letter: Some(("dlx", "again")), ..Made::default() }),
        ("c", Made { limit, ..Made::default() }),
        ("dead", Made { limit: Some(9), ..Made::default() }),
    ];
    for (name, made) in made {
        stage.queue(name, made).await;
    }
    let bindings = [("a", "in", "a"), ("b", "in", "b"), ("b", "in", "bc"), ("c", "in", "bc"), ("c", "in", "c")];
    let dead = [("a", "dlx", "again"), ("dead", "dlx", "dead"), ("dead", "lost", "")];
    for (queue, exchange, key) in bindings.into_iter().chain(dead) {
        stage.bind(queue, exchange, key).await;
    }
}

impl<S: Stage> Walk<'_, S> {
    async fn step(&mut self) {
        match self.dice.below(100) {
            0..30 => self.publish().await,
            30..45 => self.consume().await,
            45..50 => self.cancel().await,
            50..60 => self.end().await,
            _ => self.settle().await,
        }
    }

    async fn publish(&mut self) {
        let key = *self.dice.pick(&["a", "b", "c", "bc", "nowhere"]);
        self.published += 1;
        let body = self.published.to_string();
        self.steps.push(format!("publish {body} to {key}"));
        let model = self.model.publish(self.publisher.0, "in", key, &body).await;
        let real = self.stage.publish(self.publisher.1, "in", key, &body).await;
        assert_eq!((model, real), (Published::Confirmed, Published::Confirmed));
    }

    /// A connection of its own for a queue that nobody consumes.
    async fn consume(&mut self) {
        let queue = *self.dice.pick(&QUEUES);
        let is_taken = |client: &Consuming| client.queue == queue && !client.cancelled;
        if self.clients.len() == CLIENTS || self.clients.iter().any(is_taken) {
            return;
        }
        let prefetch = 1 + u16::try_from(self.dice.below(4)).unwrap();
        self.steps.push(format!("consume {queue} with {prefetch}"));
        let line = (self.model.connect().await, self.stage.connect().await);
        let tap = (self.model.open(line.0, queue, prefetch).await, self.stage.open(line.1, queue, prefetch).await);
        self.clients.push(Consuming { line, tap, queue, cancelled: false, unsettled: Vec::new() });
    }

    async fn cancel(&mut self) {
        let live: Vec<usize> = (0..self.clients.len()).filter(|at| !self.clients[*at].cancelled).collect();
        if !live.is_empty() {
            let at = *self.dice.pick(&live);
            self.cancel_at(at).await;
        }
    }

    async fn cancel_at(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.cancelled = true;
        self.steps.push(format!("cancel {}", client.queue));
        let tap = client.tap;
        self.model.cancel(tap.0).await;
        self.stage.cancel(tap.1).await;
    }

    async fn end(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let at = self.dice.index(self.clients.len());
        // With nothing to give back, the end of its consumer could not be seen.
        if self.clients[at].unsettled.is_empty() && !self.clients[at].cancelled {
            self.cancel_at(at).await;
        }
        let how = *self.dice.pick(&[End::Closed, End::Cut]);
        let client = self.clients.remove(at);
        self.steps.push(format!("{} of {:?} ends: {how:?}", client.queue, client.line.1));
        self.model.end(client.line.0, how).await;
        self.stage.end(client.line.1, how).await;
    }

    async fn settle(&mut self) {
        let busy: Vec<usize> = (0..self.clients.len()).filter(|at| !self.clients[*at].unsettled.is_empty()).collect();
        if busy.is_empty() {
            return;
        }
        let client = &mut self.clients[*self.dice.pick(&busy)];
        let place = self.dice.index(client.unsettled.len());
        // RabbitMQ 3.10 gives a consumer room for two if a message that it gives back dies of that.
        let how = self.dice.below(if client.cancelled { 5 } else { 3 });
        let how_named = HOW[usize::try_from(how).unwrap()];
        self.steps.push(format!("{how_named} {place} of {} from {}", client.unsettled.len(), client.queue));
        if how == 1 {
            let (model, real) = client.unsettled.drain(..=place).next_back().expect("at least one");
            self.model.ack_up_to(model).await;
            return self.stage.ack_up_to(real).await;
        }
        let (model, real) = client.unsettled.remove(place);
        match how {
            0 => {
                self.model.ack(model).await;
                self.stage.ack(real).await;
            }
            2 => {
                self.model.reject(model).await;
                self.stage.reject(real).await;
            }
            _ => {
                self.model.release(model).await;
                self.stage.release(real).await;
            }
        }
    }

    /// What came and what is ready, here and there.
    async fn compare(&mut self) {
        for client in &mut self.clients {
            let tap = client.tap;
            while let Some(model) = self.model.take_next(tap.0) {
                let mut real = self.stage.next(tap.1).await;
                if model.death.is_some() && !self.stage.habits().begins_dead_letters_anew {
                    (real.redelivered, real.returned) = (model.redelivered, model.returned);
                }
                let receipts = (model.receipt, real.receipt);
                assert_eq!(model, Got { receipt: model.receipt, ..real }, "{:#?}", self.steps);
                client.unsettled.push(receipts);
            }
        }
        for queue in QUEUES {
            let count = self.model.ready(queue).await.expect("it is there");
            let seen = self.stage.comes_to(queue, count).await;
            assert_eq!(Some(count), seen, "ready in {queue}: {:#?}", self.steps);
        }
    }
}

const QUEUES: [&str; 4] = ["a", "b", "c", "dead"];
const CLIENTS: usize = 6;
const STEPS: u32 = 150;
const HOW: [&str; 5] = ["ack", "ack up to", "reject", "release", "release"];
