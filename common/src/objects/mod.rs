//! Objects in stores: what stands at `s3://BUCKET/KEY`, `gs://BUCKET/KEY` or `az://CONTAINER/KEY`.
//!
//! A path that is such a URL stays a [`Path`] with its text everywhere; here alone it is looked into, for [`crate::input`],
//! [`crate::output`], [`crate::atomic_file`], [`crate::folder`] and [`crate::store`]. An object is whole or not there, as a
//! file is that [`crate::atomic_file`] writes. A folder is a way to speak of all objects whose keys begin alike.

mod blocks;
mod client;
mod read;

pub(crate) use read::Object;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, Error as Failure, GetOptions, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use rand::TryRng;

use self::client::{NO_TLS, Scheme, bucket, wait};
use crate::{Error, Result};

/// Bytes of one part of a large object; more where there would be too many parts.
const PART: u64 = 16 << 20;
const MOST_PARTS: u64 = 9000;
/// Parts that are sent at once.
const SENDERS: usize = 4;
/// The metadata that names who created an object.
const CREATOR: &str = "headstart-creator";
/// How often a creation is tried that meets another one half way.
const TRIES: usize = 5;

/// Where an object is, or may be.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    scheme: Scheme,
    store: Arc<dyn ObjectStore>,
    key: Key,
    url: PathBuf,
}

/// Whether `path` is the URL of an object.
pub(crate) fn is_url(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    Scheme::ALL
        .iter()
        .any(|(begin, _)| text.starts_with(begin.as_bytes()))
}

