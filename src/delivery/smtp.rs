//! Mails over SMTP, one transaction a message on one connection, with TLS unless the server is this
//! machine. Certificates are checked against the system's roots.
//!
//! `lettre` waits for an answer as long as the connection stands, so every step here has its time.

use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;

use super::oauth::Tokens;
use super::{Claim, DeliveryError, Handed, Outgoing, plain, told};
use crate::config::{Login, Proof, Smtp, Tls};
use crate::fs::StoreError;

/// How long the server may take.
#[derive(Clone, Copy)]
struct Patience {
    answer: Duration,
    /// To say that it took a message. RFC 5321 section 4.5.3.2.6: a shorter time makes duplicates.
    taking: Duration,
}

const PATIENCE: Patience = Patience {
    answer: Duration::from_mins(2),
    taking: Duration::from_mins(10),
};

pub(super) struct Mailer {
    smtp: Smtp,
    login: Option<(String, Key)>,
    patience: Patience,
    connection: Option<AsyncSmtpConnection>,
    /// Why there is no use in connecting again in this round: another wrong login may lock the
    /// account, and another wait for a dead server makes the night no better.
    given_up: Option<Handed>,
}

/// What proves who the user is.
enum Key {
    Password(String),
    Token(Tokens),
}

/// What the server is asked for one message, in this order.
#[derive(Debug, Clone, Copy)]
enum Step {
    Sender,
    Recipient,
    Data,
    Message,
}

/// Why a step came to nothing.
#[derive(Debug)]
enum Trouble {
    /// The server said no, and the conversation can go on.
    Answer { code: u16, words: String },
    /// No answer that can be read came in time. Lasting: client and server do not fit each other.
    Silence { words: String, lasting: bool },
}

impl Mailer {
    /// Reads the secrets; connects with the first message.
    pub(super) fn open(smtp: &Smtp) -> Result<Self, DeliveryError> {
        let key = |login: &Login| {
            let key = match &login.proof {
                Proof::Password(secret) => {
                    Key::Password(secret.read().map_err(DeliveryError::Secret)?)
                }
                Proof::OAuth(oauth) => Key::Token(Tokens::of(oauth)?),
            };
            Ok::<_, DeliveryError>((login.user.clone(), key))
        };
        Ok(Self {
            smtp: smtp.clone(),
            login: smtp.login.as_ref().map(key).transpose()?,
            patience: PATIENCE,
            connection: None,
            given_up: None,
        })
    }

    /// One SMTP transaction. The claim is taken when the recipient is accepted and before DATA.
    pub(super) async fn hand_over(
        &mut self,
        mail: &Outgoing,
        claim: &mut Claim<'_>,
    ) -> Result<Handed, StoreError> {
        let mut connection = match self.connected().await {
            Ok(connection) => connection,
            Err(handed) => return Ok(handed),
        };
        for step in [Step::Sender, Step::Recipient] {
            if let Err(trouble) = self.take(step, &mut connection, mail).await {
                return Ok(self.judge(step, trouble, connection).await);
            }
        }
        if !claim.take().await? {
            self.reset(connection).await;
            return Ok(Handed::Elsewhere);
        }
        for step in [Step::Data, Step::Message] {
            if let Err(trouble) = self.take(step, &mut connection, mail).await {
                return Ok(self.judge(step, trouble, connection).await);
            }
        }
        self.connection = Some(connection);
        Ok(Handed::Taken)
    }

    /// Takes leave of the server.
    pub(super) async fn close(mut self) {
        if let Some(mut connection) = self.connection.take() {
            // Everything is recorded; whether the server says goodbye makes no difference.
            within(self.patience.answer, connection.command(Quit))
                .await
                .ok();
        }
    }

    async fn take(
        &self,
        step: Step,
        connection: &mut AsyncSmtpConnection,
        mail: &Outgoing,
    ) -> Result<(), Trouble> {
        let Patience { answer, taking } = self.patience;
        match step {
            Step::Sender => {
                let command = Mail::new(Some(address(&mail.envelope.from)?), Vec::new());
                within(answer, connection.command(command)).await?;
            }
            Step::Recipient => {
                let command = Rcpt::new(address(&mail.envelope.to)?, Vec::new());
                within(answer, connection.command(command)).await?;
            }
            Step::Data => {
                within(answer, connection.command(Data)).await?;
            }
            Step::Message => {
                within(taking, connection.message(&mail.message)).await?;
            }
        }
        Ok(())
    }

