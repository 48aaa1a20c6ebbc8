//! A hyper service behind a node, without a framework.
//!
//! `CLAVIGER_OPERATOR_KEY=… cargo run --example hyper -- 127.0.0.1:8000 default`

use std::{convert::Infallible, env, error::Error, io};

use bytes::Bytes;
use claviger_layer::{ClavigerLayer, Node, Peer, RemoteApi, RemotePermit};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn, util::MapRequestLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let api = arguments.next().unwrap_or_else(|| "default".to_owned());
    let url = env::var("CLAVIGER_URL").unwrap_or_else(|_| "http://127.0.0.1:8082".to_owned());
    let node = Node::new(&url, env::var("CLAVIGER_OPERATOR_KEY")?)?;
    serve(TcpListener::bind(address).await?, node.api(&api)).await?;
    Ok(())
}

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, api: RemoteApi) -> io::Result<()> {
    let guarded = ClavigerLayer::new(api).layer(service_fn(greet));
    loop {
        let (stream, peer) = listener.accept().await?;
        // The layer has to know who connects: keys can be restricted to networks.
        let with_peer = MapRequestLayer::new(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            request
        });
        let service = TowerToHyperService::new(with_peer.layer(guarded.clone()));
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            // Whoever goes away in the middle of it is nobody's fault here.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn greet(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let account = request.extensions().get::<RemotePermit>().map(RemotePermit::account_id);
    let greeting = format!("hello, {}", account.unwrap_or("nobody: this is not behind the layer"));
    Ok(Response::new(Full::new(greeting.into())))
}
