//! A tonic service behind a node: callers send their key as metadata and are refused with a status of gRPC.
//!
//! `CLAVIGER_OPERATOR_KEY=… cargo run --example tonic -- 127.0.0.1:8000 default`
//!
//! Its messages are plain bytes and its service is written by hand, so that it needs no protoc; a generated one is
//! wrapped the same.

use std::{convert::Infallible, env, error::Error, future::ready};

use bytes::{Buf as _, BufMut as _, Bytes};
use claviger_layer::{ClavigerLayer, Node, Peer, RemoteApi, RemotePermit};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::BoxFuture,
    server::{Grpc, NamedService},
    transport::{
        Server,
        server::{TcpConnectInfo, TcpIncoming},
    },
};
use tower::{Service, service_fn, util::MapRequestLayer};

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
pub(crate) async fn serve(listener: TcpListener, api: RemoteApi) -> Result<(), tonic::transport::Error> {
    // The layer has to know who connects: keys can be restricted to networks.
    let with_peer = MapRequestLayer::new(|mut request: http::Request<Body>| {
        let info = request.extensions().get::<TcpConnectInfo>();
        if let Some(address) = info.and_then(TcpConnectInfo::remote_addr) {
            request.extensions_mut().insert(Peer(address.ip()));
        }
        request
    });
    Server::builder()
        .layer(with_peer)
        .layer(ClavigerLayer::new(api))
        .add_service(Echo)
        .serve_with_incoming(TcpIncoming::from(listener))
        .await
}

/// The service `example.Echo`, whose only call `Say` answers with what it was told and by whom.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "example.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Plain).unary(service_fn(say), request).await) })
    }
}

fn say(request: Request<Bytes>) -> impl Future<Output = Result<Response<Bytes>, Status>> {
    let (_metadata, extensions, message) = request.into_parts();
    let Some(permit) = extensions.get::<RemotePermit>() else {
        return ready(Err(Status::internal("this is not behind the layer")));
    };
    let said = format!("{} says {}", permit.account_id(), String::from_utf8_lossy(&message));
    ready(Ok(Response::new(said.into())))
}

/// Messages that are plain bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
