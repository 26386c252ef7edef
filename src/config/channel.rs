//! `delivery.channels`: where reports are posted instead of mailed, a channel of Slack or any webhook.
//!
//! A channel is named once, and reports refer to it by its name. So its URL, which is a secret, stands in
//! one place however many reports go there, and a message that waits in the outbox finds it again by that
//! name, without holding it.

use std::path::Path;

use url::Url;

use super::Secret;
use super::delivery::{is_safe, read_secret};
use super::reader::Reader;
use super::recipient;
use super::yaml::Node;
use crate::problem::Problem;

/// A place where many read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    /// Holds no `@`, so it is never taken for an address.
    pub(crate) name: String,
    pub(crate) kind: ChannelKind,
    url: Secret,
}

/// What a channel understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChannelKind {
    /// Block Kit, at an incoming webhook.
    Slack,
    /// A document of our own.
    Webhook,
}

impl Channel {
    #[cfg(test)]
    pub(crate) fn new(name: &str, kind: ChannelKind, url: Secret) -> Self {
        let name = name.to_owned();
        Self { name, kind, url }
    }

    /// Where posts go. Whoever knows it can post, so it travels over TLS or stays on this machine.
    ///
    /// # Errors
    ///
    /// In words, without the URL: that there is no secret, or that it is no such URL.
    pub(crate) fn url(&self) -> Result<Url, String> {
        let text = self.url.read().map_err(|problem| problem.to_string())?;
        let url = Url::parse(text.trim()).ok().filter(is_safe);
        let (name, secret) = (&self.name, &self.url);
        url.ok_or_else(|| format!("What the {secret} holds for `{name}` is no `https://` URL"))
    }
}

pub(super) fn read(reader: &Reader<'_>, list: &Node, folder: &Path) -> Option<Vec<Channel>> {
    let names = list
        .names("name")
        .map(|(name, place)| (name.to_lowercase(), place));
    reader.tell_repeated(names, "channel");
    reader.some(list, |item| read_channel(reader, item, folder))
}

/// A channel's name. Its URL in this place would be told to everybody, so it is refused without being
/// shown.
pub(super) fn read_name(reader: &Reader<'_>, node: &Node) -> Option<String> {
    if node.as_text().is_some_and(|text| text.contains("://")) {
        let problem = Problem::new("A channel is named here, and its URL is kept elsewhere");
        let fix = "Write a name, as `#sales`; what `slack` or `webhook` names holds the URL";
        reader.tell_problem(problem.at(node.place.clone().unseen()).fix(fix));
        return None;
    }
    recipient::read_name(reader, node)
}

fn read_channel(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<Channel> {
    let [name, slack, webhook] = reader.fields(node, "a channel", ["name", "slack", "webhook"])?;
    let is_meant = slack.is_meant() || webhook.is_meant();
    let name = name.required(|node| read_name(reader, node));
    let (kind, url) = match (slack.node, webhook.node) {
        (Some(node), None) => (
            ChannelKind::Slack,
            read_secret(reader, node, folder, "SLACK_URL"),
        ),
        (None, Some(node)) => (
            ChannelKind::Webhook,
            read_secret(reader, node, folder, "HOOK_URL"),
        ),
        (None, None) if is_meant => return None,
        _ => {
            let fix = "Write one of `slack` and `webhook`, as `slack: { env: SLACK_URL }`";
            return reader.refuse(node, "A channel has one URL", fix);
        }
    };
    Some(Channel {
        name: name?,
        kind,
        url: url?,
    })
}
