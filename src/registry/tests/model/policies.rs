//! How far each partner has retired its policy, and which consents it admits.

use super::*;

#[derive(Debug, Clone, Default)]
pub(super) struct Policies(BTreeMap<PartnerName, u16>);

impl Policies {
    /// The oldest version that counts from then on.
    pub(super) fn retire(&mut self, partner: PartnerName, version: u16) -> PolicyVersion {
        let retired = self.0.entry(partner).or_default();
        *retired = version.max(*retired);
        PolicyVersion(*retired + 1)
    }

    pub(super) fn oldest(&self, of: usize) -> PolicyVersion {
        PolicyVersion(self.0.get(&app(APPS[of]).partner).map_or(1, |retired| retired + 1))
    }

    /// Whether these may be recorded; else why not.
    pub(super) fn admit(&self, of: usize, under_14: bool, consents: &[Consent]) -> Result<(), Refused> {
        for consent in consents {
            if consent.policy < self.oldest(of) {
                return Err(Refused::Retired);
            }
            if under_14 && consent.guardian.is_none() {
                return Err(Refused::NoGuardian);
            }
        }
        Ok(())
    }
}

/// Why a consent is not recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Retired,
    NoGuardian,
}

impl Refused {
    pub(super) fn of(error: &RegistryError) -> Self {
        match error {
            RegistryError::PolicyRetired { .. } => Self::Retired,
            RegistryError::NoGuardian { .. } => Self::NoGuardian,
            other => panic!("{other}"),
        }
    }
}