    /// What trouble means for the message; the connection is kept when the server still answers.
    async fn judge(
        &mut self,
        step: Step,
        trouble: Trouble,
        connection: AsyncSmtpConnection,
    ) -> Handed {
        match trouble {
            Trouble::Answer { code, words } => {
                self.reset(connection).await;
                judge_answer(step, code, words)
            }
            // After a late answer the next would be taken for another's: such a connection is left.
            Trouble::Silence { words, .. } => judge_silence(step, words),
        }
    }

    /// Keeps a connection for the next message.
    async fn reset(&mut self, mut connection: AsyncSmtpConnection) {
        let ended = within(self.patience.answer, connection.command(Rset)).await;
        self.connection = ended.is_ok().then_some(connection);
    }

    /// The open connection, or a new one.
    async fn connected(&mut self) -> Result<AsyncSmtpConnection, Handed> {
        if let Some(handed) = &self.given_up {
            return Err(handed.clone());
        }
        if let Some(mut connection) = self.connection.take() {
            let there = within(self.patience.answer, connection.command(Noop)).await;
            if there.is_ok() {
                return Ok(connection);
            }
        }
        let connected = self.connect().await;
        self.given_up = connected.as_ref().err().cloned();
        connected
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Handed> {
        let Smtp {
            host, port, tls, ..
        } = &self.smtp;
        let limit = self.patience.answer;
        let hello = ClientId::default();
        let failed = |trouble: Trouble| {
            let start = format!("no connection to `{host}` at port {port}");
            put_off(
                trouble.is_lasting(),
                format!("{start}: {}", trouble.words()),
            )
        };
        let tls_of = |host: &String| {
            let parameters = TlsParameters::new_rustls(host.clone());
            parameters.map_err(|error| failed(Trouble::of(&error)))
        };
        let implicit = (*tls == Tls::Implicit).then(|| tls_of(host)).transpose()?;
        let server = (host.as_str(), *port);
        let connecting = AsyncSmtpConnection::connect_tokio1(server, None, &hello, implicit, None);
        let mut connection = within(limit, connecting).await.map_err(failed)?;
        if *tls == Tls::Starttls {
            if !connection.can_starttls() {
                let why = "the server offers no STARTTLS; nothing is sent in the clear";
                return Err(Handed::Held(why.to_owned()));
            }
            let upgrading = connection.starttls(tls_of(host)?, &hello);
            within(limit, upgrading).await.map_err(failed)?;
        }
        if let Some((user, key)) = &self.login {
            log_in(&mut connection, user, key, limit).await?;
        }
        Ok(connection)
    }
}

async fn log_in(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    key: &Key,
    limit: Duration,
) -> Result<(), Handed> {
    let (secret, mechanisms): (_, &[Mechanism]) = match key {
        Key::Password(password) => (password.clone(), DEFAULT_MECHANISMS),
        Key::Token(tokens) => (tokens.fetch().await?, &[Mechanism::Xoauth2]),
    };
    let credentials = Credentials::new(user.to_owned(), secret);
    let login = within(limit, connection.auth(mechanisms, &credentials)).await;
    login.map(drop).map_err(|trouble| match key {
        Key::Password(_) => judge_login(trouble),
        Key::Token(_) => judge_token(trouble),
    })
}

/// An address of the envelope; config has checked it, so this does not fail.
fn address(text: &str) -> Result<Address, Trouble> {
    text.parse().map_err(|error| Trouble::Silence {
        words: told(&error),
        lasting: true,
    })
}

/// One step of the conversation, in its time.
async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, step).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble::of(&error)),
        Err(_) => Err(Trouble::Silence {
            words: format!("the server did not answer within {} s", limit.as_secs()),
            lasting: false,
        }),
    }
}

impl Trouble {
    fn of(error: &Error) -> Self {
        if let Some(code) = error.status() {
            let said = std::error::Error::source(error).map(ToString::to_string);
            let words = plain(&format!("{code} {}", said.unwrap_or_default()));
            let code = code.into();
            return Self::Answer { code, words };
        }
        let words = if error.is_response() {
            "the server closed the connection, or its answer is no SMTP".to_owned()
        } else {
            plain(&causes(error).last().unwrap_or(error).to_string())
        };
        let lasting = error.is_client() || error.is_tls() || causes(error).any(is_misfit);
        Self::Silence { words, lasting }
    }

