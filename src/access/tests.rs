//! Credentials from their making to their end.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::domain::{ManualClock, PartnerName};

const NOON: Timestamp = Timestamp::constant(1_900_000_000, 0);

struct House {
    access: Access,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self::open(tempfile::tempdir().expect("a folder"), Arc::new(ManualClock::at(NOON)), limits)
    }

    fn open(folder: TempDir, clock: Arc<ManualClock>, limits: Limits) -> Self {
        let metrics = Arc::new(Metrics::new());
        let clock_of = Arc::clone(&clock);
        let access = Access::open(folder.path(), limits, clock_of, Arc::clone(&metrics)).expect("it opens");
        Self { access, clock, metrics, folder }
    }

    fn restart(self) -> Self {
        let Self { access, clock, folder, .. } = self;
        drop(access);
        Self::open(folder, clock, Limits::default())
    }

    /// A credential with a token, which is told.
    fn make(&self, principal: Principal) -> (CredentialId, String) {
        let new = NewCredential { principal, ..operator(Role::View) };
        let (made, token) = self.access.create(new, &Caller::Development).expect("made");
        (made.id, token.expect("a token").reveal().into_inner())
    }

    fn who(&self, token: &str) -> Result<CredentialId, Denied> {
        let found = self.access.authenticate(Some(token), None)?.expect("a token was shown");
        Ok(found.caller().credential().expect("a credential"))
    }

    fn bootstrap_token(&self) -> String {
        fs_read(&self.folder.path().join(TOKEN_FILE))
    }
}

fn fs_read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("there").trim().to_owned()
}

fn operator(role: Role) -> NewCredential {
    let principal = Principal::Operator(role);
    NewCredential { display_name: "Ada".to_owned(), principal, proof: NewProof::Token, expires: None }
}

fn acme() -> Principal {
    Principal::Partner(PartnerName::new("acme").expect("an id"))
}

#[test]
fn a_token_is_known_until_it_is_revoked_and_after_a_restart() {
    let house = House::new();
    let (id, token) = house.make(acme());
    let (other, other_token) = house.make(acme());
    assert_eq!(house.who(&token), Ok(id));
    house.access.revoke(id).expect("revoked");
    assert_eq!(house.who(&token), Err(Denied::Revoked));
    assert_eq!(house.who(&other_token), Ok(other));
    let house = house.restart();
    assert_eq!(house.who(&token), Err(Denied::Revoked));
    assert_eq!(house.who(&other_token), Ok(other));
    assert!(house.access.get(id).is_some_and(|found| found.revoked == Some(NOON)));
}

#[test]
fn a_token_ends_when_it_expires() {
    let house = House::new();
    let new = NewCredential { expires: Some(NOON + SignedDuration::from_hours(1)), ..operator(Role::View) };
    let (_, token) = house.access.create(new, &Caller::Development).expect("made");
    let token = token.expect("a token").reveal().into_inner();
    house.clock.set(NOON + SignedDuration::from_mins(59));
    assert!(house.who(&token).is_ok());
    house.clock.set(NOON + SignedDuration::from_hours(1));
    assert_eq!(house.who(&token), Err(Denied::Expired));
}

