//! A token for the mail server, by one call of the provider's token endpoint: the grants of RFC 6749,
//! section 4.4 (client credentials) and section 6 (refresh token).

use std::time::Duration;

use serde::Deserialize;
use url::form_urlencoded;

use super::{DeliveryError, Handed, plain, told};
use crate::config::{Grant, OAuth};

const PATIENCE: Duration = Duration::from_secs(30);

/// What the endpoint is asked with; its secrets have been read.
pub(super) struct Tokens {
    url: url::Url,
    form: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Tokens {
    /// Reads the secrets.
    pub(super) fn of(oauth: &OAuth) -> Result<Self, DeliveryError> {
        let secret = oauth.client_secret.read().map_err(DeliveryError::Secret)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &oauth.client_id);
        form.append_pair("client_secret", &secret);
        match &oauth.grant {
            Grant::ClientCredentials { scope } => {
                form.append_pair("grant_type", "client_credentials");
                form.append_pair("scope", scope);
            }
            Grant::RefreshToken(token) => {
                let token = token.read().map_err(DeliveryError::Secret)?;
                form.append_pair("grant_type", "refresh_token");
                form.append_pair("refresh_token", &token);
            }
        }
        Ok(Self {
            url: oauth.token_url.clone(),
            form: form.finish(),
        })
    }

    /// A fresh token.
    ///
    /// # Errors
    /// A refusal holds the mail until somebody mends the grant; anything else passes. Of the answer only
    /// the error's code is told: the endpoint may repeat what it was sent.
    pub(super) async fn fetch(&self) -> Result<String, Handed> {
        let host = self.url.host_str().unwrap_or_default();
        let passing = |why: String| Handed::Waits(format!("no token from `{host}`: {why}"));
        // A redirection would carry the secrets elsewhere.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| passing(told(&error)))?;
        let asked = client
            .post(self.url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(self.form.clone());
        let answer = asked.send().await;
        let answer = answer.map_err(|error| passing(told(&error.without_url())))?;
        let status = answer.status();
        let body = answer.bytes().await;
        let body = body.map_err(|error| passing(told(&error.without_url())))?;
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(passing(format!("it answered {status}")));
        }
        if status.is_success()
            && let Ok(granted) = serde_json::from_slice::<Granted>(&body)
        {
            return Ok(granted.access_token);
        }
        let refusal = serde_json::from_slice::<Refusal>(&body);
        let code = refusal.map_or_else(|_| "no token in it".to_owned(), |it| plain(&it.error));
        Err(Handed::Held(format!(
            "`{host}` grants no token: it answered {status}, {code}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;
    use crate::config::Secret;
    use crate::fs;

    /// Answers one call; gives what it was asked.
    fn endpoint(status: &'static str, body: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let mut socket = listener.accept().unwrap().0;
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim().to_ascii_lowercase();
                if let Some(told) = line.strip_prefix("content-length: ") {
                    length = told.parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut form = vec![0; length];
            reader.read_exact(&mut form).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(form).unwrap()
        });
        (url, asked)
    }

    fn tokens(folder: &tempfile::TempDir, url: &str, grant: Option<&str>) -> Tokens {
        let secret = |name: &str, value: &str| {
            let path = folder.path().join(name);
            fs::write(&path, value.as_bytes()).unwrap();
            Secret::File(path)
        };
        Tokens::of(&OAuth {
            token_url: url.parse().unwrap(),
            client_id: "app".to_owned(),
            client_secret: secret("secret", "s3&cret"),
            grant: match grant {
                Some(token) => Grant::RefreshToken(secret("refresh", token)),
                None => Grant::ClientCredentials { scope: "all" },
            },
        })
        .unwrap()
    }

    /// Each grant asks as its section of RFC 6749 says, and the token comes out.
    #[tokio::test]
    async fn each_grant_is_asked_for_by_its_form() {
        let folder = tempfile::tempdir().unwrap();
        let asked_with = [
            (
                None,
                "client_id=app&client_secret=s3%26cret&grant_type=client_credentials&scope=all",
            ),
            (
                Some("1//r"),
                "client_id=app&client_secret=s3%26cret&grant_type=refresh_token&refresh_token=1%2F%2Fr",
            ),
        ];
        for (grant, form) in asked_with {
            let (url, asked) = endpoint("200 OK", r#"{"access_token":"t0ken","expires_in":3599}"#);
            let token = tokens(&folder, &url, grant).fetch().await;
            assert_eq!(token.unwrap(), "t0ken");
            assert_eq!(asked.join().unwrap(), form);
        }
    }

    /// A refusal holds, trouble passes, and no secret is told.
    #[tokio::test]
    async fn answers_are_judged() {
        let folder = tempfile::tempdir().unwrap();
        let refused = r#"{"error":"invalid_client","error_description":"no s3&cret"}"#;
        let answers = [
            (
                "401 Unauthorized",
                refused,
                Handed::Held(
                    "`127.0.0.1` grants no token: it answered 401 Unauthorized, invalid_client"
                        .to_owned(),
                ),
            ),
            (
                "302 Found",
                "",
                Handed::Held(
                    "`127.0.0.1` grants no token: it answered 302 Found, no token in it".to_owned(),
                ),
            ),
            (
                "503 Service Unavailable",
                "",
                Handed::Waits(
                    "no token from `127.0.0.1`: it answered 503 Service Unavailable".to_owned(),
                ),
            ),
        ];
        for (status, body, handed) in answers {
            let (url, _asked) = endpoint(status, body);
            let token = tokens(&folder, &url, None).fetch().await;
            assert_eq!(token.unwrap_err(), handed);
        }
        let nobody = tokens(&folder, "http://127.0.0.1:1/token", None);
        let Err(Handed::Waits(why)) = nobody.fetch().await else {
            panic!("somebody answered");
        };
        assert!(why.starts_with("no token from `127.0.0.1`: "), "{why}");
        assert!(!why.contains("cret"), "{why}");
    }
}