impl Location {
    /// Where `path` is, if it is a URL.
    ///
    /// # Errors
    /// Wrong usage: no bucket in it, no credentials for it.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>> {
        if !is_url(path) {
            return Ok(None);
        }
        let unfit = |what: &str| Error::usage(format!("the URL {what}")).file(path);
        let text = path.to_str().ok_or_else(|| unfit("is not UTF-8"))?;
        let mut schemes = Scheme::ALL.iter();
        let found = schemes.find_map(|(begin, scheme)| Some((*scheme, text.strip_prefix(begin)?)));
        let (scheme, rest) = found.ok_or_else(|| unfit("has another scheme"))?;
        let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(unfit("names no bucket"));
        }
        let key =
            Key::parse(key.trim_end_matches('/')).map_err(|e| unfit(&format!("has no valid key: {e}")))?;
        Ok(Some(Location {
            scheme,
            store: bucket(scheme, name, path)?,
            key,
            url: path.to_path_buf(),
        }))
    }

    /// The one at `name`, whose parts `/` parts, below this one.
    ///
    /// # Errors
    /// A name that no object can have.
    pub(crate) fn below(&self, name: &str) -> Result<Self> {
        let url = self.url.join(name);
        let key = Key::parse(format!("{}/{name}", self.key));
        let key = key.map_err(|e| Error::usage(format!("the URL has no valid key: {e}")).file(&url))?;
        Ok(Location {
            key,
            url,
            ..self.clone()
        })
    }

    /// Its URL, as the user gave it.
    pub(crate) fn url(&self) -> &Path {
        &self.url
    }

    /// Waits for what `work` does with the store and the key.
    fn call<T, F>(&self, work: impl FnOnce(Arc<dyn ObjectStore>, Key) -> F) -> Result<object_store::Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        wait(work(Arc::clone(&self.store), self.key.clone())).map_err(|e| e.file(&self.url))
    }

    /// What stands there, if anything does.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn head(&self) -> Result<Option<ObjectMeta>> {
        if self.key.as_ref().is_empty() {
            return Ok(None);
        }
        let found = self.call(|store, key| async move { store.head(&key).await })?;
        self.found(found, "look for")
    }

    /// All bytes of the object, if there is one.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn get(&self) -> Result<Option<Vec<u8>>> {
        let got = self.call(|store, key| async move { store.get(&key).await?.bytes().await })?;
        Ok(self.found(got, "read")?.map(Vec::from))
    }

    /// The objects below this one, those of the folder alone or of all folders in it: their keys from here on, and lengths.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(crate) fn list(&self) -> Result<Vec<(String, u64)>> {
        let listed = self.call(|store, key| async move {
            let mut found = Vec::new();
            let mut page = store.list(Some(&key));
            while let Some(meta) = next(&mut page).await {
                found.push(meta?);
            }
            Ok(found)
        })?;
        let listed = listed.map_err(|e| self.failed(&e, "list"))?;
        let name = |meta: &ObjectMeta| {
            let parts = meta.location.prefix_match(&self.key)?;
            let name = parts
                .map(|part| part.as_ref().to_string())
                .collect::<Vec<_>>()
                .join("/");
            (!name.is_empty()).then_some((name, meta.size))
        };
        let mut listed: Vec<(String, u64)> = listed.iter().filter_map(name).collect();
        listed.sort();
        Ok(listed)
    }

    /// Whether objects are below this one.
    ///
    /// # Errors
    /// When it cannot be asked; a bucket that is not there.
    pub(crate) fn is_folder(&self) -> Result<bool> {
        let first =
            self.call(|store, key| async move { next(&mut store.list(Some(&key))).await.transpose() })?;
        Ok(first.map_err(|e| self.failed(&e, "list"))?.is_some())
    }

    /// Requires that an object, or else a folder of them, may be written there, as far as can be told without writing.
    ///
    /// # Errors
    /// Wrong usage: no key, no such bucket, a store that denies access; a store that cannot be asked.
    pub(crate) fn may_be_written(&self, as_object: bool) -> Result<()> {
        static ASKED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        if as_object && self.key.as_ref().is_empty() {
            return Err(
                Error::usage("the URL names a bucket, and an object is to be written").file(&self.url),
            );
        }
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.contains(&self.url) {
            self.is_folder()?;
            asked.insert(self.url.clone());
        }
        Ok(())
    }

    /// Creates the object; false where there is one already, which stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn create(&self, bytes: &[u8]) -> Result<bool> {
        let creator = unique().map_err(|e| e.file(&self.url))?;
        let options = || PutOptions {
            mode: PutMode::Create,
            attributes: Attributes::from_iter([(Attribute::Metadata(CREATOR.into()), creator.clone())]),
            ..PutOptions::default()
        };
        let payload = PutPayload::from(bytes.to_vec());
        for _ in 0..TRIES {
            let (payload, options) = (payload.clone(), options());
            let put = self.call(|store, key| async move { store.put_opts(&key, payload, options).await })?;
            match put {
                Ok(_) => return Ok(true),
                Err(Failure::AlreadyExists { .. } | Failure::Precondition { .. }) => {}
                Err(e) => return Err(self.failed(&e, "create")),
            }
            // A first try may have made the object although its answer was lost; and of creations that meet half way all may
            // be turned away.
            if let Some(first) = self.creator()? {
                return Ok(first == creator);
            }
        }
        Err(Error::retry("cannot create: others create and remove it at the same time").file(&self.url))
    }

    /// Who created the object that is there, as far as that is known.
    fn creator(&self) -> Result<Option<String>> {
        let head = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let found =
            self.call(|store, key| async move { Ok(store.get_opts(&key, head).await?.attributes) })?;
        let known = |attributes: Attributes| {
            let creator = attributes.get(&Attribute::Metadata(CREATOR.into()));
            creator.map(|creator| creator.to_string()).unwrap_or_default()
        };
        Ok(self.found(found, "look for")?.map(known))
    }

    /// Puts the `file`, from its beginning, in place of what is there: in one step, whatever its length.
    ///
    /// # Errors
    /// When the file cannot be read or the store fails; what was there stays.
    pub(crate) fn put(&self, file: &mut File) -> Result<()> {
        let unreadable = |e| Error::io(e, "read what is to be put at", &self.url);
        let length = file.metadata().map_err(unreadable)?.len();
        std::io::Seek::rewind(file).map_err(unreadable)?;
        let part = PART.max(length / MOST_PARTS);
        let mut piece = || -> Result<Vec<u8>> {
            let mut bytes = Vec::new();
            file.take(part).read_to_end(&mut bytes).map_err(unreadable)?;
            match bytes.is_empty() && length > 0 {
                true => Err(unreadable(std::io::ErrorKind::UnexpectedEof.into())),
                false => Ok(bytes),
            }
        };
        if length <= part {
            let payload = PutPayload::from(piece()?);
            let put = self.call(|store, key| async move { store.put(&key, payload).await })?;
            return put.map(drop).map_err(|e| self.failed(&e, "write"));
        }
        let begun = self.call(|store, key| async move { store.put_multipart(&key).await })?;
        let mut upload = begun.map_err(|e| self.failed(&e, "write"))?;
        let mut left = length;
        while left > 0 {
            let mut sent = Vec::new();
            while left > 0 && sent.len() < SENDERS {
                let bytes = piece()?;
                left = left.saturating_sub(bytes.len() as u64);
                sent.push(upload.put_part(PutPayload::from(bytes)));
            }
            let sent = self.call(|_, _| async move {
                let sent: Vec<_> = sent.into_iter().map(tokio::spawn).collect();
                for part in sent {
                    part.await??;
                }
                Ok(())
            })?;
            if let Err(e) = sent {
                abort(upload);
                return Err(self.failed(&e, "write"));
            }
        }
        let done = self.call(|_, _| async move { upload.complete().await })?;
        done.map(drop).map_err(|e| self.failed(&e, "write"))
    }

    /// Removes the object, where there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn remove(&self) -> Result<()> {
        let gone = self.call(|store, key| async move { store.delete(&key).await })?;
        self.found(gone, "remove").map(drop)
    }

    /// None for what is not there.
    fn found<T>(&self, found: object_store::Result<T>, doing: &str) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Failure::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed(&e, doing)),
        }
    }

    /// The error of an object that should be there: it is missing, or its bucket is.
    pub(crate) fn missing(&self, doing: &str) -> Error {
        match self.is_folder() {
            Err(e) => e,
            Ok(true) => Error::usage(format!("cannot {doing}: it is a folder"))
                .file(&self.url)
                .hint("give the URL of an object"),
            Ok(false) => Error::usage(format!("cannot {doing}: no such object, and none below it"))
                .file(&self.url)
                .hint("check the URL: SCHEME://BUCKET/KEY"),
        }
    }

    /// The error of a call that failed.
    fn failed(&self, failure: &Failure, doing: &str) -> Error {
        let said = said(failure);
        let usage = |what: &str| Error::usage(format!("cannot {doing}: {what}{said}"));
        let made = match failure {
            Failure::NotFound { .. } => {
                usage("there is no such bucket").hint("check the URL: SCHEME://BUCKET/KEY")
            }
            Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. } => {
                usage("the store denies access").hint(self.scheme.hint())
            }
            Failure::Precondition { .. } => {
                Error::retry(format!("cannot {doing}: the object was changed meanwhile")).hint("run it again")
            }
            Failure::NotSupported { .. } | Failure::NotImplemented { .. } | Failure::InvalidPath { .. } => {
                usage(&failure.to_string())
            }
            _ => {
                let text = chain(failure);
                if text.contains(NO_TLS) {
                    Error::usage(format!("cannot {doing}: {NO_TLS}"))
                } else if text.contains("status code: 404") {
                    usage("there is no such bucket").hint("check the URL: SCHEME://BUCKET/KEY")
                } else if text.contains("status code: 400") || text.contains("redirect without LOCATION") {
                    usage("the store refuses the request").hint(self.scheme.hint())
                } else if said.is_empty() {
                    Error::retry(format!("cannot {doing}: {text}"))
                } else {
                    Error::retry(format!("cannot {doing}: the store fails{said}"))
                }
            }
        };
        made.file(&self.url)
    }
}

