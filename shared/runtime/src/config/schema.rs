//! Every key that any Warrener binary reads.

use super::value::Kind;

/// A program that reads keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `orchestrator`.
    Orchestrator,
    /// `worker`.
    Worker,
    /// `warrener`, the command line.
    Cli,
}

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Segments of the key, joined by dots; `*` stands for a name that the user chooses, such as a kind.
    pub path: &'static str,
    /// Type of the value.
    pub kind: Kind,
    /// Value unless given, as it would be written in the environment; `None` leaves it out.
    pub default: Option<&'static str>,
    /// Programs that read the key.
    pub readers: &'static [Binary],
    /// Rule about showing the value.
    pub secrecy: Secrecy,
    /// Meaning of the key, in one line.
    pub doc: &'static str,
}

/// Rule about showing a value to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// The value may be shown.
    Open,
    /// Only with the password and the parameters inside the URL masked. May be read from a file by `…_file`.
    Url,
    /// Only without arguments that look like secrets.
    Command,
    /// Never. May be read from a file by `…_file`.
    Secret,
}

impl Secrecy {
    /// Tells whether the value may stand in a file of its own instead.
    pub(super) const fn may_be_a_file(self) -> bool {
        matches!(self, Self::Url | Self::Secret)
    }
}

impl Key {
    /// The segments of the path.
    pub fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('.')
    }

    /// Tells whether this binary reads the key.
    pub fn is_read_by(&self, binary: Binary) -> bool {
        self.readers.contains(&binary)
    }

    /// Tells whether `path` is this key.
    pub(super) fn matches(&self, path: &[String]) -> bool {
        let mut segments = self.segments();
        path.iter().all(|name| segments.next().is_some_and(|segment| segment == "*" || segment == name))
            && segments.next().is_none()
    }
}

/// The key with this path.
pub(super) fn find(path: &[String]) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.matches(path))
}

/// The secret key that `path` names a file for: `amqp.url` for `amqp.url_file`.
pub(super) fn find_secret_file(path: &[String]) -> Option<(&'static Key, Vec<String>)> {
    let stem = path.last()?.strip_suffix("_file")?;
    let mut secret = path.to_vec();
    stem.clone_into(secret.last_mut()?);
    let key = find(&secret)?;
    key.secrecy.may_be_a_file().then_some((key, secret))
}

const ALL: &[Binary] = &[Binary::Orchestrator, Binary::Worker, Binary::Cli];
const ORCHESTRATOR: &[Binary] = &[Binary::Orchestrator];
const SERVERS: &[Binary] = &[Binary::Orchestrator, Binary::Worker];
const WORKER: &[Binary] = &[Binary::Worker];
const CLI: &[Binary] = &[Binary::Cli];

const HTTP_URL: Kind = Kind::Url(&["http", "https"]);
const STORE_URL: Kind = Kind::Url(&["sqlite", "postgres", "postgresql"]);
const COUNT: Kind = Kind::Int { min: 1, max: u32::MAX as i64 };

const fn key(path: &'static str, kind: Kind, readers: &'static [Binary], doc: &'static str) -> Key {
    Key { path, kind, default: None, readers, secrecy: Secrecy::Open, doc }
}

impl Key {
    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn secret(self, secrecy: Secrecy) -> Self {
        Self { secrecy, ..self }
    }
}

