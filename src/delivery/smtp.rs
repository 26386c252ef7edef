//! Mails over SMTP, one transaction a message on one connection, with TLS unless the server is this
//! machine. Certificates are checked against the system's roots.

use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};

use super::{Claim, DeliveryError, Handed, Outgoing};
use crate::config::{Smtp, Tls};
use crate::fs::StoreError;

/// RFC 5321 section 4.5.3.2 asks for minutes; a nightly job can wait that long for a slow server.
const TIMEOUT: Duration = Duration::from_secs(120);

pub(super) struct Mailer {
    smtp: Smtp,
    credentials: Option<Credentials>,
    connection: Option<AsyncSmtpConnection>,
}

impl Mailer {
    /// Reads the password; connects with the first message.
    pub(super) fn open(smtp: &Smtp) -> Result<Self, DeliveryError> {
        let password = smtp
            .password
            .as_ref()
            .map(|secret| secret.read())
            .transpose();
        let password = password.map_err(DeliveryError::Secret)?;
        let credentials = smtp
            .user
            .clone()
            .zip(password)
            .map(|(user, word)| Credentials::new(user, word));
        Ok(Self {
            smtp: smtp.clone(),
            credentials,
            connection: None,
        })
    }

    /// One SMTP transaction. The claim is taken when the recipient is accepted and before DATA.
    pub(super) async fn hand_over(
        &mut self,
        mail: &Outgoing,
        claim: Claim<'_>,
    ) -> Result<Option<Handed>, StoreError> {
        let (from, to) = match (address(&mail.envelope.from), address(&mail.envelope.to)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(why), _) | (_, Err(why)) => return Ok(Some(Handed::Refused(why))),
        };
        let mut connection = match self.connected().await {
            Ok(connection) => connection,
            Err(error) => return Ok(Some(Handed::Waits(words(&error)))),
        };
        if let Err(error) = introduce(&mut connection, from, to).await {
            // The connection stays good after an answer, whatever it was.
            if error.is_response() && connection.command(Rset).await.is_ok() {
                self.connection = Some(connection);
            }
            return Ok(Some(judge_before(&error)));
        }
        if !claim.take().await? {
            connection.abort().await;
            return Ok(None);
        }
        let answer = transmit(&mut connection, &mail.message).await;
        if answer.is_ok() {
            self.connection = Some(connection);
        }
        Ok(Some(answer.map_or_else(
            |error| judge_after(&error),
            |_| Handed::Taken,
        )))
    }

    /// The open connection, or a new one.
    async fn connected(&mut self) -> Result<AsyncSmtpConnection, Error> {
        if let Some(mut connection) = self.connection.take()
            && connection.test_connected().await
        {
            return Ok(connection);
        }
        let Smtp {
            host, port, tls, ..
        } = &self.smtp;
        let hello = ClientId::default();
        let parameters = || TlsParameters::new_rustls(host.clone());
        let implicit = if *tls == Tls::Implicit {
            Some(parameters()?)
        } else {
            None
        };
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(TIMEOUT), &hello, implicit, None)
                .await?;
        if *tls == Tls::Starttls {
            // Fails when the server does not offer it: never on in the clear.
            connection.starttls(parameters()?, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

fn address(text: &str) -> Result<Address, String> {
    text.parse()
        .map_err(|error| format!("`{text}` is no address: {error}"))
}

async fn introduce(
    connection: &mut AsyncSmtpConnection,
    from: Address,
    to: Address,
) -> Result<(), Error> {
    connection
        .command(Mail::new(Some(from), Vec::new()))
        .await?;
    connection.command(Rcpt::new(to, Vec::new())).await?;
    Ok(())
}

async fn transmit(connection: &mut AsyncSmtpConnection, message: &[u8]) -> Result<Response, Error> {
    connection.command(Data).await?;
    connection.message(message).await
}

/// Before DATA nothing can have been delivered.
fn judge_before(error: &Error) -> Handed {
    if error.is_permanent() {
        Handed::Refused(words(error))
    } else {
        Handed::Waits(words(error))
    }
}

/// After DATA only an answer tells; without one the message may have arrived.
fn judge_after(error: &Error) -> Handed {
    if error.is_permanent() {
        Handed::Refused(words(error))
    } else if error.is_transient() {
        Handed::Waits(words(error))
    } else {
        Handed::Unclear(format!(
            "no answer after the message was handed over: {}",
            words(error)
        ))
    }
}

/// An error with what lies below it, on one line.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(source) = below {
        let part = source.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        below = source.source();
    }
    text.replace(['\r', '\n'], " ")
}
