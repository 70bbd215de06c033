//! What can go wrong with regions.

use std::io;
use std::path::PathBuf;

use crate::domain::InvalidGround;
use crate::files::Bad;

/// Why a file of regions, as others write it, cannot be imported. Nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// More bytes than are read.
    #[error("is larger than {most} bytes")]
    TooLarge {
        /// The most.
        most: usize,
    },
    /// Not JSON, or not of the form that is asked for.
    #[error("cannot be read: {0}")]
    Form(serde_json::Error),
    /// Another kind of `GeoJSON` than a collection of features.
    #[error("is a {0:?} and not a FeatureCollection")]
    NotFeatures(String),
    /// Coordinates of another system than WGS 84.
    #[error("has coordinates of {0:?}: only longitude and latitude of WGS 84 are taken (RFC 7946, section 4)")]
    OtherSystem(String),
    /// There is nothing in it.
    #[error("has no region")]
    Empty,
    /// There is too much in it.
    #[error("has more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most.
        most: usize,
    },
    /// A feature has no geometry that is ground.
    #[error("feature {feature} has no Polygon or MultiPolygon")]
    NoGround {
        /// Which, from 0.
        feature: usize,
    },
    /// A feature has no code, or none that is a text or a whole number.
    #[error("feature {feature} has no text or whole number in its property {property:?}")]
    NoCode {
        /// Which, from 0.
        feature: usize,
        /// Where it was looked for.
        property: String,
    },
    /// It was not said of which scheme a code is.
    #[error("feature {feature} has no property \"scheme\", and no scheme was given")]
    NoScheme {
        /// Which, from 0.
        feature: usize,
    },
    /// A ring that is not closed.
    #[error("feature {feature}, ring {ring}: the last point is not the first (RFC 7946, section 3.1.6)")]
    NotClosed {
        /// Which, from 0.
        feature: usize,
        /// Which of its rings, from 0.
        ring: usize,
    },
    /// A ring that is none.
    #[error("feature {feature}, ring {ring}: {fault}")]
    Ring {
        /// Which, from 0.
        feature: usize,
        /// Which of its rings, from 0.
        ring: usize,
        /// Why.
        fault: InvalidGround,
    },
    /// The name of a set or scheme is not one.
    #[error("{0:?} is no name: 1 to 64 characters without control characters are taken")]
    Name(String),
}

/// It is told by the error itself, and so is no source of it: whoever tells the chain would tell it twice.
impl From<serde_json::Error> for ImportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Form(error)
    }
}

/// Why the regions of a data folder could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// What is to be imported cannot be.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// There are too many sets.
    #[error("there are {most} sets of regions already")]
    TooManySets {
        /// The most.
        most: usize,
    },
    /// A server uses the folder, and would not know of the change.
    #[error("{} is in use by a server: import by way of it", .0.display())]
    InUse(PathBuf),
    /// A file or folder could not be read or written.
    #[error("cannot {what} {}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// A file was written by a later version.
    #[error("{} is of a later version, {version}", .path.display())]
    LaterVersion {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl RegionError {
    /// For a file that is not what was written.
    pub(super) fn bad(path: &std::path::Path) -> impl FnOnce(Bad) -> Self {
        let path = path.to_owned();
        move |bad| match bad {
            Bad::Damaged(reason) => Self::Damaged { path, reason },
            Bad::LaterVersion(version) => Self::LaterVersion { path, version },
        }
    }

    /// For an operation on a file that did not work.
    pub(super) fn file(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
