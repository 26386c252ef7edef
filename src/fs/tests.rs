//! What a store promises, on local disk and in memory.

use super::faults::{Fault, Faulty, Plan};
use super::*;

fn local() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::folder(folder.path()).unwrap()).unwrap();
    (folder, store)
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.path.as_str()).collect()
}

// A file is created once; the second create fails and changes nothing.
#[tokio::test]
async fn create_never_overwrites() {
    let (folder, store) = local();
    let memory = Store::over(Arc::new(object_store::memory::InMemory::new()));
    for store in [store, memory] {
        store.create("a/b/c", "one".into()).await.unwrap();
        let error = store.create("a/b/c", "two".into()).await.unwrap_err();
        assert!(matches!(error, StoreError::AlreadyExists { .. }));
        assert_eq!(store.get("a/b/c").await.unwrap(), "one");
    }
    let left = std::fs::read_dir(folder.path().join("a/b")).unwrap();
    assert_eq!(left.count(), 1, "a staged file stayed");
}

// A file that is replaced is there before or after, first on local disk too, and leaves nothing else.
#[tokio::test]
async fn a_replaced_file_is_the_last_one() {
    let (folder, store) = local();
    let memory = Store::over(Arc::new(object_store::memory::InMemory::new()));
    for store in [store, memory] {
        for bytes in ["one", "two, longer", "3"] {
            store.replace("a/b", bytes.into()).await.unwrap();
            assert_eq!(store.get("a/b").await.unwrap(), bytes);
        }
        let (files, litter) = store.everything().await.unwrap();
        assert_eq!((names(&files), litter.len()), (vec!["a/b"], 0));
    }
    let left = std::fs::read_dir(folder.path().join("a")).unwrap();
    assert_eq!(left.count(), 1, "a staged file stayed");
}

// Staged files of a crash are in no listing; the rest is, sorted, with its size.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "plays the crash")]
async fn a_listing_hides_litter() {
    let (folder, store) = local();
    store.create("t/b", "22".into()).await.unwrap();
    store.create("t/a", "1".into()).await.unwrap();
    store.create("u", "3".into()).await.unwrap();
    std::fs::write(folder.path().join("t/b#1234"), "half").unwrap();
    assert_eq!(names(&store.list("t").await.unwrap()), ["t/a", "t/b"]);
    let all = store.list("").await.unwrap();
    assert_eq!(names(&all), ["t/a", "t/b", "u"]);
    assert_eq!(all[1].bytes, 2);
    assert!(store.list("nothing").await.unwrap().is_empty());
}

// Opening makes nothing; a folder that is not there is an empty store.
#[tokio::test]
async fn opening_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later");
    let store = Store::open(&Location::folder(&path).unwrap()).unwrap();
    assert!(store.list("").await.unwrap().is_empty());
    assert!(store.find("x").await.unwrap().is_none());
    assert!(!path.exists());
}

// Folder and file names may hold what people put in them.
#[tokio::test]
async fn odd_names_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Größe 50%20 #1?");
    let store = Store::open(&Location::folder(&path).unwrap()).unwrap();
    store.create("100% {a} é/b c", "x".into()).await.unwrap();
    assert_eq!(store.get("100% {a} é/b c").await.unwrap(), "x");
    assert_eq!(names(&store.list("").await.unwrap()), ["100% {a} é/b c"]);
}

