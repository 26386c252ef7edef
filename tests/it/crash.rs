use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;

use crate::mail::only_sends;
use crate::support::Project;

/// When a run is killed: so many milliseconds after it begins a step.
const MOMENTS: [(&str, u64); 12] = [
    ("pulling", 0),
    ("pulling", 40),
    ("deriving", 0),
    ("deriving", 60),
    ("measuring", 0),
    ("measuring", 300),
    ("rendering", 0),
    ("rendering", 150),
    ("publishing", 0),
    ("sending", 0),
    ("sending", 6),
    ("sending", 12),
];
/// The first night; later ones follow day by day.
const FIRST: u32 = 10;

fn day(night: u32) -> String {
    format!("2026-11-{:02}", FIRST + night)
}

/// The commit log's entry of a night.
fn entry(night: u32) -> String {
    format!("warehouse/_log/{:020}.json", night + 1)
}

/// An export of one lead more than the night before, in which the lead of that night has changed.
fn export(project: &Project, night: u32) {
    let mut rows = "id,email,last_name,status,created,modified\n".to_owned();
    for lead in 0..=night {
        let created = day(lead);
        let (status, modified) = if lead == night {
            ("New", created.clone())
        } else {
            ("Working", day(lead + 1))
        };
        let row = format!(
            "{lead},a{lead}@north.example,N{lead},{status},{created}T15:00:00Z,{modified}T15:00:00Z\n"
        );
        rows.push_str(&row);
    }
    project.write(&format!("exports/{}/lead.csv", day(night)), rows);
}

