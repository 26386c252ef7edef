//! The section `delivery`: from whom mail comes, who is told of trouble, and how it leaves.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use url::Url;

use super::leadgauge::location;
use super::oauth::OAuth;
use super::reader::{Field, Reader};
use super::yaml::Node;
use super::{Channel, Delivery, Secret, To, address, attach, channel, oauth, privacy, recipient};
use crate::fs::Location;
use crate::problem::Problem;

#[derive(Debug, Clone)]
pub(crate) enum Transport {
    /// `.eml` files in a folder.
    Folder(Location),
    Smtp(Smtp),
}

#[derive(Debug, Clone)]
pub(crate) struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) login: Option<Login>,
}

/// As whom mail is handed over.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) proof: Proof,
}

#[derive(Debug, Clone)]
pub(crate) enum Proof {
    Password(Secret),
    /// A token, told by XOAUTH2.
    OAuth(OAuth),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, required.
    Starttls,
    /// No TLS: refused unless the host is a loopback address.
    None,
}

/// How long a run tries again what the server put off, unless told otherwise.
const KEEP_TRYING_MINUTES: u32 = 3;

pub(super) fn read(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<Delivery> {
    let names = [
        "from",
        "transport",
        "channels",
        "privacy",
        "owner",
        "heartbeat",
        "keep_trying",
        "max_size",
        "archive_url",
        "pdf",
        "suppress",
    ];
    let fields = reader.fields(node, "`delivery`", names)?;
    let [
        from,
        transport,
        channels,
        privacy,
        owner,
        heartbeat,
        keep_trying,
        max_size,
        archive_url,
        pdf,
        suppress,
    ] = fields;
    let bounds = [&max_size, &archive_url, &pdf];
    let attachments = attach::read_bounds(reader, bounds, folder);
    let from = from.required(|node| address::read(reader, node));
    let transport = transport.required(|node| read_transport(reader, node, folder));
    let channels = channels.or(Vec::new(), |list| channel::read(reader, list, folder));
    let privacy = privacy.or(privacy::usual(), |node| privacy::read(reader, node));
    let owner = owner.optional(|node| read_owner(reader, node, channels.as_deref()));
    let heartbeat = heartbeat.optional(|node| read_secret(reader, node, folder, "HEARTBEAT_URL"));
    let keep_trying = keep_trying.or(KEEP_TRYING_MINUTES, |node| reader.minutes(node));
    let suppress = suppress.optional(|node| Some(folder.join(reader.text(node)?)));
    Some(Delivery {
        from: from?,
        transport: transport?,
        channels: channels?,
        privacy: privacy?,
        owner: owner?,
        heartbeat: heartbeat?,
        keep_trying: Duration::from_mins(keep_trying?.into()),
        suppress: suppress?,
        attachments: attachments?,
    })
}

/// An address, or `{ channel: name }`.
fn read_owner(reader: &Reader<'_>, node: &Node, channels: Option<&[Channel]>) -> Option<To> {
    if node.get("channel").is_none() {
        return address::read(reader, node).map(To::Person);
    }
    let [channel] = reader.fields(node, "`owner`", ["channel"])?;
    let channel = channel.required(|node| recipient::find_channel(reader, node, channels));
    channel.map(To::Channel)
}

fn read_transport(reader: &Reader<'_>, node: &Node, base: &Path) -> Option<Transport> {
    let [folder, smtp] = reader.fields(node, "a transport", ["folder", "smtp"])?;
    match (folder.node, smtp.node) {
        (Some(node), None) => location(reader, node, base).map(Transport::Folder),
        (None, Some(node)) => read_smtp(reader, node, base).map(Transport::Smtp),
        (None, None) if folder.is_meant() || smtp.is_meant() => None,
        _ => {
            let fix = "Write one of `folder` and `smtp`";
            reader.refuse(node, "Mail leaves by one transport", fix)
        }
    }
}

fn read_smtp(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<Smtp> {
    let [host, port, tls, user, password, oauth] = reader.fields(
        node,
        "`smtp`",
        ["host", "port", "tls", "user", "password", "oauth"],
    )?;
    let tls_words = [
        ("implicit", Tls::Implicit),
        ("starttls", Tls::Starttls),
        ("none", Tls::None),
    ];
    let tls_node = tls.node;
    let host = host.required(|node| read_host(reader, node));
    let tls = tls.or(Tls::Implicit, |node| {
        reader.choice(node, "kind of TLS", &tls_words)
    });
    let usual = match tls {
        Some(Tls::Starttls) => 587,
        Some(Tls::None) => 25,
        Some(Tls::Implicit) | None => 465,
    };
    let port = port.or(usual, |node| reader.whole(node, 1..=65535));
    let is_meant = [&user, &password, &oauth].map(Field::is_meant);
    let user = user.optional(|node| reader.text(node));
    let password = password.optional(|node| read_secret(reader, node, folder, "SMTP_PASSWORD"));
    let oauth = oauth.optional(|node| oauth::read(reader, node, folder));
    if !matches!(
        is_meant,
        [false, false, false] | [true, true, false] | [true, false, true]
    ) {
        let what = "`user` goes with one of `password` and `oauth`";
        return reader.refuse(
            node,
            what,
            "Write `user` and one of them, or none of the three",
        );
    }
    let proof = password?.map(Proof::Password).or(oauth?.map(Proof::OAuth));
    let login = user?.zip(proof).map(|(user, proof)| Login { user, proof });
    let (host, tls) = (host?, tls?);
    if tls == Tls::None && !is_loopback(&host) {
        let what = format!("Mail to `{host}` would travel unencrypted");
        let fix = "Set `tls: implicit` or `tls: starttls`; `none` is for this machine alone";
        return reader.refuse(tls_node.unwrap_or(node), what, fix);
    }
    Some(Smtp {
        host,
        port: port?,
        tls,
        login,
    })
}

fn read_host(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let host = reader.text(node)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if host.parse::<IpAddr>().is_ok() || host.bytes().all(allowed) {
        return Some(host);
    }
    let fix = "Write the name alone, as `smtp.example.com`; the port has its own key";
    reader.refuse(node, format!("`{host}` is no host name"), fix)
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>().ok();
    host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
}

/// Whether what goes there is seen by nobody on the way: over TLS, or on this machine.
pub(super) fn is_safe(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => is_loopback(host.trim_matches(['[', ']'])),
        _ => false,
    }
}

/// `{ env: NAME }` or `{ file: PATH }`. What stands here instead may be the secret itself, so no
/// problem shows it. `example` is a name that the variable could have.
pub(super) fn read_secret(
    reader: &Reader<'_>,
    node: &Node,
    folder: &Path,
    example: &str,
) -> Option<Secret> {
    let refuse = |what: &str, node: &Node| {
        let problem = Problem::new(what).at(node.place.clone().unseen());
        let file = example.to_ascii_lowercase().replace('_', "-");
        let fix = format!(
            "Write `{{ env: {example} }}` with the name of an environment variable, \
             or `{{ file: {file} }}` with the path of a file that holds it"
        );
        reader.tell_problem(problem.fix(fix));
        None
    };
    let (env, file) = (node.get("env"), node.get("file"));
    match (env, file) {
        (Some(env), None) => {
            reader.fields(node, "a secret", ["env"])?;
            match env.as_text().filter(|name| is_variable(name)) {
                Some(name) => Some(Secret::Env(name.to_owned())),
                None => refuse("This is no name of an environment variable", env),
            }
        }
        (None, Some(file)) => {
            reader.fields(node, "a secret", ["file"])?;
            match file.as_text().filter(|path| !path.trim().is_empty()) {
                Some(path) => Some(Secret::File(folder.join(path))),
                None => refuse("This is no path", file),
            }
        }
        _ => refuse("A secret is not written here but named", node),
    }
}

fn is_variable(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}
