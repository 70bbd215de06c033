//! `FanOutService`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tonic::{Request, Response, Status};

use crate::domain::{Caller, DeliveryKey};
use crate::ledger::Counts;
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
    fn find(&self, caller: &Caller, key: DeliveryKey) -> Result<v1::FanOut, Status> {
        let newest = self.0.fan_outs.newest(key.lineage);
        let seen = newest.map_or_else(|| caller.sees_all_alerts(), |newest| is_seen_by(caller, &newest));
        let counts = self.0.fan_outs.counts(key).filter(|_| seen);
        counts.map(|counts| to_wire(key, &counts)).ok_or_else(|| not_found("FAN_OUT_NOT_FOUND", "no such fan-out"))
    }
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
    }
}
