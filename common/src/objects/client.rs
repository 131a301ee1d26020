//! The stores themselves: which one a URL's scheme names, set up from the environment's variables, and its HTTP.
//!
//! All of it is made when the first URL of a bucket is met, and kept; a run on local paths starts no thread and no TLS.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::TokioExecutor;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientConfigKey, ClientOptions, CredentialProvider, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use crate::{Error, Result};

/// How long a connection, credentials, the head of a response, and one whole call with all its retries may take.
const CONNECTING: Duration = Duration::from_secs(10);
const CREDENTIALS: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(600);
/// Some ten seconds, each wait twice as long as the one before, with jitter.
const RETRIES: usize = 6;

/// A kind of store, by the scheme of its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheme {
    S3,
    Google,
    Azure,
}

impl Scheme {
    /// How its URLs begin.
    pub(super) const ALL: [(&'static str, Scheme); 3] = [
        ("s3://", Scheme::S3),
        ("gs://", Scheme::Google),
        ("az://", Scheme::Azure),
    ];

    /// The variables that hold its credentials, and what to do about them.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Scheme::S3 => {
                "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and AWS_ENDPOINT_URL for a store that is not \
                 Amazon's"
            }
            Scheme::Google => {
                "set GOOGLE_SERVICE_ACCOUNT or GOOGLE_APPLICATION_CREDENTIALS to the key's file"
            }
            Scheme::Azure => "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        }
    }
}

/// The bucket of a scheme; the same one for all URLs in it.
pub(super) fn bucket(scheme: Scheme, name: &str, url: &Path) -> Result<Arc<dyn ObjectStore>> {
    type Buckets = BTreeMap<(Scheme, String), Arc<dyn ObjectStore>>;
    static BUCKETS: Mutex<Buckets> = Mutex::new(BTreeMap::new());
    let broken = || Error::retry("a thread has failed while it opened a bucket");
    let mut buckets = BUCKETS.lock().map_err(|_| broken())?;
    let key = (scheme, name.to_string());
    if let Some(known) = buckets.get(&key) {
        return Ok(Arc::clone(known));
    }
    let made = connect(scheme, name).map_err(|e| e.file(url))?;
    buckets.insert(key, Arc::clone(&made));
    Ok(made)
}

fn connect(scheme: Scheme, name: &str) -> Result<Arc<dyn ObjectStore>> {
    let retries = RetryConfig {
        max_retries: RETRIES,
        ..RetryConfig::default()
    };
    // Credentials come first: where there are none, a store would ask the cloud's own network for minutes.
    match scheme {
        Scheme::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(name);
            let store = builder.with_retry(retries).with_http_connector(Connector).build();
            signed(scheme, "AWS", store, |store| Arc::clone(store.credentials()))
        }
        Scheme::Google => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(name);
            let store = builder.with_retry(retries).with_http_connector(Connector).build();
            signed(scheme, "GOOGLE", store, |store| Arc::clone(store.credentials()))
        }
        Scheme::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(name);
            let store = builder.with_retry(retries).with_http_connector(Connector).build();
            signed(scheme, "AZURE", store, |store| Arc::clone(store.credentials()))
        }
    }
}

/// The store that was made, whose credentials are there.
fn signed<S: ObjectStore, C: CredentialProvider + ?Sized + 'static>(
    scheme: Scheme,
    prefix: &str,
    made: object_store::Result<S>,
    credentials: impl Fn(&S) -> Arc<C>,
) -> Result<Arc<dyn ObjectStore>> {
    let store = made.map_err(|e| {
        Error::usage(format!("the store cannot be set up from the environment: {e}")).hint(scheme.hint())
    })?;
    let credentials = credentials(&store);
    required(scheme, prefix, async move {
        credentials.get_credential().await.map(drop)
    })?;
    Ok(Arc::new(store))
}

/// Requires credentials, unless the environment says that requests go unsigned.
fn required(
    scheme: Scheme,
    prefix: &str,
    credentials: impl Future<Output = object_store::Result<()>> + Send + 'static,
) -> Result<()> {
    if std::env::var_os(format!("{prefix}_SKIP_SIGNATURE")).is_some_and(|set| set != "false") {
        return Ok(());
    }
    let missing =
        |why: String| Error::usage(format!("no credentials for the store: {why}")).hint(scheme.hint());
    let within = async { Ok(tokio::time::timeout(CREDENTIALS, credentials).await) };
    match wait(within)? {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(e))) | Err(e) => Err(missing(format!(
            "none that work in the environment ({})",
            super::chain(&e)
        ))),
        Ok(Err(_)) => Err(missing(
            "none in the environment, and this machine's cloud gives none".into(),
        )),
    }
}

/// Waits for `work`, done by the one thread that all calls to stores share: a caller may itself be a thread of an
/// asynchronous service, which must not run another one inside.
pub(super) fn wait<T: Send + 'static>(
    work: impl Future<Output = object_store::Result<T>> + Send + 'static,
) -> Result<object_store::Result<T>> {
    static RUNTIME: OnceLock<Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("objects")
            .enable_all()
            .build();
        runtime.map_err(|e| Error::retry(format!("no thread for calls to object stores: {e}")))
    });
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    runtime.as_ref().map_err(Clone::clone)?.spawn(async move {
        let _ = sender.send(tokio::time::timeout(CALL, work).await);
    });
    let done = receiver.recv();
    let done = done.map_err(|_| Error::retry("the thread that calls object stores has failed"))?;
    done.map_err(|_| {
        Error::retry(format!(
            "the store has not answered within {} seconds",
            CALL.as_secs()
        ))
    })
}

/// HTTP/1.1 by hyper, with the system's certificates.
#[derive(Debug)]
struct Connector;

#[derive(Debug)]
struct Http {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    /// Whether requests may go without TLS.
    plain: bool,
}

/// What is said of requests that may not go.
pub(super) const NO_TLS: &str = "the endpoint has no TLS, which is refused unless AWS_ALLOW_HTTP (AZURE_ALLOW_HTTP, GOOGLE_ALLOW_HTTP) is true";

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let tls =
            HttpsConnectorBuilder::new()
                .with_native_roots()
                .map_err(|e| object_store::Error::Generic {
                    store: "TLS",
                    source: format!("{e}; install ca-certificates, or name them by SSL_CERT_FILE").into(),
                })?;
        let plain = options
            .get_config_value(&ClientConfigKey::AllowHttp)
            .is_some_and(|allow| allow == "true");
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECTING));
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(HttpClient::new(Http { client, plain }))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.plain && request.uri().scheme_str() != Some("https") {
            return Err(HttpError::new(
                HttpErrorKind::Unknown,
                std::io::Error::other(NO_TLS),
            ));
        }
        let answer = tokio::time::timeout(ANSWER, self.client.request(request)).await;
        let answer = answer.map_err(|e| HttpError::new(HttpErrorKind::Timeout, e))?;
        let answer = answer.map_err(|e| {
            let kind = match e.is_connect() {
                true => HttpErrorKind::Connect,
                false => HttpErrorKind::Request,
            };
            HttpError::new(kind, e)
        })?;
        Ok(answer.map(|body| {
            HttpResponseBody::new(body.map_err(|e| HttpError::new(HttpErrorKind::Interrupted, e)))
        }))
    }
}
