//! Stores that fail, and files that are not what they should be.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;

/// A store in memory that can lose the answer to the write of a log's entry, or the write itself.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    inner: InMemory,
    pub(super) lose_answer: AtomicBool,
    pub(super) lose_write: AtomicBool,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

fn timed_out() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "timed out".into(),
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let is_entry = location.as_ref().contains("_log/");
        if is_entry && self.lose_write.load(Ordering::Relaxed) {
            return Err(timed_out());
        }
        let put = self.inner.put_opts(location, payload, opts).await;
        if is_entry && self.lose_answer.load(Ordering::Relaxed) {
            return Err(timed_out());
        }
        put
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

pub(super) fn faulty() -> (Arc<Faulty>, House) {
    let store = Arc::new(Faulty::default());
    let inner: Arc<dyn ObjectStore> = store.clone();
    let house = House {
        warehouse: Warehouse::on(Store::over(inner)),
        zone: TimeZone::UTC,
    };
    (store, house)
}

// A commit whose answer is lost is read back and known as ours.
#[tokio::test]
async fn a_lost_answer_is_read_back() {
    let (store, house) = faulty();
    store.lose_answer.store(true, Ordering::Relaxed);
    house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
    assert_eq!(house.history().await.len(), 1);
}

// A commit that is lost is an error, nothing is published, and the next run succeeds.
#[tokio::test]
async fn a_lost_commit_publishes_nothing() {
    let (store, house) = faulty();
    store.lose_write.store(true, Ordering::Relaxed);
    let mut draft = house.begin(nov(5)).await;
    draft
        .record(&leads(nov(5), &["a New 1 - -"]), None)
        .await
        .unwrap();
    let error = draft.commit(BTreeMap::new(), "hash").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cannot read or write `s3://test/_log/00000000000000000001.json`"
    );
    assert!(house.warehouse.latest().await.unwrap().is_none());
    store.lose_write.store(false, Ordering::Relaxed);
    house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
}

async fn open_with(log: &[(u64, &str)]) -> String {
    let store = Store::over(Arc::new(InMemory::new()));
    for (number, text) in log {
        let path = format!("_log/{number:020}.json");
        let text = Bytes::from((*text).to_owned());
        store.create(&path, text).await.unwrap();
    }
    let error = Warehouse::on(store).latest().await.unwrap_err();
    error.to_string()
}

// A log that cannot be trusted is never read around: the error names the file.
#[tokio::test]
async fn a_broken_log_is_named() {
    let one = "s3://test/_log/00000000000000000001.json";
    assert_eq!(
        open_with(&[(1, r#"{"format": 1, "comm"#)]).await,
        format!(
            "`{one}` is no entry of a commit log: EOF while parsing a string at line 1 column 19"
        )
    );
    assert_eq!(
        open_with(&[(1, r#"{"format": 2, "anything": []}"#)]).await,
        format!("`{one}` is of format 2; this program reads format 1")
    );
    assert_eq!(
        open_with(&[(2, "{}")]).await,
        format!("`{one}` is missing from the commit log, though later entries are there")
    );
    let house = House::new();
    commit(house.begin(nov(5)).await).await;
    let store = house.warehouse.store();
    let first = store.get("_log/00000000000000000001.json").await.unwrap();
    store
        .create("_log/00000000000000000002.json", first)
        .await
        .unwrap();
    let error = house.warehouse.latest().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`s3://test/_log/00000000000000000002.json` is no entry of a commit log: it calls itself commit 1"
    );
}

// A data file that is shorter than the log says, or no Parquet, is named.
#[tokio::test]
async fn a_broken_file_is_named() {
    for (keep, words) in [
        (10, "has 10 bytes; the commit log says"),
        (0, "cannot be read as Parquet"),
    ] {
        let house = House::new();
        house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
        let version = house.latest().await;
        let file = version.files_of(FileKind::History).next().unwrap();
        let store = house.warehouse.store();
        let whole = store.get(&file.path).await.unwrap();
        store.delete(&file.path).await.unwrap();
        let broken = if keep == 0 {
            Bytes::from(vec![7; whole.len()])
        } else {
            whole.slice(..keep)
        };
        store.create(&file.path, broken).await.unwrap();
        let error = house
            .warehouse
            .read(&version, "crm.lead")
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words) && text.contains(&file.path), "{text}");
        let mut draft = house.begin(nov(6)).await;
        let refused = draft.record(&leads(nov(6), &["a New 1 - -"]), None).await;
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
}
