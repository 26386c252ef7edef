//! Nights in object stores. `.ci/run` starts the stores and names their places; elsewhere these tests
//! say that they are skipped.
//!
//! Google's store is spoken to through moto. The client speaks Google's XML interface, which
//! gcp-storage-emulator lists nothing by and deletes nothing by, ignoring preconditions besides, and
//! fake-gcs-server takes no file by. What Google's interface shares with S3's is listing, reading and
//! writing; its precondition is translated on the way. Azure Blob is azurite.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::crash::wait_for_step;
use crate::store_proxy::{self, Fate, Request, Script};
use crate::support::Project;

/// The bucket, or container, that is there.
const BUCKET: &str = "nights";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
    Azure,
}

/// A store that runs: whose it is, and `127.0.0.1:<port>`.
#[derive(Debug, Clone)]
struct Place {
    kind: Kind,
    address: String,
}

impl Kind {
    /// Where such a store runs; none (and said so) where none does.
    fn place(self) -> Option<Place> {
        let variable = match self {
            Self::S3 | Self::Google => "LEADGAUGE_TEST_S3",
            Self::Azure => "LEADGAUGE_TEST_AZURE",
        };
        let Ok(address) = std::env::var(variable) else {
            println!("skipped: `{variable}` names no store");
            return None;
        };
        Some(Place {
            kind: self,
            address,
        })
    }
}

impl Place {
    /// The deployment with its warehouse in this store, under a prefix of its own.
    fn project(&self) -> Project {
        let mut project = Project::from("mail");
        let prefix = project.root().file_name().unwrap().to_string_lossy();
        let scheme = match self.kind {
            Kind::S3 => "s3",
            Kind::Google => "gs",
            Kind::Azure => "az",
        };
        let url = format!("{scheme}://{BUCKET}/{}", prefix.trim_start_matches('.'));
        project.replace("config/leadgauge.yaml", "../warehouse", &url);
        project.set("NO_PROXY", "127.0.0.1");
        self.reach(&mut project, |_| Fate::Pass);
        project
    }

    /// Has the project reach the store, by way of a script.
    fn reach(
        &self,
        project: &mut Project,
        script: impl Fn(&mut Request) -> Fate + Send + Sync + 'static,
    ) {
        let kind = self.kind;
        let script: Arc<Script> = Arc::new(move |request: &mut Request| {
            let fate = script(request);
            if kind == Kind::Google {
                as_s3(request);
            }
            fate
        });
        let url = store_proxy::before(&self.address, script);
        match kind {
            Kind::S3 => {
                project.set("AWS_ENDPOINT_URL", &url);
                project.set("AWS_ALLOW_HTTP", "true");
                project.set("AWS_REGION", "us-east-1");
                project.set("AWS_ACCESS_KEY_ID", "nobody");
                project.set("AWS_SECRET_ACCESS_KEY", "nothing");
            }
            Kind::Google => {
                let account = json!({"gcs_base_url": url, "disable_oauth": true,
                    "client_email": "", "private_key": "", "private_key_id": ""});
                project.set("GOOGLE_SERVICE_ACCOUNT_KEY", &account.to_string());
            }
            Kind::Azure => {
                project.set("AZURE_STORAGE_USE_EMULATOR", "true");
                project.set("AZURITE_BLOB_STORAGE_URL", &url);
            }
        }
    }
}

/// Google's precondition, and its way to say who asks, in the words of S3.
fn as_s3(request: &mut Request) {
    for (name, value) in &mut request.headers {
        if name == "x-goog-if-generation-match" {
            assert_eq!(value, "0");
            "if-none-match".clone_into(name);
            "*".clone_into(value);
        }
    }
    let asks = "AWS4-HMAC-SHA256 Credential=nobody/20261118/us-east-1/s3/aws4_request, \
                SignedHeaders=host, Signature=nothing";
    request.headers.retain(|(name, _)| name != "authorization");
    let asks = ("authorization".to_owned(), asks.to_owned());
    request.headers.push(asks);
}

