//! `smtp.oauth`: a login by token, as Exchange Online and Gmail ask for it.
//!
//! Microsoft: the application's own right `SMTP.SendAsApp`, by its client secret. Google: the refresh
//! token that the mailbox's owner granted to the application.

use std::path::Path;

use url::Url;

use super::Secret;
use super::delivery::{is_safe, read_secret};
use super::reader::Reader;
use super::yaml::Node;

/// Where a token comes from.
#[derive(Debug, Clone)]
pub(crate) struct OAuth {
    pub(crate) token_url: Url,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) grant: Grant,
}

#[derive(Debug, Clone)]
pub(crate) enum Grant {
    ClientCredentials { scope: &'static str },
    RefreshToken(Secret),
}

const MICROSOFT: &str = "https://login.microsoftonline.com";
const MICROSOFT_SCOPE: &str = "https://outlook.office365.com/.default";
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

pub(super) fn read(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<OAuth> {
    let [microsoft, google] = reader.fields(node, "`oauth`", ["microsoft", "google"])?;
    match (microsoft.node, google.node) {
        (Some(node), None) => read_microsoft(reader, node, folder),
        (None, Some(node)) => read_google(reader, node, folder),
        (None, None) if microsoft.is_meant() || google.is_meant() => None,
        _ => {
            let fix = "Write one of `microsoft` and `google`";
            reader.refuse(node, "A token comes from one place", fix)
        }
    }
}

fn read_microsoft(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<OAuth> {
    let names = ["tenant", "client_id", "client_secret", "token_url"];
    let [tenant, client_id, client_secret, token_url] =
        reader.fields(node, "`microsoft`", names)?;
    let tenant = tenant.required(|node| read_tenant(reader, node));
    let client_id = client_id.required(|node| reader.text(node));
    let secret =
        client_secret.required(|node| read_secret(reader, node, folder, "SMTP_CLIENT_SECRET"));
    let own = token_url.optional(|node| read_url(reader, node))?;
    let usual = format!("{MICROSOFT}/{}/oauth2/v2.0/token", tenant?);
    Some(OAuth {
        token_url: own.or_else(|| Url::parse(&usual).ok())?,
        client_id: client_id?,
        client_secret: secret?,
        grant: Grant::ClientCredentials {
            scope: MICROSOFT_SCOPE,
        },
    })
}

fn read_google(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<OAuth> {
    let names = ["client_id", "client_secret", "refresh_token", "token_url"];
    let [client_id, client_secret, refresh_token, token_url] =
        reader.fields(node, "`google`", names)?;
    let client_id = client_id.required(|node| reader.text(node));
    let secret =
        client_secret.required(|node| read_secret(reader, node, folder, "SMTP_CLIENT_SECRET"));
    let refresh =
        refresh_token.required(|node| read_secret(reader, node, folder, "SMTP_REFRESH_TOKEN"));
    let own = token_url.optional(|node| read_url(reader, node))?;
    Some(OAuth {
        token_url: own.or_else(|| Url::parse(GOOGLE).ok())?,
        client_id: client_id?,
        client_secret: secret?,
        grant: Grant::RefreshToken(refresh?),
    })
}

/// A tenant's id or domain: it becomes a part of the URL.
fn read_tenant(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let tenant = reader.text(node)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if tenant.bytes().all(allowed) {
        return Some(tenant);
    }
    let fix = "Write the directory (tenant) ID, or a domain of it, as `acme.onmicrosoft.com`";
    reader.refuse(node, format!("`{tenant}` is no tenant"), fix)
}

/// Where tokens are asked for, if not at the usual place: another national cloud. What is asked with is
/// secret, so it goes over TLS, or stays on this machine.
fn read_url(reader: &Reader<'_>, node: &Node) -> Option<Url> {
    let text = reader.text(node)?;
    if let Some(url) = Url::parse(&text).ok().filter(is_safe) {
        return Some(url);
    }
    let fix = "Write it whole, as `https://login.microsoftonline.us/TENANT/oauth2/v2.0/token`";
    reader.refuse(node, "Tokens are asked for at an `https://` URL", fix)
}