// No path leads out of the store.
#[tokio::test]
async fn a_path_stays_inside() {
    let (folder, store) = local();
    for path in ["../out", "/out", "a/../../out", "", "a/", "a//b"] {
        let error = store.create(path, "x".into()).await.unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{path}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

// A relative path is resolved against the base and shown as a folder; URLs are kept.
#[test]
fn a_location_is_a_folder_or_a_url() {
    let parse = |text| Location::parse(text, Path::new("/base/config"));
    assert_eq!(parse("../data/./x").unwrap().to_string(), "/base/data/x");
    assert_eq!(parse("/abs").unwrap().to_string(), "/abs");
    assert_eq!(
        parse("file:///abs/y").unwrap().as_folder().unwrap(),
        Path::new("/abs/y")
    );
    let s3 = parse("s3://bucket/prefix").unwrap();
    assert_eq!(
        (s3.to_string().as_str(), s3.as_folder()),
        ("s3://bucket/prefix", None)
    );
    assert!(parse("abfss://box@account.dfs.core.windows.net/x").is_ok());
}

// What is refused, and the words.
#[test]
fn a_location_is_refused_in_words() {
    let refused = |text| Location::parse(text, Path::new("/base")).unwrap_err();
    assert_eq!(
        refused("ftp://host/x"),
        "`ftp://` is no store that this program knows"
    );
    assert_eq!(refused("s3:///x"), "`s3:///x` names no bucket");
    assert_eq!(
        refused("file://host/x"),
        "`file://host/x` names no folder on this machine"
    );
    let secret =
        "A `s3://` location holds the place only; keys and passwords come from the environment";
    assert_eq!(refused("s3://key:hush@bucket/x"), secret);
    assert_eq!(refused("s3://bucket/x?token=hush"), secret);
}

// Errors name the file as the user would look for it.
#[tokio::test]
async fn errors_name_the_path() {
    let (folder, store) = local();
    let shown = folder.path().join("a/b").display().to_string();
    let missing = store.get("a/b").await.unwrap_err();
    assert_eq!(missing.to_string(), format!("`{shown}` is not there"));
    store.create("a/b", "1".into()).await.unwrap();
    let there = store.create("a/b", "2".into()).await.unwrap_err();
    assert_eq!(there.to_string(), format!("`{shown}` is there already"));
    let below = store.create("a/b/c", "3".into()).await.unwrap_err();
    assert_eq!(
        below.to_string(),
        format!("Cannot read or write `{shown}/c`")
    );
}

// Litter is found wherever it lies, and deleted like any file; nothing else is taken for it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "plays the crash")]
async fn litter_is_found_and_deleted() {
    let (folder, store) = local();
    assert!(store.everything().await.unwrap().1.is_empty());
    store.create("t/x/a", "1".into()).await.unwrap();
    store.create("t/#1x", "1".into()).await.unwrap();
    store.create("t/b#", "1".into()).await.unwrap();
    for path in ["t/x/a#12", "t#7"] {
        std::fs::write(folder.path().join(path), "half").unwrap();
    }
    let (files, litter) = store.everything().await.unwrap();
    assert_eq!(names(&files), names(&store.list("").await.unwrap()));
    assert_eq!(names(&litter), ["t#7", "t/x/a#12"]);
    assert_eq!(litter[0].bytes, 4);
    let written = std::fs::metadata(folder.path().join("t#7"))
        .unwrap()
        .modified();
    assert_eq!(
        litter[0].modified,
        Timestamp::try_from(written.unwrap()).unwrap()
    );
    for path in ["t/x/a#12", "t#7", "t#8"] {
        store.delete(path).await.unwrap();
    }
    assert!(store.everything().await.unwrap().1.is_empty());
    let left = store.list("").await.unwrap();
    assert_eq!(names(&left), ["t/#1x", "t/b#", "t/x/a"]);
    let memory = Store::over(Arc::new(object_store::memory::InMemory::new()));
    assert!(memory.everything().await.unwrap().1.is_empty());
}

// A listing says when each file was written.
#[tokio::test]
async fn a_listing_tells_age() {
    let (_folder, store) = local();
    let memory = Store::over(Arc::new(object_store::memory::InMemory::new()));
    for store in [store, memory] {
        for (path, wait) in [("a", 20), ("b", 0)] {
            store.create(path, "1".into()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
        }
        let listed = store.list("").await.unwrap();
        let apart = listed[1].modified.duration_since(listed[0].modified);
        assert!(
            apart.as_millis() > 0 && listed[1].modified < Timestamp::MAX,
            "{apart}"
        );
    }
}

// A create whose answer is lost is known to be done; one that is lost is an error.
#[tokio::test]
async fn a_lost_answer_is_asked_for() {
    let memory = Arc::default();
    let done = Faulty::over(&memory, Plan::At(1, Fault::AnswerLost)).store();
    done.create("a", "one".into()).await.unwrap();
    let other = done.create("a", "two".into()).await.unwrap_err();
    assert_eq!(other.to_string(), "`s3://test/a` is there already");
    let lost = Faulty::over(&memory, Plan::At(1, Fault::Refused)).store();
    let error = lost.create("b", "one".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "Cannot read or write `s3://test/b`");
}

// A file of which less comes than there is, is no file.
#[tokio::test]
async fn a_short_read_is_an_error() {
    let store = Faulty::over(&Arc::default(), Plan::At(3, Fault::Short)).store();
    store.create("a", "four".into()).await.unwrap();
    let error = store.get("a").await.unwrap_err();
    assert_eq!(error.to_string(), "Cannot read or write `s3://test/a`");
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "only 2 of 4 bytes came");
    assert_eq!(store.get("a").await.unwrap(), "four");
}
