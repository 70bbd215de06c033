//! `FanOutService`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tonic::{Request, Response, Status};

use crate::domain::{AuthorityName, Caller, ChannelKind, DeliveryKey};
use crate::ledger::Counts;
use crate::plan::Skipped;
use crate::wire::convert::{fan_out, terms, time};
use crate::wire::v1;
use crate::wire::v1::fan_out_service_server::FanOutService;

use super::auth::caller;
use super::status::{not_found, status};
use super::{Services, is_seen_by, page_size};

/// How often a watched fan-out is looked at.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(super) struct FanOutDoor(pub(super) Services);

type Watched = Pin<Box<dyn Stream<Item = Result<v1::WatchFanOutResponse, Status>> + Send>>;

#[tonic::async_trait]
impl FanOutService for FanOutDoor {
    type WatchFanOutStream = Watched;

    async fn get_fan_out(
        &self,
        request: Request<v1::GetFanOutRequest>,
    ) -> Result<Response<v1::GetFanOutResponse>, Status> {
        let caller = caller(&request);
        let key = fan_out::key_from_name(&request.into_inner().name).map_err(status)?;
        Ok(Response::new(v1::GetFanOutResponse { fan_out: Some(self.find(&caller, key)?) }))
    }

    async fn list_fan_outs(
        &self,
        request: Request<v1::ListFanOutsRequest>,
    ) -> Result<Response<v1::ListFanOutsResponse>, Status> {
        let caller = caller(&request);
        let request = request.into_inner();
        let before = match request.page_token.as_str() {
            "" => None,
            name => Some(fan_out::key_from_name(name).map_err(status)?),
        };
        let all = self.0.fan_outs.all();
        let seen = all.iter().filter(|fan_out| is_seen_by(&caller, fan_out));
        let mut keys: Vec<DeliveryKey> = seen.map(|fan_out| fan_out.bulletin.key()).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.retain(|key| before.is_none_or(|before| *key <= before));
        let size = page_size(request.page_size).map_err(status)?;
        let next_page_token = keys.get(size).map(|&key| fan_out::fan_out_name(key)).unwrap_or_default();
        let fan_outs = keys.into_iter().take(size).filter_map(|key| self.find(&caller, key).ok()).collect();
        Ok(Response::new(v1::ListFanOutsResponse { fan_outs, next_page_token }))
    }

    async fn watch_fan_out(
        &self,
        request: Request<v1::WatchFanOutRequest>,
    ) -> Result<Response<Self::WatchFanOutStream>, Status> {
        let caller = caller(&request);
        let key = fan_out::key_from_name(&request.into_inner().name).map_err(status)?;
        self.find(&caller, key)?;
        let door = self.clone();
        let looks = futures_util::stream::unfold(Some(None::<v1::FanOut>), move |last| {
            let (door, caller) = (door.clone(), Arc::clone(&caller));
            async move {
                let last = last?;
                loop {
                    let now = match door.find(&caller, key) {
                        Ok(now) => now,
                        Err(status) => return Some((Err(status), None)),
                    };
                    if last.as_ref() != Some(&now) {
                        let next = (!now.complete).then(|| Some(now.clone()));
                        return Some((Ok(v1::WatchFanOutResponse { fan_out: Some(now) }), next));
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }
        });
        Ok(Response::new(Box::pin(looks)))
    }
}

impl FanOutDoor {
    /// A fan-out, as this caller may see it.
    pub(super) fn find(&self, caller: &Caller, key: DeliveryKey) -> Result<v1::FanOut, Status> {
        let newest = self.0.fan_outs.newest(key.lineage);
        let seen = newest.map_or_else(|| caller.sees_all_alerts(), |newest| is_seen_by(caller, &newest));
        let counts = self.0.fan_outs.counts(key).filter(|_| seen);
        let told = counts.map(|counts| match caller.authority() {
            Some(authority) => self.coarse(authority, key, &counts),
            None => to_wire(key, &counts),
        });
        told.ok_or_else(|| not_found("FAN_OUT_NOT_FOUND", "no such fan-out"))
    }
}

impl FanOutDoor {
    /// What an authority is told. It can choose the ground, so that counts are shifted; and whatever follows from
    /// counts is made of what is told of them, or its sums would say more than they do.
    fn coarse(&self, authority: &AuthorityName, key: DeliveryKey, counts: &Counts) -> v1::FanOut {
        let discretion = &self.0.discretion;
        let told = |cell: Cell, count: u64| discretion.shifted(&(authority, key, cell), count).at_least;
        let waiting = told(Cell::Waiting, counts.planned.saturating_sub(counts.sent_total()));
        let skipped = counts.skipped.iter().filter(|(reason, _)| may_be_told(*reason));
        let skipped = skipped.map(|(reason, count)| (*reason, told(Cell::Skipped(*reason), *count)));
        let sent = counts.sent.iter().map(|(channel, count)| (*channel, told(Cell::Sent(*channel), *count)));
        let skipped: Vec<_> = skipped.filter(|(_, count)| *count > 0).collect();
        let sent: Vec<_> = sent.filter(|(_, count)| *count > 0).collect();
        let acknowledged = told(Cell::Acknowledged, counts.acknowledged);
        let planned = waiting + sent.iter().map(|(_, count)| count).sum::<u64>();
        let found = planned + skipped.iter().map(|(_, count)| count).sum::<u64>();
        let (first_sent, last_sent) =
            if sent.is_empty() { (None, None) } else { (counts.first_sent, counts.last_sent) };
        let last_acknowledged = counts.last_acknowledged.filter(|_| acknowledged > 0);
        let coarse =
            Counts { found, planned, skipped, sent, acknowledged, first_sent, last_sent, last_acknowledged, ..*counts };
        v1::FanOut { rounded_to: discretion.least().cast_signed(), ..to_wire(key, &coarse) }
    }
}

/// Whether an authority is told how many were passed over for a reason. Those who take no part in a drill are everybody
/// else in the ground, and no drill wakes them: many drills, each of them shifted anew, would say how many they are.
pub(super) fn may_be_told(reason: Skipped) -> bool {
    reason != Skipped::NotInDrills
}

/// One count of a fan-out.
#[derive(Hash)]
enum Cell {
    Waiting,
    Skipped(Skipped),
    Sent(ChannelKind),
    Acknowledged,
}

fn to_wire(key: DeliveryKey, counts: &Counts) -> v1::FanOut {
    let skipped = counts.skipped.iter().map(|(reason, count)| fan_out::skip_count(reason.name(), *count));
    let sent = counts.sent.iter().map(|(channel, count)| fan_out::channel_count(*channel, *count));
    v1::FanOut {
        name: fan_out::fan_out_name(key),
        key: Some(terms::key_to_wire(key)),
        alert: fan_out::alert_name(key.lineage),
        found_count: counts.found.cast_signed(),
        planned_count: counts.planned.cast_signed(),
        skipped: skipped.collect(),
        sent: sent.collect(),
        acknowledged_count: counts.acknowledged.cast_signed(),
        accept_time: counts.accepted.map(time::to_wire),
        plan_time: counts.planned_at.map(time::to_wire),
        first_send_time: counts.first_sent.map(time::to_wire),
        last_send_time: counts.last_sent.map(time::to_wire),
        last_acknowledge_time: counts.last_acknowledged.map(time::to_wire),
        complete: counts.complete,
        rounded_to: 0,
    }
}
