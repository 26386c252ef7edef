//! A proxy before an object store: passes requests on, changes them, or answers by itself, as a script
//! says. One request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Pass,
    /// The store never sees it; the client gets this status line, these headers, and no more.
    Say(&'static str),
    /// The connection ends, and the store never sees it.
    Drop,
    /// The store does it, and the connection ends before the answer.
    LoseAnswer,
}

/// A request on its way to the store.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Whether its path has this in it, however the client spells it.
    pub(crate) fn names(&self, part: &str) -> bool {
        let codes = [("%2E", "."), ("%2F", "/"), ("%5F", "_")];
        let spell = |target: String, (code, plain)| target.replace(code, plain);
        let plain = codes.into_iter().fold(self.target.clone(), spell);
        plain.contains(part)
    }
}

/// Decides a request's fate, and may change it on the way.
pub(crate) type Script = dyn Fn(&mut Request) -> Fate + Send + Sync;

/// Stands before the store at `upstream` (`127.0.0.1:<port>`) until the test process ends; the answer
/// is its own URL.
pub(crate) fn before(upstream: &str, script: Arc<Script>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = upstream.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (upstream, script) = (upstream.clone(), Arc::clone(&script));
            // A client that goes away is no affair of the proxy's.
            thread::spawn(move || serve(client, &upstream, &*script).ok());
        }
    });
    format!("http://127.0.0.1:{port}")
}

fn serve(mut client: TcpStream, upstream: &str, script: &Script) -> io::Result<()> {
    let Some(mut request) = read(&client)? else {
        return Ok(());
    };
    match script(&mut request) {
        Fate::Drop => Ok(()),
        Fate::Say(head) => {
            let end = "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            client.write_all(format!("HTTP/1.1 {head}{end}").as_bytes())
        }
        Fate::LoseAnswer => pass_on(&request, upstream).map(drop),
        Fate::Pass => client.write_all(&pass_on(&request, upstream)?),
    }
}

fn read(client: &TcpStream) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(client);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    Ok(Some(Request {
        method,
        target,
        headers,
        body,
    }))
}

/// Has the store answer; the answer as it came.
fn pass_on(request: &Request, upstream: &str) -> io::Result<Vec<u8>> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    let kept = |(name, _): &&(String, String)| name != "connection";
    for (name, value) in request.headers.iter().filter(kept) {
        head.push_str(&[name.as_str(), ": ", value, "\r\n"].concat());
    }
    head.push_str("connection: close\r\n\r\n");
    let mut store = TcpStream::connect(upstream)?;
    store.write_all(head.as_bytes())?;
    store.write_all(&request.body)?;
    let mut answer = Vec::new();
    store.read_to_end(&mut answer)?;
    Ok(answer)
}