#[test]
fn no_token_is_on_disk_and_its_file_is_this_accounts_alone() {
    let house = House::new();
    let (_, token) = house.make(acme());
    let path = house.folder.path().join("access/credentials");
    let bytes = std::fs::read(&path).expect("there");
    let secret = token.rsplit('_').next().expect("a secret");
    let raw: [u8; 32] = crate::domain::base32::read(secret).expect("base 32");
    for needle in [secret.as_bytes(), &raw] {
        assert!(!bytes.windows(needle.len()).any(|window| window == needle));
    }
    let mode = std::fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_wrong_token_is_counted_and_says_not_what_was_wrong() {
    let house = House::new();
    let (id, token) = house.make(acme());
    let (_, other) = house.make(acme());
    let other_secret = other.rsplit('_').next().expect("a secret");
    let mixed = format!("hc_{}_{other_secret}", id.id());
    let unknown = format!("hc_{}_{other_secret}", CredentialId([9; 10]).id());
    for bad in ["", "hc_", &token[..71], &mixed, &unknown] {
        assert_eq!(house.who(bad), Err(Denied::Unknown), "{bad}");
    }
    let counted = "authentications_failed_total{proof=\"token\"} 5\n";
    assert!(house.metrics.render().contains(counted));
    assert!(house.access.authenticate(None, None).is_ok_and(|none| none.is_none()));
}

#[test]
fn who_keeps_showing_wrong_tokens_is_cut_off_and_keeps_nobody_else_out() {
    let limits = Limits { failures_of_one_network: NonZeroU32::new(3), ..Limits::default() };
    let house = House::with(limits);
    let (_, token) = house.make(acme());
    let address: IpAddr = "192.0.2.7".parse().expect("an address");
    let (attacker, neighbour) = (Peer::at(address), Peer::at(address));
    for _ in 0..3 {
        assert!(house.access.authenticate(Some("hc_wrong"), Some(&attacker)).is_err());
        assert!(!attacker.is_cut());
    }
    assert!(house.access.authenticate(Some("hc_wrong"), Some(&attacker)).is_err());
    assert!(attacker.is_cut());
    assert!(house.access.authenticate(Some(&token), Some(&neighbour)).is_ok());
    assert!(!neighbour.is_cut());
}

#[test]
fn a_new_server_makes_one_token_that_makes_one_operator() {
    let house = House::new();
    let file = house.access.bootstrap_if_new().expect("made").expect("it waits");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let house = house.restart();
    let token = house.bootstrap_token();
    assert_eq!(house.access.bootstrap_if_new().expect("it waits still"), Some(file.clone()));
    assert_eq!(house.bootstrap_token(), token);

    let caller = Arc::clone(house.access.authenticate(Some(&token), None).expect("good").expect("shown").caller());
    let lesser = house.access.create(operator(Role::Approve), &caller);
    assert!(matches!(lesser, Err(AccessError::FirstIsAdministrator)));
    let (_, first) = house.access.create(operator(Role::Administer), &caller).expect("made");
    assert!(house.who(&first.expect("a token").reveal().into_inner()).is_ok());
    assert_eq!(house.who(&token), Err(Denied::Revoked));
    // Even a call that was let in before.
    let again = house.access.create(operator(Role::Administer), &caller);
    assert!(matches!(again, Err(AccessError::Denied(Denied::Revoked))));
    assert!(!file.exists());
    let house = house.restart();
    assert_eq!(house.access.bootstrap_if_new().expect("asked"), None);
    assert!(!file.exists());
}

#[test]
fn a_bootstrap_token_that_was_lost_or_has_expired_is_made_anew() {
    let house = House::new();
    let file = house.access.bootstrap_if_new().expect("made").expect("it waits");
    let lost = house.bootstrap_token();
    std::fs::remove_file(&file).expect("removed");
    house.access.bootstrap_if_new().expect("made");
    let second = house.bootstrap_token();
    assert_eq!(house.who(&lost), Err(Denied::Revoked));
    assert!(house.who(&second).is_ok());
    house.clock.set(NOON + SignedDuration::from_hours(24));
    assert_eq!(house.who(&second), Err(Denied::Expired));
    house.access.bootstrap_if_new().expect("made");
    assert!(house.who(&house.bootstrap_token()).is_ok());
}

#[test]
fn the_last_who_may_administer_stays() {
    let house = House::new();
    let (only, _) = house.make(Principal::Operator(Role::Administer));
    house.make(Principal::Operator(Role::Approve));
    assert!(matches!(house.access.revoke(only), Err(AccessError::LastAdministrator)));
    let (second, _) = house.make(Principal::Operator(Role::Administer));
    house.access.revoke(only).expect("there is another");
    house.access.revoke(only).expect("again changes nothing");
    assert!(matches!(house.access.revoke(second), Err(AccessError::LastAdministrator)));
    assert!(matches!(house.access.revoke(CredentialId([9; 10])), Err(AccessError::NotFound)));
}

#[test]
fn a_certificate_is_one_credentials_at_a_time() {
    let house = House::new();
    for proof in [NewProof::Certificate([7; 32]), NewProof::CertificateUri("urn:a".to_owned())] {
        let new = || NewCredential { proof: proof.clone(), ..operator(Role::View) };
        let (first, token) = house.access.create(new(), &Caller::Development).expect("made");
        assert!(token.is_none());
        let second = house.access.create(new(), &Caller::Development);
        assert!(matches!(second, Err(AccessError::Bound)));
        house.access.revoke(first.id).expect("revoked");
        house.access.create(new(), &Caller::Development).expect("it is free again");
    }
}

#[test]
fn a_revocation_that_cannot_be_written_holds_all_the_same() {
    let house = House::new();
    let (id, token) = house.make(acme());
    let dir = house.folder.path().join("access");
    // A folder in the place of the new file: it can be neither removed as a file nor made.
    std::fs::create_dir(dir.join("credentials.new")).expect("made");
    assert!(matches!(house.access.revoke(id), Err(AccessError::File { .. })));
    assert_eq!(house.who(&token), Err(Denied::Revoked));
    let made = house.access.create(operator(Role::View), &Caller::Development);
    assert!(matches!(made, Err(AccessError::File { .. })));
    assert_eq!(house.access.list(None, 10).len(), 1);
    std::fs::remove_dir(dir.join("credentials.new")).expect("removed");
    house.access.revoke(id).expect("written now");
    assert_eq!(house.restart().who(&token), Err(Denied::Revoked));
}

#[test]
fn a_holder_may_call_so_often_and_have_so_many_open() {
    let allowance = Allowance { calls: NonZeroU32::new(1), open: 2 };
    let house = House::with(Limits { partner: Some(allowance), ..Limits::default() });
    let (_, token) = house.make(acme());
    let holder = house.access.authenticate(Some(&token), None).expect("good").expect("shown");
    let open = [holder.admit().expect("first"), holder.admit().expect("second")];
    assert_eq!(holder.admit().err(), Some(Limited::Open));
    drop(open);
    // Ten may come at once; a few more if the machine is slow.
    let limited = (0..1_000).find_map(|_| holder.admit().err()).expect("there is a bound");
    assert!(matches!(limited, Limited::Calls { after } if after > Duration::ZERO));
    let (_, operator) = house.make(Principal::Operator(Role::View));
    let holder = house.access.authenticate(Some(&operator), None).expect("good").expect("shown");
    assert!((0..1_000).all(|_| holder.admit().is_ok()), "another kind of caller");
}

#[tokio::test]
async fn what_is_open_ends_when_the_credential_does() {
    let house = House::new();
    let (revoked, token) = house.make(acme());
    let (_, expiring) = house.make(acme());
    let of = |token: &str| house.access.authenticate(Some(token), None).expect("good").expect("shown");
    let ended = [of(&token).ended().clone(), of(&expiring).ended().clone()];
    house.access.revoke(revoked).expect("revoked");
    assert!(ended[0].is_cancelled() && !ended[1].is_cancelled());
    house.clock.set(NOON + SignedDuration::from_hours(91 * 24));
    let stop = CancellationToken::new();
    tokio::select! {
        () = house.access.clone().watch_expiry(stop) => panic!("it was not asked to stop"),
        () = ended[1].cancelled() => {}
    }
}

#[test]
fn two_servers_do_not_share_credentials() {
    let house = House::new();
    let metrics = Arc::new(Metrics::new());
    let clock: Arc<dyn Clock> = Arc::clone(&house.clock) as _;
    let second = Access::open(house.folder.path(), Limits::default(), clock, metrics);
    assert!(matches!(second, Err(AccessError::Locked(_))));
}

#[derive(Debug, Clone)]
enum Step {
    Make(bool),
    Revoke(prop::sample::Index),
    Pass(i64),
    Restart,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn exactly_those_made_and_neither_revoked_nor_expired_are_let_in(
        steps in prop::collection::vec(
            prop_oneof![
                any::<bool>().prop_map(Step::Make),
                any::<prop::sample::Index>().prop_map(Step::Revoke),
                (1_i64..50).prop_map(Step::Pass),
                Just(Step::Restart),
            ],
            1..24,
        ),
    ) {
        let mut house = House::new();
        let mut made: Vec<(CredentialId, String, Timestamp, bool)> = Vec::new();
        let mut now = NOON;
        for step in steps {
            match step {
                Step::Make(long) => {
                    let expires = now + SignedDuration::from_hours(if long { 2_000 } else { 40 });
                    let new = NewCredential { expires: Some(expires), principal: acme(), ..operator(Role::View) };
                    let (credential, token) = house.access.create(new, &Caller::Development).expect("made");
                    made.push((credential.id, token.expect("a token").reveal().into_inner(), expires, false));
                }
                Step::Revoke(which) if !made.is_empty() => {
                    let which = which.index(made.len());
                    house.access.revoke(made[which].0).expect("revoked");
                    made[which].3 = true;
                }
                Step::Revoke(_) => {}
                Step::Pass(hours) => {
                    now += SignedDuration::from_hours(hours);
                    house.clock.set(now);
                }
                Step::Restart => house = house.restart(),
            }
            for (id, token, expires, revoked) in &made {
                let expected = match (revoked, *expires <= now) {
                    (true, _) => Err(Denied::Revoked),
                    (false, true) => Err(Denied::Expired),
                    (false, false) => Ok(*id),
                };
                prop_assert_eq!(house.who(token), expected);
            }
        }
    }
}
