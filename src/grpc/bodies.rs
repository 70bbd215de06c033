//! Bodies with any number of alerts, for doors that take bytes and answer in words of their own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::domain::{AlertId, Caller};
use crate::intake::Piece;
use crate::wire::v1;

use super::Services;
use super::alert::{AlertDoor, problems};
use super::status::Refusal;

/// How many alerts of one body wait for the desk at a time.
const AT_A_TIME: usize = 16;

/// Takes bodies of alerts.
#[derive(Clone)]
pub struct Bodies(Arc<AlertDoor>);

/// What became of one message of a body.
#[derive(Debug)]
pub struct Taken {
    /// Where it stands in the body; empty if it is the whole.
    pub place: String,
    /// Whose it is and what it is called, if it could be read so far.
    pub id: Option<AlertId>,
    /// Its answer, as `SubmitAlert` has it.
    pub answer: Result<v1::SubmitAlertResponse, Refusal>,
}

impl Bodies {
    /// Takes them to the desk of these services.
    pub fn new(services: Services) -> Self {
        Self(Arc::new(AlertDoor(services)))
    }

    /// Who calls with this token, if they may; how they are counted.
    pub fn admit(&self, token: Option<&str>) -> Result<(Arc<Caller>, Option<crate::access::Open>), Refusal> {
        let services = &self.0.0;
        let holder = services.access.authenticate(token, None).map_err(Refusal::from)?;
        match holder {
            Some(holder) => {
                let caller = Arc::clone(holder.caller());
                self.0.bearer(&caller)?;
                Ok((caller, Some(holder.admit()?)))
            }
            None if services.development => Ok((Arc::new(Caller::Development), None)),
            None => Err(Refusal::no_credential()),
        }
    }

    /// Whether whoever shows nothing may do anything: then nothing is lost in plain text.
    pub fn is_development(&self) -> bool {
        self.0.0.development
    }

    /// Takes every alert of a body, each by itself; or says why none can be read.
    pub async fn take(&self, caller: &Caller, content: Bytes, media_type: String) -> Result<Vec<Taken>, Refusal> {
        let read = self.0.0.door().read_all(content, media_type, self.0.bearer(caller)?, |_| true).await;
        let pieces = match read.map_err(Refusal::from) {
            Ok(pieces) => pieces,
            Err(refusal) => {
                self.0.refused_at_the_door(caller, &refusal).await;
                return Err(refusal);
            }
        };
        let take = async |Piece { place, id, ready, .. }: Piece| {
            let answer = match ready? {
                Ok(ready) => {
                    let problems = problems(&ready).collect();
                    self.0.decided(ready, problems, caller).await
                }
                Err(error) => {
                    let refusal = Refusal::from(error);
                    self.0.refused_at_the_door(caller, &refusal).await;
                    Err(refusal)
                }
            };
            Some(Taken { place, id, answer })
        };
        // In the order of the body, however they are decided.
        Ok(stream::iter(pieces).map(take).buffered(AT_A_TIME).filter_map(std::future::ready).collect().await)
    }
}
