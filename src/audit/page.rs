//! Looking into the log while the server runs, newest first, a page at a time.

use std::collections::VecDeque;

use crate::domain::{ActorKind, AuditRecord, AuditSubject, CredentialId, Timestamp};
use crate::segments::{Damage, LogError, Segment, segment};

use super::read::Records;
use super::{Audit, Backend, FORMAT};

/// How much is read for one page at the most, bytes, unless one segment is longer: a search for what is rare comes
/// back with what it has, and where to go on.
const READ_AT_MOST: u64 = 64 << 20;

/// Which records are asked for; what is not set asks for all.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Those about one person.
    pub subject: Option<AuditSubject>,
    /// Those about one resource that is no person.
    pub object: Option<String>,
    /// Those of one action, as [`Act::name`](crate::domain::Act::name) has it; or of all actions on one thing, as
    /// `consent`.
    pub action: Option<String>,
    /// Those of one kind of actor.
    pub actor_kind: Option<ActorKind>,
    /// Those of actors of this name.
    pub actor_name: Option<String>,
    /// Those of callers that showed this credential.
    pub credential: Option<CredentialId>,
    /// Those from this instant on.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
}

impl Query {
    /// Whether a record is among them.
    pub fn asks_for(&self, record: &AuditRecord) -> bool {
        let action = record.act.as_ref().map_or("", |act| act.name());
        let is_of =
            |asked: &str| action.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.subject.is_none_or(|subject| record.subjects.contains(&subject))
            && self.object.as_ref().is_none_or(|object| record.object == *object)
            && self.action.as_deref().is_none_or(is_of)
            && self.actor_kind.is_none_or(|kind| record.actor.kind == kind)
            && self.actor_name.as_ref().is_none_or(|name| record.actor.name == *name)
            && self.credential.is_none_or(|credential| record.actor.credential == Some(credential))
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
    }
}

/// Some of the records that were asked for.
#[derive(Debug)]
pub struct Page {
    /// The records, newest first; there may be none on a page that others follow.
    pub records: Vec<AuditRecord>,
    /// Where to go on: with records before this number. `None`: that was all.
    pub before: Option<u64>,
}

impl Audit {
    /// Up to `most` records before the number `before`, newest first; from the newest on disk, if that is not given.
    /// Blocks, and reads files.
    pub fn page(&self, query: &Query, before: Option<u64>, most: usize) -> Result<Page, LogError> {
        let Backend::Disk { dir, .. } = &self.0.backend else {
            return Ok(Page { records: Vec::new(), before: None });
        };
        let newest = self.head().sequence;
        let mut upper = before.map_or(newest, |before| before.saturating_sub(1).min(newest));
        let mut segments = segment::list(dir, &FORMAT)?;
        let (mut found, mut read) = (VecDeque::new(), 0);
        while upper > 0 && read < READ_AT_MOST {
            let Some(segment) = segments.pop() else { break };
            if segment.number > upper {
                continue;
            }
            read += read_back(&segment, query, upper, most, &mut found)?;
            if found.len() == most {
                let earliest = found.front().map_or(0, |record: &AuditRecord| record.position.sequence);
                upper = earliest.saturating_sub(1);
                break;
            }
            upper = segment.number.saturating_sub(1);
        }
        let before = (upper > 0).then_some(upper + 1);
        Ok(Page { records: found.into_iter().rev().collect(), before })
    }
}

/// Puts the newest matches of one segment, up to the number `upper`, in front of `found` until it has `most`; gives
/// how many bytes were read.
fn read_back(
    segment: &Segment,
    query: &Query,
    upper: u64,
    most: usize,
    found: &mut VecDeque<AuditRecord>,
) -> Result<u64, LogError> {
    let mut records = Records::open(segment)?;
    let room = most - found.len();
    let mut here = VecDeque::new();
    // The last record may have others behind it that are not on disk yet: no step beyond it.
    while let Some(stored) = records.next_record()? {
        let damaged = |reason| LogError::damaged(&segment.file, stored.offset, Damage::Entry(reason));
        let record = stored.read().map_err(damaged)?;
        if query.asks_for(&record) && stored.sequence <= upper {
            if here.len() == room {
                here.pop_front();
            }
            here.push_back(record);
        }
        if stored.sequence >= upper {
            break;
        }
    }
    while let Some(record) = here.pop_back() {
        found.push_front(record);
    }
    Ok(records.offset())
}