/// Lets the store forget the parts of an object that will never be whole.
fn abort(mut upload: Box<dyn MultipartUpload>) {
    let _ = wait(async move { upload.abort().await });
}

/// The next of a stream.
async fn next<S: futures_core::Stream + Unpin + ?Sized>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)).await
}

/// A name that no one else has. It is in no result.
pub(crate) fn unique() -> Result<String> {
    let mut bytes = [0; 16];
    let random = rand::rngs::SysRng.try_fill_bytes(&mut bytes);
    random.map_err(|e| Error::retry(format!("the system has no random bytes: {e}")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// What the store's answer says, in its own words: ` (NoSuchBucket: ...)`; nothing where it says nothing.
fn said(failure: &Failure) -> String {
    let text = failure.to_string();
    let between = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split('<').next().filter(|said| !said.is_empty())
    };
    match (between("Code"), between("Message")) {
        (Some(code), Some(message)) => format!(" ({code}: {message})"),
        (Some(code), None) => format!(" ({code})"),
        _ => String::new(),
    }
}

/// A failure and the last of what it was caused by, which is what a person wants to know.
fn chain(failure: &Failure) -> String {
    let first: &(dyn std::error::Error + 'static) = failure;
    let last = std::iter::successors(Some(first), |error| error.source()).last();
    let (first, last) = (
        failure.to_string(),
        last.map_or_else(String::new, ToString::to_string),
    );
    match first.contains(&last) {
        true => first,
        false => format!("{first}: {last}"),
    }
}
