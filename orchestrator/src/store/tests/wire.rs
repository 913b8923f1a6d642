//! A wire to a server that can be cut at the worst moment.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// See the module.
pub(crate) struct Wire {
    url: String,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    cut: Option<Cut>,
    refuses: bool,
}

#[derive(Clone, Copy)]
struct Cut {
    at: &'static str,
    /// Whether the server still gets it.
    arrives: bool,
}

impl Wire {
    /// A wire to the server at this address.
    pub(crate) fn to(url: &str) -> Self {
        let (credentials, place) = url.split_once('@').unwrap();
        let (server, database) = place.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{credentials}@{}/{database}", listener.local_addr().unwrap());
        let plan = Arc::<Mutex<Plan>>::default();
        let (server, planned) = (server.to_owned(), plan.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !planned.lock().unwrap().refuses {
                    connect(client, &server, &planned);
                }
            }
        });
        Self { url, plan }
    }

    /// The address of its near end.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// The next message that holds this text reaches the server, and its answer nobody.
    pub(crate) fn cut_after(&self, at: &'static str) {
        self.plan.lock().unwrap().cut = Some(Cut { at, arrives: true });
    }

    /// The next message that holds this text does not reach the server any more.
    pub(crate) fn cut_before(&self, at: &'static str) {
        self.plan.lock().unwrap().cut = Some(Cut { at, arrives: false });
    }

    /// Ends new connections at once, or no longer.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.plan.lock().unwrap().refuses = refuses;
    }
}

fn connect(client: TcpStream, server: &str, plan: &Arc<Mutex<Plan>>) {
    let server = TcpStream::connect(server).unwrap();
    let (to_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let plan = plan.clone();
    thread::spawn(move || carry(from_server, to_client, |_| None));
    thread::spawn(move || {
        carry(client, server, |bytes| {
            let mut plan = plan.lock().unwrap();
            let cut = plan.cut?;
            let is_there = bytes.windows(cut.at.len()).any(|window| window == cut.at.as_bytes());
            is_there.then(|| plan.cut.take()).flatten()
        });
    });
}

/// Carries bytes until an end closes, or the wire is cut.
fn carry(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8]) -> Option<Cut>) {
    let mut bytes = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let Some(cut) = look(&bytes[..count]) else {
            // If nobody hears it any more the other end is not to notice.
            to.write_all(&bytes[..count]).ok();
            continue;
        };
        from.shutdown(Shutdown::Both).ok();
        if cut.arrives {
            to.write_all(&bytes[..count]).ok();
            // The server has done what it was told once it says so; nobody hears it.
            thread::sleep(Duration::from_millis(300));
        }
        break;
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
