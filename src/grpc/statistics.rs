//! `StatisticsService`.

use tonic::{Request, Response, Status};

use crate::domain::{Caller, ChannelKind, LineageId, PartnerName, Told};
use crate::ledger::Tally;
use crate::plan::Skipped;
use crate::wire::convert::{InvalidField, fan_out, terms};
use crate::wire::v1;
use crate::wire::v1::alert_statistic::{Acknowledged, Outcome};
use crate::wire::v1::statistics_service_server::StatisticsService;

use super::auth::caller;
use super::status::{not_found, status};
use super::{Services, is_seen_by};

pub(super) struct StatisticsDoor(pub(super) Services);

#[tonic::async_trait]
impl StatisticsService for StatisticsDoor {
    async fn get_alert_statistics(
        &self,
        request: Request<v1::GetAlertStatisticsRequest>,
    ) -> Result<Response<v1::GetAlertStatisticsResponse>, Status> {
        let caller = caller(&request);
        let request = request.into_inner();
        let parent = match request.parent.as_str() {
            "" if caller.partner().is_some() => return Err(status(InvalidField::required("parent"))),
            "" => None,
            name => Some(name.parse::<PartnerName>().map_err(|e| status(InvalidField::new("parent", e)))?),
        };
        if parent.is_some() && caller.authority().is_some() {
            return Err(status(InvalidField::new("parent", "must be empty: an authority is told of no app")));
        }
        if let Some(parent) = &parent {
            self.0.registry.partner(parent).map_err(status)?;
        }
        let lineage = fan_out::alert_from_name(&request.alert)
            .map_err(|error| status(InvalidField::new("alert", error.reason)))?;
        let statistics = self.statistics(&caller, lineage, parent.as_ref())?;
        Ok(Response::new(v1::GetAlertStatisticsResponse { statistics }))
    }
}

impl StatisticsDoor {
    /// What the caller may know, of the apps that are meant.
    fn statistics(
        &self,
        caller: &Caller,
        lineage: LineageId,
        parent: Option<&PartnerName>,
    ) -> Result<Vec<v1::AlertStatistic>, Status> {
        let newest = self.0.fan_outs.newest(lineage);
        let seen = newest.filter(|newest| caller.partner().is_some() || is_seen_by(caller, newest));
        let newest = seen.ok_or_else(|| not_found("ALERT_NOT_FOUND", "no such alert"))?;
        let tallies = self.0.fan_outs.tallies(newest.lineage());
        if let Some(authority) = caller.authority() {
            let mut all = Tally::default();
            for tally in tallies.values() {
                all.add(tally);
            }
            let told = |outcome: u8, count| self.0.discretion.shifted(&(authority, lineage, outcome), count);
            return Ok(cells("", &all, told));
        }
        let mut statistics = Vec::new();
        for (app, tally) in tallies {
            let app = app.and_then(|app| self.0.registry.app_name(app));
            if parent.is_some_and(|parent| app.as_ref().is_none_or(|app| app.partner != *parent)) {
                continue;
            }
            let name = app.map(|app| app.to_string()).unwrap_or_default();
            let told = |_, count| {
                if caller.sees_all_alerts() { Told::exact(count) } else { self.0.discretion.floored(count) }
            };
            statistics.extend(cells(&name, &tally, told));
        }
        statistics.sort_by(|a, b| a.app.cmp(&b.app));
        Ok(statistics)
    }
}

/// The counts that there are something of to tell. `told` says how a count is told, by the number of its outcome.
fn cells(app: &str, tally: &Tally, told: impl Fn(u8, u64) -> Told) -> Vec<v1::AlertStatistic> {
    let sent = ChannelKind::ALL.into_iter().zip(tally.sent);
    let sent = sent.map(|(channel, count)| (Outcome::Told(terms::channel::to_wire(channel).into()), count));
    let skipped = Skipped::ALL.into_iter().zip(tally.skipped);
    let skipped = skipped.map(|(reason, count)| (Outcome::Skipped(reason.name().to_owned()), count));
    let acknowledged = [(Outcome::Acknowledged(Acknowledged {}), tally.acknowledged)];
    let numbered = (0..).zip(sent.chain(skipped).chain(acknowledged));
    let cell = |(number, (outcome, count)): (u8, (Outcome, u64))| {
        let told = told(number, count);
        let count = (told.at_least > 0).then(|| count_to_wire(told));
        Some(v1::AlertStatistic { app: app.to_owned(), outcome: Some(outcome), count: Some(count?) })
    };
    numbered.filter_map(cell).collect()
}

/// What is told of a count.
pub(super) fn count_to_wire(told: Told) -> v1::Count {
    v1::Count { at_least: told.at_least.cast_signed(), fewer_than: told.fewer_than.cast_signed() }
}
