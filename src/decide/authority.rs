//! Who may warn whom (R-E1).

use crate::domain::{Alert, Caller, Principal, Sender};

/// An authority that the operator has admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its name in this server.
    pub name: String,
    /// The CAP senders that it speaks for; `None` means any.
    pub senders: Option<Vec<Sender>>,
    /// The most devices that an alert of it reaches without a second person; `None`: no limit.
    pub reach_limit: Option<u64>,
}

impl Authority {
    /// The authority of a development server: any sender, the whole world.
    pub fn development() -> Self {
        Self { name: "dev".to_owned(), senders: None, reach_limit: None }
    }

    /// The authority that a caller is; `None` if it is none.
    pub fn of(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Development => Some(Self::development()),
            Caller::Known { principal: Principal::Authority { name, senders }, .. } => {
                Some(Self { name: name.id().to_owned(), senders: Some(senders.to_vec()), reach_limit: None })
            }
            Caller::Stranger | Caller::Known { .. } => None,
        }
    }

    /// Whether the alert is within what the authority may send.
    pub fn may_send(&self, alert: &Alert) -> bool {
        self.senders.as_ref().is_none_or(|senders| senders.contains(&alert.id.sender))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AuthorityName, CredentialId, NonEmpty, PartnerName, Role};

    #[test]
    fn only_an_authority_speaks_for_senders_and_only_for_its_own() {
        let own = Sender::new("a@example.org").expect("a sender");
        let known = |principal| Caller::Known { credential: CredentialId([0; 10]), principal };
        let name = AuthorityName::new("jma").expect("an id");
        let caller = known(Principal::Authority { name, senders: NonEmpty::of(own.clone()) });
        let expected = Authority { name: "jma".to_owned(), senders: Some(vec![own]), reach_limit: None };
        assert_eq!(Authority::of(&caller), Some(expected));
        let partner = Principal::Partner(PartnerName::new("acme").expect("an id"));
        for principal in [partner, Principal::Operator(Role::Administer), Principal::Bootstrap] {
            assert_eq!(Authority::of(&known(principal)), None);
        }
        assert_eq!(Authority::of(&Caller::Stranger), None);
    }
}