/// All keys, in the order in which they are shown.
pub const KEYS: &[Key] = &[
    key("url", HTTP_URL, CLI, "The orchestrator that the command line talks to.")
        .or("http://127.0.0.1:8080")
        .secret(Secrecy::Url),
    key("ca_file", Kind::Text, CLI, "A file with the authorities to trust for `https://`, instead of the public ones."),
    key("token", Kind::Text, CLI, "The token that the command line shows the orchestrator.").secret(Secrecy::Secret),
    key("amqp.url", Kind::BrokerUrl, ALL, "The broker; `?cacertfile=` names authorities of your own.")
        .or("amqp://guest:guest@127.0.0.1:5672/%2f")
        .secret(Secrecy::Url),
    key("amqp.username", Kind::Text, ALL, "Replaces the user name in `amqp.url`."),
    key("amqp.password", Kind::Text, ALL, "Replaces the password in `amqp.url`.").secret(Secrecy::Secret),
    key("amqp.ca_file", Kind::Text, ALL, "A file with authorities of your own for `amqps://`, in PEM."),
    key("amqp.cert_file", Kind::Text, ALL, "A file with the certificate to show the broker, in PEM."),
    key("amqp.key_file", Kind::Text, ALL, "A file with the key of that certificate, in PEM."),
    key("amqp.prefix", Kind::Name, ALL, "What the names of all exchanges and queues start with.").or("warrener"),
    key("amqp.heartbeat", Kind::Duration, ALL, "How long the broker may be silent.").or("10s"),
    key("amqp.reply_to", Kind::List, ORCHESTRATOR, "Queues that answers may go to; * stands for anything.").or("*"),
    key(
        "amqp.schedules",
        Kind::Bool,
        ORCHESTRATOR,
        "Takes schedules by message; a submitter may then give standing orders.",
    )
    .or("false"),
    key("amqp.answers_kept", Kind::Duration, ORCHESTRATOR, "How long an answer that nobody takes is tried.").or("24h"),
    key("store.url", STORE_URL, ORCHESTRATOR, "The database.").or("sqlite://warrener.db").secret(Secrecy::Url),
    key("store.ca_file", Kind::Text, ORCHESTRATOR, "A file with the authorities of PostgreSQL's certificate, in PEM."),
    key("http.listen", Kind::Listen, ORCHESTRATOR, "Where the API and the dashboard listen.").or("127.0.0.1:8080"),
    key(
        "http.hosts",
        Kind::Hosts,
        ORCHESTRATOR,
        "Other names under which it is reached: `name`, `name:port`, `*.domain`.",
    )
    .or(""),
    key("http.origins", Kind::Origins, ORCHESTRATOR, "Other sites whose pages may use it: `https://name`.").or(""),
    key("http.tls_cert", Kind::Text, ORCHESTRATOR, "A file with the server's certificate and its chain, in PEM."),
    key("http.tls_key", Kind::Text, ORCHESTRATOR, "A file with the key of that certificate, in PEM."),
    key("http.trusted_proxies", Kind::List, ORCHESTRATOR, "Networks of proxies whose X-Forwarded-… headers count.")
        .or(""),
    key("http.user_header", Kind::Text, ORCHESTRATOR, "The header in which they name the person whom they signed in."),
    key("http.group_scopes.*", Kind::List, ORCHESTRATOR, "The scopes of a group in X-Forwarded-Groups."),
    key("http.unguarded", Kind::Bool, ORCHESTRATOR, "Allows an address that other machines reach, without tokens.")
        .or("false"),
    key("http.max_connections", COUNT, ORCHESTRATOR, "Connections at once; one more ends the one that rests longest.")
        .or("1024"),
    key("http.max_waiting", COUNT, ORCHESTRATOR, "Submits that wait for the end of their job at once.").or("64"),
    key("http.max_streams", COUNT, ORCHESTRATOR, "Streams of events and logs that are followed at once.").or("1000"),
    key("http.max_lists", COUNT, ORCHESTRATOR, "Lists made at once; others wait.").or("2"),
    key("http.max_reads", COUNT, ORCHESTRATOR, "Single resources read at once; others wait.").or("3"),
    key("http.max_body", Kind::Size, ORCHESTRATOR, "Size of one request body.").or("16MiB"),
    key("http.body_memory", Kind::Size, ORCHESTRATOR, "Memory for large request bodies together; others wait.")
        .or("128MiB"),
    key("http.answer_memory", Kind::Size, ORCHESTRATOR, "Memory for large answers that are sent; others wait.")
        .or("64MiB"),
    key("http.head_timeout", Kind::Duration, ORCHESTRATOR, "How long the head of a request may take.").or("10s"),
    key("http.body_timeout", Kind::Duration, ORCHESTRATOR, "How long a request body may make no progress.").or("30s"),
    key("http.write_timeout", Kind::Duration, ORCHESTRATOR, "How long an answer may make no progress.").or("30s"),
    key("http.idle_timeout", Kind::Duration, ORCHESTRATOR, "How long a connection may rest between requests.")
        .or("60s"),
    key("api.tokens_file", Kind::Text, ORCHESTRATOR, "A file of tokens that may use the API; without it all may."),
    key("retention", Kind::Duration, ORCHESTRATOR, "How long finished jobs and their ids are kept.").or("7d"),
    key("dead.max_letters", COUNT, ORCHESTRATOR, "Dead letters that are kept; beyond it the oldest are dropped.")
        .or("100000"),
    key("dead.max_bytes", Kind::Size, ORCHESTRATOR, "Size of all dead letters together.").or("1GiB"),
    key("dead.retention", Kind::Duration, ORCHESTRATOR, "How long a dead letter is kept.").or("90d"),
    key(
        "metrics.listen",
        Kind::Listen,
        ORCHESTRATOR,
        "An address of its own for /metrics, where no token is asked for.",
    ),
    key("log.format", Kind::Choice(&["pretty", "json"]), SERVERS, "How log lines look.").or("pretty"),
    key("log.level", Kind::Text, SERVERS, "The log filter unless RUST_LOG is set.").or("info,lapin=off"),
    key(
        "telemetry.otlp",
        HTTP_URL,
        SERVERS,
        "The collector of OpenTelemetry that spans go to; without it none are made.",
    )
    .secret(Secrecy::Url),
    key("telemetry.service_name", Kind::Text, SERVERS, "The name of the service in traces."),
    key("telemetry.sample_one_in", COUNT, ORCHESTRATOR, "Records one trace in so many, of those that begin here.")
        .or("1"),
    key(
        "queues.*.address",
        Kind::Text,
        ORCHESTRATOR,
        "The queue of somebody else that carries the tasks of this queue.",
    ),
    key("queues.*.fair_by", Kind::Text, ORCHESTRATOR, "Expression of the key by which the queue is shared."),
    key("delays.*.deliver_to", Kind::Text, ORCHESTRATOR, "The exchange that delayed messages of this one go on to."),
    key(
        "delays.*.header",
        Kind::Choice(&["x-delay", "x-opt-delivery-time"]),
        ORCHESTRATOR,
        "The header that says when: x-delay unless given.",
    ),
    key("limits.submit_bytes", Kind::Size, ORCHESTRATOR, "Size of one submitted job.").or("15MiB"),
    key("limits.tasks", COUNT, ORCHESTRATOR, "Tasks of one job, and items of one mapped task.").or("100000"),
    key("limits.needs", COUNT, ORCHESTRATOR, "Needs of all tasks of a job together.").or("1000000"),
    key("limits.output_bytes", Kind::Size, ORCHESTRATOR, "Size of the output of one attempt.").or("1MiB"),
    key("limits.resolved_bytes", Kind::Size, ORCHESTRATOR, "Size of a resolved input and of a job's output.")
        .or("8MiB"),
    key("limits.json_depth", COUNT, ORCHESTRATOR, "Nesting of any JSON.").or("128"),
    key("limits.expression_chars", COUNT, ORCHESTRATOR, "Characters of one expression.").or("4096"),
    key("limits.queues", COUNT, ORCHESTRATOR, "Queues of tasks in all; each stays at the broker for good.").or("1000"),
    key("limits.expression_fuel", COUNT, ORCHESTRATOR, "Steps of one expression.").or("100000"),
    key(
        "limits.*.on",
        Kind::Text,
        ORCHESTRATOR,
        "Filter on kind, queue, name and label.x of the tasks that it counts.",
    ),
    key("limits.*.key", Kind::Text, ORCHESTRATOR, "Expression of the key that is limited; without, one for all."),
    key("limits.*.concurrency", Kind::Int { min: 0, max: 4_294_967_295 }, ORCHESTRATOR, "Attempts of a key at once."),
    key("limits.*.rate", Kind::Text, ORCHESTRATOR, "Attempts of a key, or their cost, in a span of time: 100/s."),
    key("limits.*.burst", COUNT, ORCHESTRATOR, "Cost that may begin at once after a rest."),
    key("limits.*.cost", Kind::Text, ORCHESTRATOR, "Expression of the cost of one attempt."),
    key(
        "limits.*.per",
        Kind::Text,
        ORCHESTRATOR,
        "What concurrency counts: task (attempts) or job (jobs, from the first dispatch to the end).",
    ),
    key(
        "limits.*.when_full",
        Kind::Text,
        ORCHESTRATOR,
        "With per = job: wait, cancel_oldest, cancel_newest or refuse.",
    ),
    key("worker.queues", Kind::List, WORKER, "Queues to serve, in order of preference.").or("default"),
    key("worker.slots", Kind::Int { min: 1, max: 4096 }, WORKER, "Attempts worked on at once.").or("8"),
    key("worker.demo", Kind::Bool, WORKER, "Adds the kinds demo.echo, demo.sleep, demo.fail, demo.crash.").or("false"),
    key("worker.drain", Kind::Duration, WORKER, "Grace for running attempts when asked to end.").or("30s"),
    key("worker.claim_after", Kind::Duration, WORKER, "Claims an attempt that lasts longer.").or("60s"),
    key("kinds.*.command", Kind::List, WORKER, "Program and arguments that serve the kind.").secret(Secrecy::Command),
    key("kinds.*.http", HTTP_URL, WORKER, "Endpoint that serves the kind.").secret(Secrecy::Url),
    key("kinds.*.pause_on_429", Kind::Name, WORKER, "The limit whose key is paused when the endpoint answers 429."),
    key("kinds.*.env", Kind::List, WORKER, "Names of variables of the worker that the program may see."),
];