    fn is_lasting(&self) -> bool {
        match self {
            Self::Answer { code, .. } => *code >= 500,
            Self::Silence { lasting, .. } => *lasting,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Answer { words, .. } | Self::Silence { words, .. } => words,
        }
    }
}

/// What lies below an error. The innermost says it: `lettre`'s words around it only name its layers.
fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |error| error.source())
}

/// A certificate that does not hold, or a server that speaks no TLS.
fn is_misfit(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData)
}

fn put_off(lasting: bool, why: String) -> Handed {
    if lasting {
        Handed::Held(why)
    } else {
        Handed::Waits(why)
    }
}

/// Of an answer to the login only the code is told: a server may repeat what it was sent.
fn judge_login(trouble: Trouble) -> Handed {
    let lasting = trouble.is_lasting();
    let why = match trouble {
        Trouble::Answer { code, .. } => {
            format!("the server did not accept the user and password ({code})")
        }
        Trouble::Silence { words, .. } => format!("the login failed: {words}"),
    };
    put_off(lasting, why)
}

/// A server that will not have a token says why in a challenge, to which `lettre` has no answer.
fn judge_token(trouble: Trouble) -> Handed {
    match trouble {
        Trouble::Silence {
            lasting: false,
            words,
        } => Handed::Waits(format!("the login failed: {words}")),
        Trouble::Answer {
            code: code @ ..500, ..
        } => Handed::Waits(format!("the server did not accept the token now ({code})")),
        Trouble::Answer { .. } | Trouble::Silence { .. } => Handed::Held(
            "the server did not accept the token: may the application send as this user, and does \
             the server offer XOAUTH2?"
                .to_owned(),
        ),
    }
}

fn judge_answer(step: Step, code: u16, words: String) -> Handed {
    match (step, code) {
        // The sender, the login (530) or the encryption (538) is wrong, which the recipient's mail
        // need not pay for.
        (Step::Sender, 500..) | (_, 530 | 538) => Handed::Held(words),
        (_, 500..) => Handed::Refused(words),
        _ => Handed::Waits(words),
    }
}

fn judge_silence(step: Step, why: String) -> Handed {
    match step {
        Step::Message => Handed::Unclear(format!("the message was handed over, but {why}")),
        // The server has not seen the message yet.
        Step::Sender | Step::Recipient | Step::Data => Handed::Waits(why),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What each answer, and none, means at each step.
    #[test]
    fn answers_are_judged() {
        let waits = || Handed::Waits("w".to_owned());
        let held = || Handed::Held("w".to_owned());
        let refused = || Handed::Refused("w".to_owned());
        let answers = [
            (Step::Sender, 451, waits()),
            (Step::Sender, 550, held()),
            (Step::Recipient, 450, waits()),
            (Step::Recipient, 530, held()),
            (Step::Recipient, 550, refused()),
            (Step::Data, 451, waits()),
            (Step::Data, 554, refused()),
            (Step::Message, 452, waits()),
            (Step::Message, 554, refused()),
        ];
        for (step, code, handed) in answers {
            assert_eq!(
                judge_answer(step, code, "w".to_owned()),
                handed,
                "{step:?} {code}"
            );
        }
        for step in [Step::Sender, Step::Recipient, Step::Data] {
            assert_eq!(judge_silence(step, "w".to_owned()), waits(), "{step:?}");
        }
        let unclear = Handed::Unclear("the message was handed over, but w".to_owned());
        assert_eq!(judge_silence(Step::Message, "w".to_owned()), unclear);
    }

    /// A server that accepts the connection and says nothing holds nobody up, and is asked once.
    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut mailer = Mailer::open(&Smtp {
            host: "127.0.0.1".to_owned(),
            port: silent.local_addr().unwrap().port(),
            tls: Tls::None,
            login: None,
        })
        .unwrap();
        let limit = Duration::from_secs(1);
        mailer.patience = Patience {
            answer: limit,
            taking: limit,
        };
        for _ in 0..2 {
            let Err(Handed::Waits(why)) = mailer.connected().await else {
                panic!("it answered");
            };
            let end = ": the server did not answer within 1 s";
            assert!(why.ends_with(end), "{why}");
        }
        assert!(silent.accept().is_ok());
        silent.set_nonblocking(true).unwrap();
        assert!(silent.accept().is_err(), "it was asked twice");
    }
}
