//! Tells an outside watcher that the job started, went well or failed, so that somebody hears of a job
//! that never ran: `<url>/start`, `<url>`, `<url>/fail`, as healthchecks and its like take them.

use std::time::Duration;

use url::Url;

use super::told;
use crate::config::Secret;

const PATIENCE: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    Start,
    Success,
    Failure,
}

/// Calls the URL that `secret` holds.
///
/// # Errors
/// In words, without the URL: who knows it can call it.
pub(crate) async fn beat(secret: &Secret, beat: Beat) -> Result<(), String> {
    let text = secret.read().map_err(|problem| problem.to_string())?;
    let url = Url::parse(text.trim()).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| format!("The heartbeat's URL in the {secret} is none"))?;
    let mut ended = call(at(url.clone(), beat)).await;
    for _ in 1..ATTEMPTS {
        if ended.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        ended = call(at(url.clone(), beat)).await;
    }
    ended.map_err(|why| format!("The heartbeat's URL did not take the call: {why}"))
}

/// Where each beat goes; what stands behind `?` stays.
fn at(mut url: Url, beat: Beat) -> Url {
    let word = match beat {
        Beat::Start => "start",
        Beat::Success => return url,
        Beat::Failure => "fail",
    };
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(word);
    }
    url
}

async fn call(url: Url) -> Result<(), String> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let answer = match client {
        Ok(client) => client.get(url).send().await,
        Err(error) => Err(error),
    };
    let answer = answer.and_then(reqwest::Response::error_for_status);
    match answer {
        Ok(_) => Ok(()),
        Err(error) => Err(error.status().map_or_else(
            || told(&error.without_url()),
            |status| format!("it answered {status}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::fs;

    /// A server that answers every call with a status, and what it was asked.
    fn serve(status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
                shared.lock().unwrap().push(lines.next().unwrap().unwrap());
                lines.map_while(Result::ok).find(String::is_empty);
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                socket.write_all(answer.as_bytes()).unwrap();
            }
        });
        (base, asked)
    }

    fn secret(folder: &tempfile::TempDir, url: &str) -> Secret {
        let path = folder.path().join("url");
        fs::write(&path, format!("{url}\n").as_bytes()).unwrap();
        Secret::File(path)
    }

    /// Start, success and failure go to the addresses that healthchecks-like watchers know.
    #[tokio::test]
    async fn each_beat_has_its_address() {
        let folder = tempfile::tempdir().unwrap();
        let (base, asked) = serve("200 OK");
        for url in [
            format!("{base}/ping/abc"),
            format!("{base}/ping/abc/?rid=1"),
        ] {
            let secret = secret(&folder, &url);
            for one in [Beat::Start, Beat::Success, Beat::Failure] {
                beat(&secret, one).await.unwrap();
            }
        }
        let asked: Vec<String> = asked.lock().unwrap().clone();
        let paths = [
            "/ping/abc/start",
            "/ping/abc",
            "/ping/abc/fail",
            "/ping/abc/start?rid=1",
            "/ping/abc/?rid=1",
            "/ping/abc/fail?rid=1",
        ];
        assert_eq!(asked, paths.map(|path| format!("GET {path} HTTP/1.1")));
    }

    /// What goes wrong is told without the URL, after a few tries.
    #[tokio::test]
    async fn trouble_is_told_without_the_url() {
        let folder = tempfile::tempdir().unwrap();
        let (base, asked) = serve("503 Service Unavailable");
        let ended = beat(&secret(&folder, &format!("{base}/s3cret")), Beat::Success).await;
        let told = "The heartbeat's URL did not take the call: it answered 503 Service Unavailable";
        assert_eq!(ended.unwrap_err(), told);
        assert_eq!(asked.lock().unwrap().len(), 3);
        let gone = secret(&folder, "http://127.0.0.1:1/s3cret");
        let told = beat(&gone, Beat::Failure).await.unwrap_err();
        let start = "The heartbeat's URL did not take the call: ";
        assert!(
            told.starts_with(start) && !told.contains("s3cret"),
            "{told}"
        );
        let none = beat(&secret(&folder, "s3cret"), Beat::Start)
            .await
            .unwrap_err();
        assert!(
            none.ends_with("url` is none") && !none.contains("s3cret"),
            "{none}"
        );
    }
}
