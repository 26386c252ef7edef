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
                began.elapsed() < Duration::from_mins(1),
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

/// A conversation over one stream.
struct Talk<'a, S> {
    session: &'a Session,
    stream: BufReader<S>,
    encrypted: bool,
    from: String,
    to: Vec<String>,
}

/// What comes after a command.
enum Next {
    Command,
    End,
    Tls,
}

impl Session {
    /// A client that goes away, or that does not like the certificate, is no failure of the server's.
    fn serve(&self, socket: &TcpStream) {
        self.state.lock().unwrap().connections += 1;
        let plain = || socket.try_clone().unwrap();
        let ended = if self.security == Security::Implicit {
            self.talk(encrypted(plain()), true).greet()
        } else {
            self.talk(plain(), false).greet()
        };
        if let Ok(Next::Tls) = ended {
            self.talk(encrypted(plain()), true).converse().ok();
        }
        socket.shutdown(std::net::Shutdown::Both).ok();
    }

    fn talk<S: Read + Write>(&self, stream: S, encrypted: bool) -> Talk<'_, S> {
        Talk {
            session: self,
            stream: BufReader::new(stream),
            encrypted,
            from: String::new(),
            to: Vec::new(),
        }
    }

    /// Notes a command; the reply that the script has for it.
    fn scripted(&self, command: &str) -> Option<Reply> {
        let mut state = self.state.lock().unwrap();
        state.commands.push(command.to_owned());
        let rules = &mut state.rules;
        let at = rules
            .iter()
            .position(|(start, _)| command.starts_with(start))?;
        Some(rules.remove(at).1)
    }
}

impl<S: Read + Write> Talk<'_, S> {
    fn greet(mut self) -> io::Result<Next> {
        self.say("220 mail.example ready")?;
        self.converse()
    }

    fn converse(mut self) -> io::Result<Next> {
        while let Some(line) = self.read_line()? {
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            let next = match self.session.scripted(&command) {
                Some(Reply::Close) => Next::End,
                Some(Reply::Silence) => Next::Command,
                Some(Reply::Say(text)) => self.say(text)?,
                None => self.answer(&command)?,
            };
            if !matches!(next, Next::Command) {
                return Ok(next);
            }
        }
        Ok(Next::End)
    }

    fn answer(&mut self, command: &str) -> io::Result<Next> {
        match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => self.introduce(),
            "STARTTLS" => self.say("220 go ahead").map(|_| Next::Tls),
            "AUTH" => self.say("235 2.7.0 accepted"),
            "MAIL" => {
                self.from = address(command);
                self.to.clear();
                self.say("250 2.1.0 sender ok")
            }
            "RCPT" => {
                self.to.push(address(command));
                self.say("250 2.1.5 recipient ok")
            }
            "DATA" => self.take_message(),
            "QUIT" => self.say("221 goodbye").map(|_| Next::End),
            "NOOP" | "RSET" => self.say("250 2.0.0 ok"),
            _ => self.say("500 5.5.1 unknown command"),
        }
    }

    fn introduce(&mut self) -> io::Result<Next> {
        let mut lines = vec!["mail.example"];
        lines.extend(self.session.extensions);
        if self.session.security == Security::Starttls && !self.encrypted {
            lines.push("STARTTLS");
        }
        let last = lines.len() - 1;
        for (at, line) in lines.into_iter().enumerate() {
            let dash = if at == last { ' ' } else { '-' };
            self.say(&format!("250{dash}{line}"))?;
        }
        Ok(Next::Command)
    }

    fn take_message(&mut self) -> io::Result<Next> {
        self.say("354 go on")?;
        let Some(bytes) = self.read_message()? else {
            return Ok(Next::End);
        };
        let reply = self.session.scripted(".");
        if matches!(reply, None | Some(Reply::Close)) {
            let message = Message {
                from: self.from.clone(),
                to: self.to.clone(),
                bytes,
                encrypted: self.encrypted,
            };
            self.session.state.lock().unwrap().messages.push(message);
        }
        match reply {
            Some(Reply::Say(text)) => self.say(text),
            Some(Reply::Silence) => Ok(Next::Command),
            Some(Reply::Close) => Ok(Next::End),
            None => self.say("250 2.0.0 taken"),
        }
    }

    fn say(&mut self, line: &str) -> io::Result<Next> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        stream.flush()?;
        Ok(Next::Command)
    }

    /// None when the client has gone.
    fn read_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        Ok(line.ends_with(b"\n").then_some(line))
    }

    /// A message up to the line that is a dot; none when the client goes before it.
    fn read_message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        while let Some(line) = self.read_line()? {
            if line == b".\r\n" {
                return Ok(Some(bytes));
            }
            bytes.extend(line.strip_prefix(b".").unwrap_or(&line));
        }
        Ok(None)
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

/// What stands between `<` and `>`.
fn address(command: &str) -> String {
    let inside = command.split(['<', '>']).nth(1);
    inside.unwrap_or_default().to_owned()
}
