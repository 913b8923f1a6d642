//! Global options and configuration, which every command has at hand.

use std::path::PathBuf;

use serde::Deserialize;
use warrener_client::amqp::{Names, Settings};
use warrener_client::{Client, HttpClient};
use warrener_runtime::clock::Clock;
use warrener_runtime::config::{Amqp, Binary, DevelopmentPassword, Flag, Loader, Origin, refuse_development_password};
use warrener_shared::shown;
use warrener_shared::time::Timestamp;

use crate::contexts::book::ContextBook;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{Globals, OutputFormat};
use crate::output::{self, Table};
use crate::talk;

/// The global flags, and the connections that they and the configuration lead to.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) globals: Globals,
    clock: Clock,
}

/// Keys of the configuration that the command line reads.
#[derive(Debug, Deserialize)]
struct ClientConfig {
    url: String,
    token: Option<String>,
    ca_file: Option<PathBuf>,
    amqp: Amqp,
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Self {
        Self { globals, clock: Clock::start() }
    }

    /// A client of the orchestrator. It connects at its first request.
    pub(crate) fn http(&self) -> Result<HttpClient, Failure> {
        let config = self.server()?;
        let authorities = config.ca_file.map(|file| {
            let failed = |error| Failure::new(Exit::Error, format!("reading ca_file {}: {error}", file.display()));
            std::fs::read(&file).map_err(failed)
        });
        Ok(HttpClient::trusting(&config.url, config.token, authorities.transpose()?.as_deref())?)
    }

    /// Address of the orchestrator.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        Ok(self.server()?.url)
    }

    /// The configuration, with the orchestrator that a name stands for: the one that was said, or else the one in use
    /// where nothing says which. Its token is shown to nobody else.
    fn server(&self) -> Result<ClientConfig, Failure> {
        let loaded = self.loader(&[Binary::Cli]).load::<ClientConfig>()?;
        let mut settings = loaded.settings().iter();
        let is_said = settings.any(|one| one.path == "url" && one.origin != Origin::Default);
        let name = match &self.globals.context {
            Some(name) => Some(name.clone()),
            None if is_said => None,
            None => ContextBook::load()?.current,
        };
        let Some(name) = name else { return Ok(loaded.value) };
        let server = ContextBook::load()?.get(&name)?.clone();
        let token = server.token()?.or(loaded.value.token);
        Ok(ClientConfig { url: server.url, token, ..loaded.value })
    }

    /// A connection to the broker.
    pub(crate) async fn amqp(&self) -> Result<Client, Failure> {
        let amqp = self.config()?.amqp;
        let address = amqp.address();
        if std::env::var_os("WARRENER_ENV").is_some_and(|value| value == "production") {
            refuse_development_password(&address)
                .map_err(|error| Failure::new(Exit::Error, error.to_string()).hint(DevelopmentPassword::HINT))?;
        }
        let settings = Settings { heartbeat: amqp.heartbeat, ..Settings::new(address, "warrener") };
        Ok(Client::open(&settings, Names::new(&amqp.prefix)).await?)
    }

    fn config(&self) -> Result<ClientConfig, Failure> {
        Ok(self.loader(&[Binary::Cli]).load::<ClientConfig>()?.value)
    }

    /// A loader that knows the global flags.
    pub(crate) fn loader(&self, binaries: &[Binary]) -> Loader {
        let server = self.globals.server.clone().map(|value| Flag { flag: "--server", path: "url", value });
        let token = self.globals.token_file.clone();
        let token = token.map(|value| Flag { flag: "--token-file", path: "token_file", value });
        Loader::for_binaries(binaries).file(self.globals.config.clone()).flags(server).flags(token)
    }

    /// Prints a list: as `pages` of the API for programs, else its names, or the table.
    pub(crate) fn print<T>(
        &self,
        pages: &[String],
        items: &[T],
        name: impl Fn(&T) -> String,
        table: impl FnOnce() -> Table,
    ) -> Result<Exit, Failure> {
        if let Some(mut text) = output::elements(self.globals.output, pages)? {
            if self.globals.output == OutputFormat::Csv && self.globals.no_headers {
                text = text.split_once("\r\n").map_or_else(String::new, |(_, rest)| rest.to_owned());
            }
            return talk::document(&text).map(|()| Exit::Ok);
        }
        let text = match self.globals.output {
            OutputFormat::Name => items.iter().map(|item| format!("{}\n", shown::line(&name(item)))).collect(),
            _ => self.render(&table()),
        };
        if !text.is_empty() {
            talk::exact(&text)?;
        }
        Ok(Exit::Ok)
    }

    /// A table as it fits stdout and the flags.
    pub(crate) fn render(&self, table: &Table) -> String {
        table.render(!self.globals.no_headers, talk::may_color())
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// Says something that is no error.
    pub(crate) fn say(&self, text: &str) {
        if !self.globals.quiet {
            talk::say(text);
        }
    }

    /// Says how to go on, where a person can read it.
    pub(crate) fn suggest(&self, text: &str) {
        if talk::is_watched() {
            self.say(text);
        }
    }
}
