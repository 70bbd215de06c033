//! Any RPC by its path, with bytes for messages: a test that calls every RPC knows none of them.

use hazardcast::wire::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes};
use prost_types::FileDescriptorSet;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

use super::site::Caller;

/// Every RPC of the server's own, by its path.
pub(crate) fn rpcs() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("descriptors").file;
    let mut found = Vec::new();
    for file in &files {
        for service in &file.service {
            let path = |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
            found.extend(service.method.iter().map(|method| path(method.name())));
        }
    }
    found
}

/// Calls an RPC with one message, and gives the first that it is answered, or none.
pub(crate) async fn call(caller: &Caller, path: &str, message: Bytes) -> Result<Option<Bytes>, Status> {
    let mut grpc = Grpc::new(caller.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = path.parse().expect("a path");
    // Every RPC can be called as a stream both ways: what it is makes no difference on the wire.
    let request = Request::new(tokio_stream::once(message));
    let mut answers = grpc.streaming(request, path, Raw).await?.into_inner();
    answers.message().await
}

#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
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

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}