fn start(project: &Project, night: u32) -> Child {
    let day = day(night);
    let mut command = project.command(&["run", "-v", "--as-of", &day]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until a run says that it begins a step, or has ended.
pub(crate) fn wait_for_step(run: &mut Child, step: &str) {
    let start = format!("{{\"event\":\"step\",\"name\":\"{step}\"");
    let lines = BufReader::new(run.stderr.take().unwrap()).lines();
    lines
        .map_while(Result::ok)
        .find(|line| line.starts_with(&start));
}

fn kill(mut run: Child) {
    run.kill().unwrap();
    run.wait().unwrap();
}

/// Without what a killed process was still writing, under a name of its own: `<name>#<digits>`.
fn whole_files(project: &Project, folder: &str) -> Vec<String> {
    let mut files = project.files(folder);
    files.retain(|file| !file.contains('#'));
    files
}

/// The night is published once, whole, with one mail for each recipient.
fn assert_whole(project: &Project, night: u32) {
    let day = day(night);
    let nights = night + 1;
    let log: Vec<String> = (0..nights).map(entry).collect();
    assert_eq!(whole_files(project, "warehouse/_log"), log, "{day}");
    let mails = whole_files(project, "mail");
    let tonight = format!("mail/{day}-daily-");
    let tonight = mails.iter().filter(|file| file.starts_with(&tonight));
    let counts = (tonight.count(), mails.len());
    assert_eq!(counts, (2, 2 * nights as usize), "{mails:?}");
    let facts = project.sql(
        "select (select count(*) from job_run) as runs,
                (select count(*) from crm.lead_history) as versions,
                (select count(*) from stage_entry) as entries,
                (select count(*) from job_delivery where state = 'sent') as sent",
    );
    // Every lead but the newest has changed once, and entered two stages.
    let versions = 2 * nights - 1;
    let expected =
        json!({"runs": nights, "versions": versions, "entries": versions, "sent": 2 * nights});
    assert_eq!(facts, [expected], "{day}");
}

/// A run killed at any moment leaves the night to the next run, which publishes it whole and sends each
/// mail once.
#[test]
fn killed_at_any_moment() {
    let project = Project::from("mail");
    export(&project, 0);
    assert!(start(&project, 0).wait().unwrap().success());
    assert_whole(&project, 0);
    for (night, (step, after)) in (1..).zip(MOMENTS) {
        export(&project, night);
        let mut run = start(&project, night);
        wait_for_step(&mut run, step);
        thread::sleep(Duration::from_millis(after));
        kill(run);
        project.ok(&["run", "--as-of", &day(night)]);
        assert_whole(&project, night);
    }
}

/// A moment of a run that takes so long: one in four near its end, where most is written; of the
/// others, early ones more often, since they cost less.
fn moment(whole_run: Duration, dice: &mut ChaCha8Rng) -> Duration {
    let share = f64::from(dice.next_u32()) / f64::from(u32::MAX);
    let share = match dice.next_u32() % 4 {
        0 => 0.8 + 0.3 * share,
        _ => share.powi(3),
    };
    whole_run.mul_f64(share)
}

/// Kills runs of night after night, each until it is published, and looks at each when it is.
fn kill_at_random(kills: u32, seed: u64) {
    let project = Project::from("mail");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut night = 0;
    export(&project, night);
    let began = Instant::now();
    assert!(start(&project, night).wait().unwrap().success());
    let whole_run = began.elapsed();
    for _ in 0..kills {
        if project.path(&entry(night)).exists() {
            project.ok(&["run", "--as-of", &day(night)]);
            assert_whole(&project, night);
            night += 1;
            export(&project, night);
        }
        let run = start(&project, night);
        thread::sleep(moment(whole_run, &mut dice));
        kill(run);
    }
    project.ok(&["run", "--as-of", &day(night)]);
    assert_whole(&project, night);
}

/// A hundred kills at any moment, several in one night, lose nothing and send nothing twice.
#[test]
fn killed_a_hundred_times() {
    thread::scope(|scope| {
        for seed in [1, 2] {
            scope.spawn(move || kill_at_random(50, seed));
        }
    });
}

/// Published and not sent is where a crash between the two leaves a night: the next run only sends.
#[test]
fn killed_between_publishing_and_sending() {
    let project = Project::from("mail");
    project.ok(&["run", "--no-send", "--as-of", "2026-11-18"]);
    assert_eq!(project.files("mail"), [""; 0]);
    fs::remove_dir_all(project.path("exports")).unwrap();
    let ran = project.ok(&["run", "--as-of", "2026-11-18"]);
    only_sends("2 mails", &ran);
    assert_eq!(project.files("mail").len(), 2);
}

/// Of two runs at once, one publishes and the other says who is at it and that it may be tried again.
#[test]
fn two_runs_at_once() {
    let project = Project::from("mail");
    let mut first = project.command(&["run", "-v", "--as-of", "2026-11-18"]);
    let mut first = first.stderr(Stdio::piped()).spawn().unwrap();
    let process = first.id();
    wait_for_step(&mut first, "pulling");
    let second = project.run(&["run", "--as-of", "2026-11-18"]);
    assert_eq!(second.code, 75, "{}", second.stderr);
    let (start, rest) = second.stderr.split_once("run `2026-11-18-").unwrap();
    assert_eq!(start, "error: Another run is writing to this warehouse: ");
    assert!(
        rest.contains(&format!("`, process {process} on `")),
        "{rest}"
    );
    assert!(first.wait().unwrap().success());
    assert_eq!(project.files("mail").len(), 2);
    project.ok(&["run", "--as-of", "2026-11-18"]);
    assert_eq!(project.files("mail").len(), 2);
    assert_eq!(project.files("warehouse/_log").len(), 1);
}

/// A warehouse that cannot be made is said, and nothing is sent.
#[test]
fn the_warehouse_is_no_folder() {
    let project = Project::from("mail");
    project.write("warehouse", "a file");
    let ran = project.run(&["run", "--as-of", "2026-11-18"]);
    assert_eq!(ran.code, 1);
    let (start, end) = (
        "error: Cannot read or write `[ROOT]/warehouse/",
        "Not a directory (os error 20)\n  fix: see that this program may read and write it\n",
    );
    assert!(
        ran.stderr.starts_with(start) && ran.stderr.ends_with(end),
        "{}",
        ran.stderr
    );
    assert_eq!(project.files("mail"), [""; 0]);
    assert_eq!(project.read("warehouse"), "a file");
}

/// When the disk takes no more, the night is not published and nothing is sent, at whichever file it
/// was; with room again, the next run is as if nothing had been.
#[test]
fn the_disk_takes_no_more() {
    let project = Project::from("mail");
    for (kilobytes, file) in [(4, "history/crm/lead/"), (16, "archive/")] {
        let ran = project.ended(&limited(&project, kilobytes).output().unwrap());
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let (_, error) = ran.stderr.split_once("error: ").unwrap();
        let start = format!("Cannot read or write `[ROOT]/warehouse/{file}");
        let end = "`\n  why: File too large (os error 27)\n  fix: see that this program may read and write it\n";
        assert!(error.starts_with(&start) && error.ends_with(end), "{error}");
        assert_eq!(project.files("warehouse/_log"), [""; 0]);
        assert_eq!(project.files("mail"), [""; 0]);
        let ran = project.run(&["sql", "select 1"]);
        let empty = "error: The warehouse is empty\n  fix: run `leadgauge run` once\n";
        assert_eq!((ran.code, ran.stderr.as_str()), (2, empty));
    }
    project.ok(&["run", "--as-of", "2026-11-18"]);
    assert_eq!(project.files("mail").len(), 2);
}

/// A run that can write no file longer than so much: a full disk, without a disk to fill.
fn limited(project: &Project, kilobytes: u32) -> Command {
    let run = project.command(&["run", "--as-of", "2026-11-18"]);
    let mut command = Command::new("sh");
    let blocks = 2 * kilobytes;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(run.get_program());
    command.args(run.get_args()).current_dir(project.root());
    command.env_remove("LEADGAUGE_CONFIG");
    command
}
