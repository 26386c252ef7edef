//! A server on this machine that takes posts and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a request meets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// Status line and headers, each behind a line break; and the body.
    Say(&'static str, &'static str),
    /// The connection ends before anything is read.
    CloseUnread,
    /// It ends when the request is there.
    Close,
    /// The request is there, and nothing follows.
    Silence,
    /// A while passes before it is taken.
    Slow,
}

/// One request: its head in small letters, and its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Hook {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    arrived: Receiver<()>,
}

impl Hook {
    /// Each request meets the next answer; those behind the last are taken.
    pub(crate) fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/services/s3cret", listener.local_addr().unwrap());
        let (requests, (sender, arrived)) = (Arc::default(), channel());
        let (shared, answers) = (Arc::clone(&requests), answers.to_vec());
        thread::spawn(move || {
            for (number, socket) in listener.incoming().enumerate() {
                let taken = Answer::Say("200 OK", "ok");
                let answer = answers.get(number).copied().unwrap_or(taken);
                let (socket, shared, sender) =
                    (socket.unwrap(), Arc::clone(&shared), sender.clone());
                thread::spawn(move || serve(&socket, answer, &shared, &sender));
            }
        });
        Self {
            url,
            requests,
            arrived,
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Until the next request is there.
    pub(crate) fn wait(&self) {
        self.arrived.recv_timeout(Duration::from_mins(1)).unwrap();
    }
}

fn serve(socket: &TcpStream, answer: Answer, requests: &Mutex<Vec<Request>>, arrived: &Sender<()>) {
    if matches!(answer, Answer::CloseUnread) {
        return;
    }
    let request = read(socket);
    requests.lock().unwrap().push(request);
    arrived.send(()).ok();
    let (head, body) = match answer {
        Answer::Say(head, body) => (head, body),
        Answer::Slow => {
            thread::sleep(Duration::from_secs(2));
            ("200 OK", "ok")
        }
        Answer::Silence => {
            thread::sleep(Duration::from_mins(5));
            return;
        }
        Answer::Close | Answer::CloseUnread => return,
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let mut socket = socket;
    socket.write_all(answer.as_bytes()).unwrap();
}

fn read(socket: &TcpStream) -> Request {
    let mut reader = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Request {
        head,
        body: String::from_utf8(body).unwrap(),
    }
}
