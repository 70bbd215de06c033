//! The wire: generated types, and the only code that translates between them and [`crate::domain`].

pub mod codec;
pub mod convert;
pub mod encode;
pub mod link_frame;

/// `hazardcast.v1`: the public API, as generated.
#[expect(
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::clone_on_ref_ptr,
    clippy::large_enum_variant,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("hazardcast.v1");
}

/// `hazardcast.storage.v1`: what is written to disk, as generated.
#[expect(clippy::pedantic, reason = "generated")]
pub mod storage_v1 {
    tonic::include_proto!("hazardcast.storage.v1");
}

/// The compiled descriptors of both packages, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hazardcast.fds.bin"));
