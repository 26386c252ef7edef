//! Posts to channels over HTTP. Each is one request on a connection of its own, so that none goes out
//! twice behind our back, and none follows a redirection, which would carry it elsewhere.
//!
//! Slack answers a refusal with its reason in one word, and one that posts too often with 429 and
//! `Retry-After` (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
//! docs.slack.dev/apis/web-api/rate-limits). It knows no key that makes posting twice harmless. So where
//! it is not known whether a post arrived, it is not sent again by itself.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode, header, redirect};
use url::Url;

use super::message::digest;
use super::notices::NOTICE;
use super::{Claim, Envelope, Handed, Outgoing, told};
use crate::clock;
use crate::config::Channel;
use crate::fs::StoreError;

/// For an answer; a third of it for a connection, after which it is known that nothing has left.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest word of an answer that is told.
const WORD: usize = 60;

pub(super) struct Poster<'a> {
    channels: &'a [Channel],
    patience: Duration,
}

impl<'a> Poster<'a> {
    pub(super) fn new(channels: &'a [Channel]) -> Self {
        Self {
            channels,
            patience: PATIENCE,
        }
    }

    #[cfg(test)]
    pub(super) fn patient_for(channels: &'a [Channel], patience: Duration) -> Self {
        Self { channels, patience }
    }

    /// Posts one message. The claim is taken before a connection is opened, since from then on nobody
    /// tells what of the request has left; it is given back where no connection came about.
    pub(super) async fn hand_over(
        &self,
        mail: &Outgoing,
        claim: &mut Claim<'_>,
    ) -> Result<Handed, StoreError> {
        let ready = self.url(&mail.envelope).and_then(|url| {
            let client = self.client().map_err(|error| hidden(error, &url))?;
            Ok((url, client))
        });
        let (url, client) = match ready {
            Ok(ready) => ready,
            Err(why) => return Ok(Handed::Held(why)),
        };
        if !claim.take().await? {
            return Ok(Handed::Elsewhere);
        }
        let request = client
            .post(url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key(mail))
            .body(mail.message.clone());
        let name = &mail.envelope.to;
        Ok(match request.send().await {
            Ok(answer) => judge(name, &url, answer, claim).await,
            Err(error) if error.is_connect() || error.is_builder() => Handed::Waits(format!(
                "`{name}` cannot be reached: {}",
                hidden(error, &url)
            )),
            Err(error) => Handed::Unclear(format!(
                "the post was handed over, but no answer came: {}",
                hidden(error, &url)
            )),
        })
    }

    /// Where a message goes, by today's configuration.
    fn url(&self, envelope: &Envelope) -> Result<Url, String> {
        let name = &envelope.to;
        let found = self.channels.iter().find(|it| it.name == *name);
        let channel = found.ok_or_else(|| format!("`delivery.channels` names no `{name}`"))?;
        if envelope.channel != Some(channel.kind) {
            return Err(format!(
                "`{name}` was a channel of another kind when this was written"
            ));
        }
        channel.url()
    }

    fn client(&self) -> reqwest::Result<Client> {
        Client::builder()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .connect_timeout(self.patience / 3)
            .timeout(self.patience)
            .build()
    }
}

/// The same for the same message, and no other's. Notices are numbered from one in each warehouse, so
/// theirs tells what they hold too.
fn key(mail: &Outgoing) -> String {
    let id = &mail.envelope.id;
    if mail.envelope.report != NOTICE {
        return id.clone();
    }
    let text = String::from_utf8_lossy(&mail.message);
    format!("{id}-{}", digest(&text, 16))
}

/// What an answer means. It is read no further than to its word.
async fn judge(name: &str, url: &Url, answer: reqwest::Response, claim: &mut Claim<'_>) -> Handed {
    let status = answer.status();
    if status.is_success() {
        return Handed::Taken;
    }
    let later = answer.headers().get(header::RETRY_AFTER);
    let later = later.and_then(|value| pause(value.to_str().ok()?));
    claim.not_before = later.and_then(|pause| Instant::now().checked_add(pause));
    let word = word(answer, url).await;
    let word = word.map_or_else(String::new, |word| format!(": {word}"));
    let why = format!("`{name}` answered {status}{word}");
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Handed::Waits(why),
        // Somebody in between gave up waiting for the one who may have taken it.
        StatusCode::GATEWAY_TIMEOUT => Handed::Unclear(why),
        _ if status.is_server_error() => Handed::Waits(why),
        _ if status.is_client_error() => Handed::Refused(why),
        // It points elsewhere: whoever gave the URL has another now.
        _ => Handed::Held(why),
    }
}

