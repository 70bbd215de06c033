//! Many authorities at once: none of what they are told is accepted is lost, whatever becomes of the server.

use std::fmt::Write;
use std::sync::Arc;

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use tokio::task::JoinSet;

use crate::support::house::NOON;
use crate::support::message::cap_time;
use crate::support::site::{Caller, Site, authority, with_token};

const AUTHORITIES: usize = 10;
const ALERTS: usize = 100;

/// Points of the longest ring that was ever seen in an alert.
const LONGEST: usize = 41_009;

/// The message of one authority: a box, or a jagged ring of many points.
fn message(office: usize, number: usize, points: usize) -> String {
    let (lat, lon) = (f64::from(u8::try_from(office).expect("few")) * 5.0 - 25.0, number as f64 * 0.5);
    let mut ring = String::new();
    for point in 0..points {
        let turn = point as f64 / points as f64 * std::f64::consts::TAU;
        let far = if point % 2 == 0 { 0.2 } else { 0.19 };
        let _ = write!(ring, "{:.5},{:.5} ", lat + far * turn.sin(), lon + far * turn.cos());
    }
    let _ = write!(ring, "{:.5},{:.5}", lat, lon + 0.2);
    let (urgency, severity) = if number.is_multiple_of(5) { ("Immediate", "Extreme") } else { ("Future", "Minor") };
    format!(
        "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>storm-{number}</identifier>\
         <sender>office-{office}@example.org</sender><sent>{}</sent><status>Actual</status><msgType>Alert</msgType>\
         <scope>Public</scope><info><category>Met</category><event>Storm</event><urgency>{urgency}</urgency>\
         <severity>{severity}</severity><certainty>Observed</certainty><expires>{}</expires>\
         <area><areaDesc>a</areaDesc><polygon>{ring}</polygon></area></info></alert>",
        cap_time(NOON),
        cap_time(NOON + jiff::SignedDuration::from_hours(2)),
    )
}

/// Sends one until it is answered; whether it was accepted.
async fn accepted(caller: Caller, cap: String) -> bool {
    let content = bytes::Bytes::from(cap);
    loop {
        let raw = v1::RawAlert { content: content.clone(), media_type: "application/cap+xml".to_owned() };
        let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
        match AlertServiceClient::new(caller.clone()).submit_alert(request).await {
            Ok(answer) => return matches!(answer.into_inner().outcome, Some(Outcome::Admitted(_))),
            // It asks to come again, and says when.
            Err(status) if matches!(status.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted) => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(status) => panic!("{status}"),
        }
    }
}

async fn listed(site: &Site) -> usize {
    let mut client = AlertServiceClient::new(site.administrator().await);
    let (mut found, mut page_token) = (0, String::new());
    loop {
        let request = v1::ListAlertsRequest { page_size: 1_000, page_token, ..v1::ListAlertsRequest::default() };
        let answer = client.list_alerts(request).await.expect("listed").into_inner();
        found += answer.alerts.len();
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_alerts_of_ten_authorities_are_all_kept_while_a_ring_of_41_000_points_is_resolved() {
    let site = Arc::new(Site::open().await);
    let mut sent = JoinSet::new();
    for office in 0..AUTHORITIES {
        let (_, token) =
            site.make(authority(&format!("office{office}"), &format!("office-{office}@example.org"))).await;
        let caller = with_token(site.channel().await, &token);
        if office == 0 {
            sent.spawn(accepted(caller.clone(), message(office, ALERTS, LONGEST)));
        }
        sent.spawn(async move {
            let mut all = true;
            // Ten at a time, as an office has them open.
            for tens in 0..ALERTS / 10 {
                let mut open = JoinSet::new();
                for number in tens * 10..(tens + 1) * 10 {
                    open.spawn(accepted(caller.clone(), message(office, number, 40)));
                }
                all &= open.join_all().await.into_iter().all(|one| one);
            }
            all
        });
    }
    assert!(sent.join_all().await.into_iter().all(|all| all), "each is accepted");
    let site = Arc::into_inner(site).expect("nobody else has it");
    assert_eq!(listed(&site).await, AUTHORITIES * ALERTS + 1);
    let site = site.restart().await;
    assert_eq!(listed(&site).await, AUTHORITIES * ALERTS + 1, "after a restart too");
    site.close().await;
}