/// An export of the fixture's leads for a later day.
fn export(project: &Project, day: &str) {
    let rows = project.read("exports/2026-11-19/lead.csv");
    project.write(&format!("exports/{day}/lead.csv"), rows);
}

/// A night that is published and sent is left alone.
fn sends_nothing(project: &Project, day: &str) {
    let ran = project.ok(&["run", "--as-of", day]);
    let words = "nothing is pulled, 0 mails sent\n";
    assert!(ran.stderr.ends_with(words), "{}", ran.stderr);
}

/// Two nights are published and sent, each can be asked back, and a night that is there is left alone.
fn two_nights(project: &Project) {
    for (day, mails) in [("2026-11-18", 2), ("2026-11-19", 4)] {
        project.ok(&["run", "--as-of", day]);
        assert_eq!(project.files("mail").len(), mails);
        sends_nothing(project, day);
    }
    two_nights_are_there(project);
}

fn two_nights_are_there(project: &Project) {
    let leads = "select count(*) as leads from crm.lead";
    for (day, leads_then) in [("2026-11-18", 3), ("2026-11-19", 4)] {
        assert_eq!(
            project.sql_as_of(leads, day),
            [json!({"leads": leads_then})]
        );
    }
    let facts = project.sql(
        "select (select count(*) from crm.lead_history) as versions,
                (select count(*) from job_run) as runs,
                (select count(*) from job_delivery where state = 'sent') as sent",
    );
    assert_eq!(facts, [json!({"versions": 5, "runs": 2, "sent": 4})]);
}

/// Of two runs at once, one publishes and the other says who is at it and that it may be tried again.
fn two_runs_at_once(project: &Project) {
    export(project, "2026-11-20");
    let night = ["run", "-v", "--as-of", "2026-11-20"];
    let mut first = project.command(&night);
    let mut first = first.stderr(Stdio::piped()).spawn().unwrap();
    let process = first.id();
    wait_for_step(&mut first, "pulling");
    let second = project.run(&night);
    assert_eq!(second.code, 75, "{}", second.stderr);
    let words = "error: Another run is writing to this warehouse: run `2026-11-20-";
    let (_, rest) = second.stderr.split_once(words).unwrap();
    assert!(
        rest.contains(&format!("`, process {process} on `")),
        "{rest}"
    );
    assert!(first.wait().unwrap().success());
    sends_nothing(project, "2026-11-20");
}

/// What two runs wait at for each other.
#[derive(Default)]
struct Meeting {
    arrived: Mutex<usize>,
    both: Condvar,
}

impl Meeting {
    fn wait(&self) {
        let mut arrived = self.arrived.lock().unwrap();
        *arrived += 1;
        self.both.notify_all();
        let minute = Duration::from_mins(1);
        let alone = |arrived: &mut usize| *arrived < 2;
        drop(
            self.both
                .wait_timeout_while(arrived, minute, alone)
                .unwrap(),
        );
    }
}

/// Two runs that know nothing of each other's lease come to the same commit: its entry is created once,
/// and whoever lost publishes nothing and says so.
fn two_commits_at_once(place: &Place, project: &mut Project) {
    export(project, "2026-11-21");
    let meeting = Meeting::default();
    place.reach(project, move |request| {
        if request.names("writer.lease") {
            return Fate::Say(match request.method.as_str() {
                "PUT" => "201 Created\r\nETag: \"1\"",
                _ => "404 Not Found",
            });
        }
        if request.method == "PUT" && request.names("/_log/") {
            meeting.wait();
        }
        Fate::Pass
    });
    let night = || project.run(&["run", "--no-send", "--as-of", "2026-11-21"]);
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(night);
        (night(), one.join().unwrap())
    });
    let (won, lost) = if one.code == 0 {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(
        (won.code, lost.code),
        (0, 1),
        "{}\n{}",
        won.stderr,
        lost.stderr
    );
    let (start, end) = (
        "published commit 4 first; run `2026-11-21-",
        "published nothing\n  fix: run again: that run may have published the day\n",
    );
    assert!(
        lost.stderr.contains(start) && lost.stderr.ends_with(end),
        "{}",
        lost.stderr
    );
    let runs = project.sql("select count(*) as runs from job_run where as_of = date '2026-11-21'");
    assert_eq!(runs, [json!({"runs": 1})]);
}