/// The reason in an answer, where it is one word, as Slack gives it. More is not told: a server may
/// repeat what it was asked, and the URL is a secret.
async fn word(mut answer: reqwest::Response, url: &Url) -> Option<String> {
    let first = answer.chunk().await.ok()??;
    let word = std::str::from_utf8(&first).ok()?.trim();
    let is_plain = word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_reason = is_plain && !word.is_empty() && word.len() <= WORD;
    (is_reason && !url.as_str().contains(word)).then(|| word.to_owned())
}

/// `Retry-After`: seconds, or the instant from which on to try (RFC 9110, section 10.2.3).
fn pause(after: &str) -> Option<Duration> {
    if let Ok(seconds) = after.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(after).ok()?.timestamp();
    at.duration_since(clock::now()).try_into().ok()
}

/// An error without the URL. Of some services the host alone gives it away.
fn hidden(error: reqwest::Error, url: &Url) -> String {
    let text = told(&error.without_url());
    match url.host_str() {
        Some(host) => text.replace(host, "the channel's host"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use jiff::civil::date;

    use super::*;
    use crate::config::{ChannelKind, Secret};
    use crate::delivery::Ledger;
    use crate::fs::{self, Location, Store};

    /// How a post to a URL ends, and how many records of it there are.
    async fn posted(url: &str) -> (Handed, usize) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::folder(folder.path()).unwrap()).unwrap();
        let file = folder.path().join("url");
        fs::write(&file, url.as_bytes()).unwrap();
        let channels = [Channel::new(
            "#funnel",
            ChannelKind::Slack,
            Secret::File(file),
        )];
        let mail = Outgoing {
            envelope: Envelope {
                id: "m".to_owned(),
                report: "daily".to_owned(),
                as_of: date(2026, 11, 19),
                from: "leadgauge@acme.example".to_owned(),
                to: "#funnel".to_owned(),
                channel: Some(ChannelKind::Slack),
                page: None,
            },
            message: b"{}".to_vec(),
        };
        let ledger = Ledger::new(&store);
        let mut claim = Claim::after(None, &ledger, "m");
        let poster = Poster::patient_for(&channels, Duration::from_secs(1));
        let handed = poster.hand_over(&mail, &mut claim).await.unwrap();
        (handed, ledger.all().await.unwrap().len())
    }

    /// A server that takes the connection and says nothing may have the post.
    #[tokio::test]
    async fn silence_is_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/s3cret", listener.local_addr().unwrap());
        let (handed, records) = posted(&url).await;
        let Handed::Unclear(why) = handed else {
            panic!("{handed:?}")
        };
        let start = "the post was handed over, but no answer came: ";
        assert!(why.starts_with(start) && !why.contains("s3cret"), "{why}");
        assert_eq!(records, 1);
    }

    /// Where TLS does not come about nothing was told, and the host is told to nobody.
    #[tokio::test]
    async fn no_tls_is_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (handed, _) = posted(&format!("https://localhost:{port}/s3cret")).await;
        let Handed::Waits(why) = handed else {
            panic!("{handed:?}")
        };
        let start = "`#funnel` cannot be reached: ";
        assert!(why.starts_with(start) && !why.contains("s3cret"), "{why}");
        assert!(!why.contains("localhost"), "{why}");
    }

    /// A redirection is not followed: what it leads to is not what was named.
    #[tokio::test]
    async fn a_redirection_is_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/s3cret", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            let mut socket = listener.accept().unwrap().0;
            let _read = socket.read(&mut [0; 4096]).unwrap();
            let answer =
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
            socket.write_all(answer.as_bytes()).unwrap();
        });
        let held = Handed::Held("`#funnel` answered 302 Found".to_owned());
        assert_eq!(posted(&url).await, (held, 1));
    }

    /// A pause is told in seconds or by an instant; one that is over, or no pause, is none.
    #[test]
    fn pauses_are_read() {
        assert_eq!(pause("30"), Some(Duration::from_secs(30)));
        let later = pause("Wed, 21 Oct 2201 07:28:00 GMT").unwrap();
        assert!(later > Duration::from_hours(24 * 365 * 100));
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(pause("soon"), None);
        assert_eq!(pause("-1"), None);
    }
}
