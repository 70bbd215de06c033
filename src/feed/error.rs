//! What can go wrong with feeds.

use crate::domain::{InvalidFeed, InvalidUrl};
use crate::format::FormatError;
use crate::intake::Unread;

use super::fetch::FetchError;
use super::store::StoreError;

/// Why a feed cannot be added or changed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// There is none of that name.
    #[error("no such feed")]
    NotFound,
    /// There is one of that name.
    #[error("there is a feed of that name")]
    AlreadyExists,
    /// There are too many.
    #[error("there are {0} feeds already")]
    TooMany(usize),
    /// The authority that it is to speak for is not admitted.
    #[error("authority: is not admitted")]
    UnknownAuthority,
    /// Something is out of its bounds.
    #[error(transparent)]
    Invalid(#[from] InvalidFeed),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is a bug.
    #[error("the task failed")]
    Failed,
}

/// Why nothing good came of asking a feed.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// There is no answer that can be used.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What came is in no format that is read, or not whole.
    #[error("{}", with_field(.0))]
    Format(#[from] FormatError),
    /// A link that cannot be followed.
    #[error("the link is no address that can be fetched from: {0}")]
    Link(#[source] InvalidUrl),
    /// A link to where nothing may be fetched from.
    #[error("the link leads to {0:?}, which is not among the feed's hosts")]
    NotAllowed(String),
    /// It is a bug.
    #[error("the reader failed")]
    Failed,
}

fn with_field(error: &FormatError) -> String {
    let colon = if error.field().is_empty() { "" } else { ": " };
    format!("{}{colon}{error}", error.field())
}

impl From<Unread> for PollError {
    fn from(error: Unread) -> Self {
        match error {
            Unread::Format(error) => Self::Format(error),
            Unread::Failed => Self::Failed,
        }
    }
}

impl PollError {
    /// Why, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.name(),
            Self::Format(FormatError::MediaType(_)) => "wrong_type",
            Self::Format(_) => "unreadable",
            Self::Link(_) | Self::NotAllowed(_) => "link",
            Self::Failed => "failed",
        }
    }
}