/// More mails than a listing's page has keys are each sent once and each told.
fn many_mails(project: &Project) {
    export(project, "2026-11-22");
    let many: Vec<String> = (0..520).map(|n| format!("n{n}@acme.example")).collect();
    let two = "Ann Field <ann@acme.example>, Bob Hill <bob@acme.example>";
    project.replace("config/leadgauge.yaml", two, &many.join(", "));
    fs::remove_dir_all(project.path("mail")).unwrap();
    project.ok(&["run", "--as-of", "2026-11-22"]);
    sends_nothing(project, "2026-11-22");
    assert_eq!(project.files("mail").len(), 522);
    let told = project.sql(
        "select count(*) as records, count(distinct message) as messages from job_delivery
         where message like '2026-11-22-%'",
    );
    assert_eq!(told, [json!({"records": 1040, "messages": 520})]);
}

/// The fate of a request in a store that is not well: about one in four fails.
fn by_number(number: usize) -> Fate {
    match number {
        n if n % 11 == 3 => Fate::Say("503 Slow Down"),
        n if n % 13 == 5 => Fate::Say("500 Internal Server Error"),
        n if n % 17 == 7 => Fate::Drop,
        n if n % 19 == 9 => Fate::LoseAnswer,
        _ => Fate::Pass,
    }
}

/// A store that throttles, breaks and hangs up costs a night some runs at most, each of which says what
/// it could not do; nothing is ever half there.
fn a_store_that_is_not_well(place: &Place) {
    let mut project = place.project();
    let number = Arc::new(AtomicUsize::new(0));
    for day in ["2026-11-18", "2026-11-19"] {
        let ended = (0..20).find(|_| {
            let number = Arc::clone(&number);
            let next = move |_: &mut Request| by_number(number.fetch_add(1, Ordering::Relaxed));
            place.reach(&mut project, next);
            let ran = project.run(&["run", "--as-of", day]);
            place.reach(&mut project, |_| Fate::Pass);
            let told = ["error: Cannot read or write `", "problem: The mail `"];
            let is_told = told.iter().any(|words| ran.stderr.contains(words));
            assert!(ran.code == 0 || is_told, "{}", ran.stderr);
            assert_whole(&project);
            ran.code == 0
        });
        assert!(ended.is_some(), "{day}");
    }
    two_nights_are_there(&project);
}

/// What is published reads as whole nights, if anything is.
fn assert_whole(project: &Project) {
    let query = "select (select count(*) from job_run) as runs,
                        (select count(*) from crm.lead_history) as versions";
    let ran = project.run(&["sql", "--format", "json", query]);
    let empty = "error: The warehouse is empty\n  fix: run `leadgauge run` once\n";
    let whole = [
        (2, "", empty),
        (0, "[{\"runs\":1,\"versions\":3}]\n", ""),
        (0, "[{\"runs\":2,\"versions\":5}]\n", ""),
    ];
    let found = (ran.code, ran.stdout.as_str(), ran.stderr.as_str());
    assert!(whole.contains(&found), "{found:?}");
}

/// All of it, in one store.
fn nights_in(kind: Kind) {
    let Some(place) = kind.place() else {
        return;
    };
    let mut project = place.project();
    two_nights(&project);
    two_runs_at_once(&project);
    two_commits_at_once(&place, &mut project);
    place.reach(&mut project, |_| Fate::Pass);
    many_mails(&project);
    a_store_that_is_not_well(&place);
}

/// Nights in S3 are what they are on a disk, whatever S3 does.
#[test]
fn nights_in_s3() {
    nights_in(Kind::S3);
}

/// And in Google Cloud Storage.
#[test]
fn nights_in_google() {
    nights_in(Kind::Google);
}

/// And in Azure Blob Storage.
#[test]
fn nights_in_azure() {
    nights_in(Kind::Azure);
}
