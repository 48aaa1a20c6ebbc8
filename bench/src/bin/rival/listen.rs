//! A port of its own, and hyper alone on it.

use std::{convert::Infallible, error::Error, io::Write as _};

use http_body::Body;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// A port that the system chooses, told on standard output.
pub async fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    Ok(listener)
}

/// Answers every request by `answer`, over HTTP/1.1.
pub async fn serve<B, F>(
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = Response<B>> + Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let listener = listen().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        tokio::spawn(async move {
            let mut connections = http1::Builder::new();
            connections.timer(TokioTimer::new());
            // A connection that breaks is its caller's to notice.
            let _ = connections.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
