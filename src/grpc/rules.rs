//! Who may call what: a line for every RPC. What is not here is called by nobody.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::{Caller, Principal, Role};

use Kind::{Stream, Unary};
use Missing::{App, Partner, Registration, Zone};
use Role::{Administer, Operate, View};
use Who::{Anybody, Authority, Bootstrap, Device, Known, Operator, PartnerFor};

/// One RPC: its path, whether it is answered once, and who may call it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    who: &'static [Who],
}

/// Whether an RPC is answered once or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unary,
    Stream,
}

/// Some of those who may call an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Whoever reaches the server.
    Anybody,
    /// The same; a device proves who it is inside the call.
    Device,
    /// Whoever has a credential.
    Known,
    /// A partner, for what is under its own name. Anything else is answered as if this were not there.
    PartnerFor(Missing),
    /// An authority. It sees its own alerts, which only the door can tell.
    Authority,
    /// An operator of at least this role.
    Operator(Role),
    /// Whoever makes the first operator.
    Bootstrap,
}

/// What an RPC says is not there, if its subject is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Partner,
    App,
    Registration,
    Zone,
}

/// The table.
pub(super) const RULES: &[Rule] = &[
    rpc(Unary, "/hazardcast.v1.AlertService/SubmitAlert", &[Authority]),
    rpc(Stream, "/hazardcast.v1.AlertService/StreamAlerts", &[Authority]),
    rpc(Unary, "/hazardcast.v1.AlertService/PreviewAlert", &[Authority]),
    rpc(Unary, "/hazardcast.v1.AlertService/GetAlert", &[Authority, Operator(View)]),
    rpc(Unary, "/hazardcast.v1.AlertService/ListAlerts", &[Authority, Operator(View)]),
    rpc(Unary, "/hazardcast.v1.AlertService/ListHeldAlerts", &[Authority, Operator(View)]),
    rpc(Unary, "/hazardcast.v1.AlertService/GetHeldAlert", &[Authority, Operator(View)]),
    // The second person. Nobody approves what they have sent themselves, which only the desk can tell.
    rpc(Unary, "/hazardcast.v1.AlertService/ApproveAlert", &[Operator(Role::Approve)]),
    rpc(Unary, "/hazardcast.v1.AlertService/RejectAlert", &[Operator(Role::Approve)]),
    // Of an authority's own alert alone, which only the desk can tell.
    rpc(Unary, "/hazardcast.v1.AlertService/CancelAlert", &[Authority, Operator(Role::Approve)]),
    rpc(Unary, "/hazardcast.v1.FanOutService/GetFanOut", &[Authority, Operator(View)]),
    rpc(Unary, "/hazardcast.v1.FanOutService/ListFanOuts", &[Authority, Operator(View)]),
    rpc(Stream, "/hazardcast.v1.FanOutService/WatchFanOut", &[Authority, Operator(View)]),
    rpc(
        Unary,
        "/hazardcast.v1.StatisticsService/GetAlertStatistics",
        &[PartnerFor(Partner), Authority, Operator(View)],
    ),
    // Of people: their partner's alone. What an operator needs of them comes with its own RPCs, and is audited.
    rpc(Unary, "/hazardcast.v1.DeviceService/CreateRegistration", &[PartnerFor(App)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/BatchCreateRegistrations", &[PartnerFor(App)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/GetRegistration", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/UpdateRegistration", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/DeleteRegistration", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/ListRegistrations", &[PartnerFor(App)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/ReportPlace", &[PartnerFor(Registration)]),
    rpc(Stream, "/hazardcast.v1.DeviceService/ReportPlaces", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/GrantConsent", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/WithdrawConsent", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/SetSavedPlace", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/DeleteSavedPlace", &[PartnerFor(Registration)]),
    rpc(Unary, "/hazardcast.v1.DeviceService/ListSavedPlaces", &[PartnerFor(Registration)]),
    rpc(Stream, "/hazardcast.v1.LinkService/OpenLink", &[Device]),
    rpc(Unary, "/hazardcast.v1.PartnerService/CreatePartner", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.PartnerService/GetPartner", &[PartnerFor(Partner), Operator(View)]),
    rpc(Unary, "/hazardcast.v1.PartnerService/ListPartners", &[Operator(View)]),
    rpc(Unary, "/hazardcast.v1.PartnerService/CreateApp", &[Operator(Operate)]),
    rpc(Unary, "/hazardcast.v1.PartnerService/GetApp", &[PartnerFor(App), Operator(View)]),
    rpc(Unary, "/hazardcast.v1.PartnerService/ListApps", &[PartnerFor(Partner), Operator(View)]),
    // It ends consents for good: a partner's own decision, or an administrator's where the partner cannot.
    rpc(Unary, "/hazardcast.v1.PolicyService/RetirePolicyVersion", &[PartnerFor(Partner), Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.PolicyService/GetPolicy", &[PartnerFor(Partner), Operator(View)]),
    rpc(Unary, "/hazardcast.v1.ZoneService/CreateZone", &[PartnerFor(Partner)]),
    rpc(Unary, "/hazardcast.v1.ZoneService/GetZone", &[PartnerFor(Zone)]),
    rpc(Unary, "/hazardcast.v1.ZoneService/UpdateZone", &[PartnerFor(Zone)]),
    rpc(Unary, "/hazardcast.v1.ZoneService/DeleteZone", &[PartnerFor(Zone)]),
    rpc(Unary, "/hazardcast.v1.ZoneService/ListZones", &[PartnerFor(Partner)]),
    // Of people too: what happens to a partner's registrations is its own alone.
    rpc(Unary, "/hazardcast.v1.PartnerEventService/ListPartnerEvents", &[PartnerFor(Partner)]),
    rpc(Stream, "/hazardcast.v1.PartnerEventService/StreamPartnerEvents", &[PartnerFor(Partner)]),
    rpc(Unary, "/hazardcast.v1.PartnerEventService/ListReceipts", &[PartnerFor(Partner)]),
    rpc(Unary, "/hazardcast.v1.PartnerEventService/SetWebhook", &[PartnerFor(Partner)]),
    rpc(Unary, "/hazardcast.v1.PartnerEventService/GetWebhook", &[PartnerFor(Partner)]),
    rpc(Unary, "/hazardcast.v1.PartnerEventService/DeleteWebhook", &[PartnerFor(Partner)]),
    rpc(Unary, "/hazardcast.v1.AccessService/CreateCredential", &[Operator(Administer), Bootstrap]),
    rpc(Unary, "/hazardcast.v1.AccessService/GetCredential", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AccessService/ListCredentials", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AccessService/RevokeCredential", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AccessService/RotateIdentityKey", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AccessService/WhoAmI", &[Known]),
    // Within which limits an authority warns is its operator's to know.
    rpc(Unary, "/hazardcast.v1.AuthorityService/CreateAuthority", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AuthorityService/GetAuthority", &[Operator(View)]),
    rpc(Unary, "/hazardcast.v1.AuthorityService/ListAuthorities", &[Operator(View)]),
    rpc(Unary, "/hazardcast.v1.AuthorityService/UpdateAuthority", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AuthorityService/RevokeAuthority", &[Operator(Administer)]),
    // Where codes lie is no secret, and decides who is warned.
    rpc(Unary, "/hazardcast.v1.RegionService/ListRegions", &[Authority, Operator(View)]),
    rpc(Unary, "/hazardcast.v1.RegionService/GetRegion", &[Authority, Operator(View)]),
    rpc(Unary, "/hazardcast.v1.RegionService/ImportRegions", &[Operator(Administer)]),
    // Whoever adds a feed lets alerts in: as who admits an authority. What is there may be left alone by who runs it.
    rpc(Unary, "/hazardcast.v1.FeedService/CreateFeed", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.FeedService/DeleteFeed", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.FeedService/TestFeed", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.FeedService/PauseFeed", &[Operator(Operate)]),
    rpc(Unary, "/hazardcast.v1.FeedService/ResumeFeed", &[Operator(Operate)]),
    rpc(Unary, "/hazardcast.v1.FeedService/GetFeed", &[Operator(View)]),
    rpc(Unary, "/hazardcast.v1.FeedService/ListFeeds", &[Operator(View)]),
    // It says of people when they did what; and who reads it is in it.
    rpc(Unary, "/hazardcast.v1.AuditService/ListAuditRecords", &[Operator(Administer)]),
    rpc(Unary, "/hazardcast.v1.AuditService/GetAuditHead", &[Operator(View)]),
    // What a load balancer asks.
    rpc(Unary, "/grpc.health.v1.Health/Check", &[Anybody]),
    // It is open for as long as its caller likes.
    rpc(Stream, "/grpc.health.v1.Health/Watch", &[Known]),
    rpc(Stream, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[Known]),
];

const fn rpc(kind: Kind, path: &'static str, who: &'static [Who]) -> Rule {
    Rule { path, kind, who }
}

/// The rule of an RPC by its path.
pub(super) fn rule(path: &str) -> Option<&'static Rule> {
    static BY_PATH: LazyLock<HashMap<&'static str, &'static Rule>> =
        LazyLock::new(|| RULES.iter().map(|rule| (rule.path, rule)).collect());
    BY_PATH.get(path).copied()
}

impl Rule {
    /// Whether callers need no credential.
    pub(super) fn is_open(&self) -> bool {
        self.who.iter().any(|who| matches!(who, Anybody | Device))
    }

    /// Whether this caller may make the call at all. What it may be about is another matter: see [`Rule::missing`].
    pub(super) fn admits(&self, caller: &Caller) -> bool {
        let principal = match caller {
            Caller::Development => return true,
            Caller::Stranger => return self.is_open(),
            Caller::Known { principal, .. } => principal,
        };
        self.who.iter().any(|who| match (who, principal) {
            (Anybody | Device | Known, _)
            | (PartnerFor(_), Principal::Partner(_))
            | (Authority, Principal::Authority { .. })
            | (Bootstrap, Principal::Bootstrap) => true,
            (Operator(least), Principal::Operator(role)) => role >= least,
            (PartnerFor(_) | Authority | Bootstrap | Operator(_), _) => false,
        })
    }

    /// What a partner is told is not there, if it asks for what is another's.
    pub(super) fn missing(&self) -> Missing {
        let missing = self.who.iter().find_map(|who| match who {
            PartnerFor(missing) => Some(*missing),
            _ => None,
        });
        missing.unwrap_or(Partner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::domain::{CredentialId, PartnerName};
    use crate::wire::FILE_DESCRIPTOR_SET;

    /// Every RPC that the server has, and whether it streams either way.
    fn rpcs() -> BTreeMap<String, Kind> {
        let sets =
            [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET];
        let mut found = BTreeMap::new();
        for file in sets.iter().flat_map(|set| FileDescriptorSet::decode(*set).expect("descriptors").file) {
            for service in &file.service {
                for method in &service.method {
                    let streams = method.client_streaming() || method.server_streaming();
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    found.insert(path, if streams { Stream } else { Unary });
                }
            }
        }
        found
    }

    #[test]
    fn every_rpc_has_its_line_and_no_line_is_of_none() {
        let expected = rpcs();
        let found: BTreeMap<String, Kind> = RULES.iter().map(|rule| (rule.path.to_owned(), rule.kind)).collect();
        assert_eq!(found, expected);
        assert_eq!(found.len(), RULES.len(), "a line is there twice");
    }

    #[test]
    fn nobody_calls_what_has_no_line() {
        for path in ["", "/", "/hazardcast.v1.AlertService/", "/hazardcast.v1.AlertService/submitalert"] {
            assert!(rule(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_role_may_what_lesser_ones_may_and_no_more_than_its_own() {
        let known = |principal| Caller::Known { credential: CredentialId([0; 10]), principal };
        let may = |role| {
            let caller = known(Principal::Operator(role));
            RULES.iter().filter(|rule| rule.admits(&caller)).map(|rule| rule.path).collect::<Vec<_>>()
        };
        let roles = [View, Operate, Role::Approve, Administer];
        for pair in roles.windows(2) {
            let (less, more) = (may(pair[0]), may(pair[1]));
            assert!(less.iter().all(|path| more.contains(path)), "{pair:?}");
        }
        assert!(!may(View).iter().any(|path| path.contains("Create") || path.contains("Revoke")));
        assert!(!may(Administer).iter().any(|path| path.contains("DeviceService")), "people are their partner's");
        assert!(!may(Administer).contains(&"/hazardcast.v1.AlertService/SubmitAlert"), "alerts are authorities'");
    }

    #[test]
    fn strangers_reach_health_and_links_alone() {
        let open: Vec<_> = RULES.iter().filter(|rule| rule.admits(&Caller::Stranger)).map(|rule| rule.path).collect();
        let expected = ["/hazardcast.v1.LinkService/OpenLink", "/grpc.health.v1.Health/Check"];
        assert_eq!(open, expected);
    }

    #[test]
    fn a_partner_that_is_admitted_to_more_than_its_own_is_not() {
        let partner = PartnerName::new("acme").expect("an id");
        let caller = Caller::Known { credential: CredentialId([0; 10]), principal: Principal::Partner(partner) };
        for rule in RULES.iter().filter(|rule| rule.admits(&caller)) {
            assert!(
                rule.who.iter().any(|who| matches!(who, PartnerFor(_) | Known | Anybody | Device)),
                "{}",
                rule.path
            );
        }
    }
}
