//! Compiles `proto/` with protox, so that no `protoc` is needed.

use std::error::Error;
use std::path::{Path, PathBuf};

use protox::prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files = Vec::new();
    collect(Path::new("proto"), &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, ["proto"])?;
    #[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("hazardcast.fds.bin"), descriptors.encode_to_vec())?;

    // A notice goes to many links as the same bytes: the type that can hold them is the house's own.
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::wire::codec::BoundedCodec")
        .extern_path(".hazardcast.v1.OpenLinkResponse", "crate::wire::link_frame::LinkFrame")
        .compile_fds(descriptors)?;
    Ok(())
}

/// Every `.proto` file below `folder`.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), std::io::Error> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
