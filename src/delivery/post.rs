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

use super::{Claim, Envelope, Handed, Outgoing, told};
use crate::clock;
use crate::config::Channel;
use crate::fs::StoreError;

const CONNECTING: Duration = Duration::from_secs(10);
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
            .header("Idempotency-Key", mail.envelope.id.as_str())
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
            .connect_timeout(CONNECTING.min(self.patience))
            .timeout(self.patience)
            .build()
    }
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
