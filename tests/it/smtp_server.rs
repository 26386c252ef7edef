//! A mail server on this machine that answers as a script says, and remembers what it saw.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The authority that signed the server's certificate, which is for `localhost` and `127.0.0.1`.
pub(crate) const AUTHORITY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("tls/server.pem");
const KEY: &[u8] = include_bytes!("tls/server.key");

/// What comes instead of the usual answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Say(&'static str),
    /// The connection ends. A message that was ending is kept: only its answer is lost.
    Close,
    /// The connection stays, and nothing is said on it.
    Silence,
}

/// A reply to the next command that begins so, once; `.` is the end of a message.
pub(crate) type Rule = (&'static str, Reply);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    None,
    Implicit,
    Starttls,
}

/// A message that the server took.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) encrypted: bool,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    connections: usize,
    commands: Vec<String>,
    messages: Vec<Message>,
}

/// Serves until the test process ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// A server without encryption that offers no login.
    pub(crate) fn start(rules: &[Rule]) -> Self {
        Self::offering(&[], Security::None, rules)
    }

    pub(crate) fn offering(
        extensions: &'static [&'static str],
        security: Security,
        rules: &[Rule],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            rules: rules.to_vec(),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let session = Session {
                    extensions,
                    security,
                    state: Arc::clone(&shared),
                };
                thread::spawn(move || session.serve(&socket.unwrap()));
            }
        });
        Self { port, state }
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    /// Every command, in order; what a login sends is shown too.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.state().commands.clone()
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// The recipients of all messages that the server took, in order.
    pub(crate) fn reached(&self) -> Vec<String> {
        let messages = self.messages();
        messages
            .into_iter()
            .flat_map(|message| message.to)
            .collect()
    }

    /// Waits until a command that begins so has come.
    pub(crate) fn wait_for(&self, start: &str) {
        let began = Instant::now();
        while !self.commands().iter().any(|line| line.starts_with(start)) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "no `{start}` came"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

struct Session {
    extensions: &'static [&'static str],
    security: Security,
    state: Arc<Mutex<State>>,
}

enum Ended {
    Closed,
    WantsTls,
}

impl Session {
    /// A client that goes away, or that does not like the certificate, is no failure of the server's.
    fn serve(&self, socket: &TcpStream) {
        self.state.lock().unwrap().connections += 1;
        let plain = || socket.try_clone().unwrap();
        let ended = if self.security == Security::Implicit {
            self.converse(encrypted(plain()), true, true)
        } else {
            self.converse(plain(), true, false)
        };
        if let Ok(Ended::WantsTls) = ended {
            self.converse(encrypted(plain()), false, true).ok();
        }
        socket.shutdown(std::net::Shutdown::Both).ok();
    }

    fn converse(
        &self,
        stream: impl Read + Write,
        greets: bool,
        encrypted: bool,
    ) -> io::Result<Ended> {
        let mut stream = BufReader::new(stream);
        if greets {
            say(&mut stream, "220 mail.example ready")?;
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        while let Some(line) = read_line(&mut stream)? {
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.note(&command);
            let scripted = self.scripted(&command);
            match scripted {
                Some(Reply::Close) => return Ok(Ended::Closed),
                Some(Reply::Silence) => continue,
                Some(Reply::Say(text)) => {
                    say(&mut stream, text)?;
                    continue;
                }
                None => {}
            }
            let word = command.split([' ', ':']).next().unwrap_or_default();
            match word {
                "EHLO" => self.introduce(&mut stream, encrypted)?,
                "STARTTLS" => {
                    say(&mut stream, "220 go ahead")?;
                    return Ok(Ended::WantsTls);
                }
                "AUTH" => say(&mut stream, "235 2.7.0 accepted")?,
                "MAIL" => {
                    from = address(&command);
                    to.clear();
                    say(&mut stream, "250 2.1.0 sender ok")?;
                }
                "RCPT" => {
                    to.push(address(&command));
                    say(&mut stream, "250 2.1.5 recipient ok")?;
                }
                "DATA" => {
                    say(&mut stream, "354 go on")?;
                    let Some(bytes) = read_message(&mut stream)? else {
                        return Ok(Ended::Closed);
                    };
                    self.note(".");
                    let message = Message {
                        from: from.clone(),
                        to: to.clone(),
                        bytes,
                        encrypted,
                    };
                    match self.scripted(".") {
                        Some(Reply::Say(text)) => say(&mut stream, text)?,
                        Some(Reply::Silence) => {}
                        Some(Reply::Close) => {
                            self.keep(message);
                            return Ok(Ended::Closed);
                        }
                        None => {
                            self.keep(message);
                            say(&mut stream, "250 2.0.0 taken")?;
                        }
                    }
                }
                "QUIT" => {
                    say(&mut stream, "221 goodbye")?;
                    return Ok(Ended::Closed);
                }
                "NOOP" | "RSET" => say(&mut stream, "250 2.0.0 ok")?,
                _ => say(&mut stream, "500 5.5.1 unknown command")?,
            }
        }
        Ok(Ended::Closed)
    }

    fn introduce(
        &self,
        stream: &mut BufReader<impl Read + Write>,
        encrypted: bool,
    ) -> io::Result<()> {
        let mut lines = vec!["mail.example"];
        lines.extend(self.extensions);
        if self.security == Security::Starttls && !encrypted {
            lines.push("STARTTLS");
        }
        let last = lines.len() - 1;
        for (at, line) in lines.into_iter().enumerate() {
            let dash = if at == last { ' ' } else { '-' };
            say(stream, &format!("250{dash}{line}"))?;
        }
        Ok(())
    }

    fn note(&self, command: &str) {
        let mut state = self.state.lock().unwrap();
        state.commands.push(command.to_owned());
    }

    fn keep(&self, message: Message) {
        self.state.lock().unwrap().messages.push(message);
    }

    fn scripted(&self, command: &str) -> Option<Reply> {
        let rules = &mut self.state.lock().unwrap().rules;
        let at = rules
            .iter()
            .position(|(start, _)| command.starts_with(start))?;
        Some(rules.remove(at).1)
    }
}

fn encrypted(socket: TcpStream) -> impl Read + Write {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), socket)
}

fn say(stream: &mut BufReader<impl Read + Write>, line: &str) -> io::Result<()> {
    stream
        .get_mut()
        .write_all(format!("{line}\r\n").as_bytes())?;
    stream.get_mut().flush()
}

/// None when the client has gone.
fn read_line(stream: &mut BufReader<impl Read>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// A message up to the line that is a dot; none when the client goes before it.
fn read_message(stream: &mut BufReader<impl Read>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while let Some(line) = read_line(stream)? {
        if line == b".\r\n" {
            return Ok(Some(bytes));
        }
        bytes.extend(line.strip_prefix(b".").unwrap_or(&line));
    }
    Ok(None)
}

/// What stands between `<` and `>`.
fn address(command: &str) -> String {
    let inside = command.split(['<', '>']).nth(1);
    inside.unwrap_or_default().to_owned()
}
