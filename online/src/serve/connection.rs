//! One connection: HTTP/1 under the limits.

use std::pin::pin;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::limits::Limits;
use super::patience::Patience;

/// The least that hyper buffers of a request's head.
const LEAST_BUFFER: usize = 8 << 10;

/// Answers requests until the client closes, breaks the protocol or a limit, or `stop` says so and no request is
/// running. What the client did wrong concerns nobody else: it ends here.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(limits.headers)
        .max_header_size(limits.head)
        .max_buf_size(limits.head.max(LEAST_BUFFER))
        // A client may close its sending side and wait for the reply.
        .half_close(true);
    let stream = TokioIo::new(Patience::new(stream, limits.write_time));
    let mut connection = pin!(builder.serve_connection(stream, TowerToHyperService::new(router)));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
