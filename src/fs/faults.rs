//! A store in memory that counts its operations and fails at one of them on purpose.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
pub(crate) use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

use super::Store;

/// What happens at the operation that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and nothing is done.
    Refused,
    /// It is done, and its answer is lost.
    AnswerLost,
    /// It times out, and is done when nobody waits for it any more.
    Late,
    /// It gives fewer bytes than it should, as if they were all.
    Short,
    /// It and every later operation fail, as if the process were gone.
    Crash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Put,
    /// A part of an upload in parts.
    Part,
    Get,
    /// The bytes that follow a `Get`.
    Bytes,
    List,
    Delete,
}

impl Operation {
    /// The faults that differ for it.
    pub(crate) fn faults(self) -> &'static [Fault] {
        use Fault::{AnswerLost, Crash, Late, Refused, Short};
        match self {
            Self::Put | Self::Delete => &[Refused, AnswerLost, Late, Crash],
            Self::Bytes => &[Refused, Short, Crash],
            Self::Part | Self::Get | Self::List => &[Refused, Crash],
        }
    }
}

/// At which operation, counted from 1, the store fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Never,
    At(usize, Fault),
    /// No write is answered.
    NoAnswers,
}

/// An operation and what it was about.
pub(crate) type Seen = (Operation, String);

/// Clones are one store.
#[derive(Debug, Clone)]
pub(crate) struct Faulty {
    inner: Arc<InMemory>,
    plan: Plan,
    seen: Arc<Mutex<Vec<Seen>>>,
    late: Arc<Mutex<Option<Write>>>,
}

/// A write that the store gets to later.
#[derive(Debug)]
enum Write {
    Put(Path, PutPayload, Box<PutOptions>),
    Delete(Path),
}

impl Faulty {
    pub(crate) fn over(inner: &Arc<InMemory>, plan: Plan) -> Self {
        Self {
            inner: Arc::clone(inner),
            plan,
            seen: Arc::default(),
            late: Arc::default(),
        }
    }

    pub(crate) fn store(&self) -> Store {
        Store::over(Arc::new(self.clone()))
    }

    /// What was asked of the store so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        locked(&self.seen).clone()
    }

    /// Does what is late, if anything is.
    pub(crate) async fn settle(&self) {
        let late = locked(&self.late).take();
        // Whether it still can be done is its own affair: nobody waits for the answer.
        match late {
            Some(Write::Put(path, payload, options)) => {
                self.inner.put_opts(&path, payload, *options).await.ok();
            }
            Some(Write::Delete(path)) => {
                self.inner.delete(&path).await.ok();
            }
            None => {}
        }
    }

    /// Counts an operation; the answer is what is to happen to it.
    fn count(&self, operation: Operation, about: &Path) -> Option<Fault> {
        let number = {
            let mut seen = locked(&self.seen);
            seen.push((operation, about.to_string()));
            seen.len()
        };
        match self.plan {
            Plan::At(at, fault) if number == at => Some(fault),
            Plan::At(at, Fault::Crash) if number > at => Some(Fault::Crash),
            Plan::NoAnswers if matches!(operation, Operation::Put | Operation::Delete) => {
                Some(Fault::AnswerLost)
            }
            Plan::Never | Plan::At(..) | Plan::NoAnswers => None,
        }
    }

    fn postpone(&self, write: Write) {
        *locked(&self.late) = Some(write);
    }

    async fn delete_one(&self, path: Path) -> Result<Path> {
        let fault = self.count(Operation::Delete, &path);
        let Some(fault) = fault else {
            return self.inner.delete(&path).await.map(|()| path);
        };
        match fault {
            Fault::AnswerLost => self.inner.delete(&path).await?,
            Fault::Late => self.postpone(Write::Delete(path)),
            Fault::Refused | Fault::Short | Fault::Crash => {}
        }
        Err(failed(fault))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

fn failed(fault: Fault) -> Error {
    Error::Generic {
        store: "faulty",
        source: format!("{fault:?}").into(),
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
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
        let Some(fault) = self.count(Operation::Put, location) else {
            return self.inner.put_opts(location, payload, opts).await;
        };
        match fault {
            Fault::AnswerLost => drop(self.inner.put_opts(location, payload, opts).await),
            Fault::Late => self.postpone(Write::Put(location.clone(), payload, Box::new(opts))),
            Fault::Refused | Fault::Short | Fault::Crash => {}
        }
        Err(failed(fault))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(Upload {
            store: self.clone(),
            location: location.clone(),
            inner,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(fault) = self.count(Operation::Get, location) {
            return Err(failed(fault));
        }
        let got = self.inner.get_opts(location, options).await?;
        let (meta, range, attributes) =
            (got.meta.clone(), got.range.clone(), got.attributes.clone());
        let (store, location) = (self.clone(), location.clone());
        let bytes = async move {
            let fault = store.count(Operation::Bytes, &location);
            match fault {
                None => got.bytes().await,
                Some(Fault::Short) => got.bytes().await.map(|all| all.slice(..all.len() / 2)),
                Some(fault) => Err(failed(fault)),
            }
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(bytes).boxed()),
            meta,
            range,
            attributes,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |path: Result<Path>| {
            let store = store.clone();
            async move { store.delete_one(path?).await }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        let listing = async move {
            let about = prefix.clone().unwrap_or_default();
            match store.count(Operation::List, &about) {
                None => store.inner.list(prefix.as_ref()),
                Some(fault) => stream::once(async move { Err(failed(fault)) }).boxed(),
            }
        };
        listing.flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let about = prefix.cloned().unwrap_or_default();
        match self.count(Operation::List, &about) {
            None => self.inner.list_with_delimiter(prefix).await,
            Some(fault) => Err(failed(fault)),
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        match self.count(Operation::Put, to) {
            None => self.inner.copy_opts(from, to, options).await,
            Some(fault) => Err(failed(fault)),
        }
    }
}

/// An upload in parts, each of which may fail, and so may its end.
#[derive(Debug)]
struct Upload {
    store: Faulty,
    location: Path,
    inner: Box<dyn MultipartUpload>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (store, location) = (self.store.clone(), self.location.clone());
        let part = self.inner.put_part(data);
        async move {
            match store.count(Operation::Part, &location) {
                None => part.await,
                Some(fault) => Err(failed(fault)),
            }
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let fault = self.store.count(Operation::Put, &self.location);
        match fault {
            None => self.inner.complete().await,
            Some(fault) => {
                if fault == Fault::AnswerLost {
                    self.inner.complete().await?;
                }
                Err(failed(fault))
            }
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
