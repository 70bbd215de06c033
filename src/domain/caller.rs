//! Who calls.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;

use super::base32;
use super::id::resource_id;
use super::{InvalidId, NonEmpty, PartnerName, Sender};

/// Who makes a call, as the door found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Anybody who shows nothing, on a server that was started with `--dev` and listens on loopback only.
    Development,
    /// Anybody who shows nothing: a device before its hello, or a stranger.
    Stranger,
    /// Whoever holds a credential.
    Known {
        /// The credential.
        credential: CredentialId,
        /// Whom it stands for.
        principal: Principal,
    },
}

/// Whom a credential stands for: all that its holder may do follows from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The back end of a partner: what is under the partner's name, and nothing else.
    Partner(PartnerName),
    /// An alert authority: alerts of these senders, and nothing else.
    Authority {
        /// Which.
        name: AuthorityName,
        /// The CAP senders that it speaks for.
        senders: NonEmpty<Sender>,
    },
    /// One of the server's operators.
    Operator(Role),
    /// Whoever started a new server: it makes the first operator, once.
    Bootstrap,
}

/// What an operator may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look at alerts, fan-outs, partners and apps; never at anything of a person.
    View,
    /// Run the service: apps, holding and resuming.
    Operate,
    /// Decide on alerts that wait for approval.
    Approve,
    /// Admit partners and authorities, and say who may do what.
    Administer,
}

impl Role {
    /// Its name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Approve => "approve",
            Self::Administer => "administer",
        }
    }
}

impl Caller {
    /// The partner whose back end this is.
    pub fn partner(&self) -> Option<&PartnerName> {
        match self {
            Self::Known { principal: Principal::Partner(partner), .. } => Some(partner),
            _ => None,
        }
    }

    /// Its credential, if it has one.
    pub fn credential(&self) -> Option<CredentialId> {
        match self {
            Self::Known { credential, .. } => Some(*credential),
            Self::Development | Self::Stranger => None,
        }
    }

    /// The authority that it is, if it is one.
    pub fn authority(&self) -> Option<&AuthorityName> {
        match self {
            Self::Known { principal: Principal::Authority { name, .. }, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether it may see what became of every alert.
    pub fn sees_all_alerts(&self) -> bool {
        matches!(self, Self::Development | Self::Known { principal: Principal::Operator(_), .. })
    }

    /// Whether it may see what became of this sender's alerts. An authority sees its own.
    pub fn sees_alerts_of(&self, sender: &Sender) -> bool {
        match self {
            Self::Known { principal: Principal::Authority { senders, .. }, .. } => senders.contains(sender),
            _ => self.sees_all_alerts(),
        }
    }
}

impl Principal {
    /// What kind it is, in a word: for metrics and logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Partner(_) => "partner",
            Self::Authority { .. } => "authority",
            Self::Operator(_) => "operator",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// `authorities/{authority}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorityName(CompactString);

impl AuthorityName {
    /// The name with this id.
    pub fn new(id: &str) -> Result<Self, InvalidId> {
        resource_id(id).map(Self)
    }

    /// The id alone.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "authorities/{}", self.0)
    }
}

impl FromStr for AuthorityName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text.strip_prefix("authorities/").ok_or(InvalidId::Malformed)?)
    }
}

/// `credentials/{credential}`: 80 random bits, 16 characters. It names a credential and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(pub [u8; 10]);

impl CredentialId {
    /// The id alone, as it stands in a token.
    pub fn id(self) -> String {
        base32::write(&self.0)
    }

    /// Reads an id that stands alone.
    pub fn from_id(text: &str) -> Result<Self, InvalidId> {
        base32::read(text).map(Self).ok_or(InvalidId::Malformed)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credentials/{}", self.id())
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({})", self.id())
    }
}

impl FromStr for CredentialId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::from_id(text.strip_prefix("credentials/").ok_or(InvalidId::Malformed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_before_it_may() {
        assert!(Role::View < Role::Operate && Role::Operate < Role::Approve && Role::Approve < Role::Administer);
    }

    #[test]
    fn an_authority_sees_its_own_alerts_and_a_partner_none() {
        let [own, other] = ["a@example.org", "b@example.org"].map(|name| Sender::new(name).expect("a sender"));
        let known = |principal| Caller::Known { credential: CredentialId([1; 10]), principal };
        let name = AuthorityName::new("a").expect("an id");
        let authority = known(Principal::Authority { name, senders: NonEmpty::of(own.clone()) });
        assert!(authority.sees_alerts_of(&own) && !authority.sees_alerts_of(&other));
        assert!(known(Principal::Operator(Role::View)).sees_alerts_of(&other));
        let partner = known(Principal::Partner(PartnerName::new("a").expect("an id")));
        assert!(!partner.sees_alerts_of(&own) && !Caller::Stranger.sees_alerts_of(&own));
    }
}
