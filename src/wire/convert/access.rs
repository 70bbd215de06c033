//! Credentials.

use crate::domain::{
    AuthorityName, Credential, NewCredential, NewProof, NonEmpty, PartnerName, Principal, Proof, Sender,
};
use crate::wire::v1;
use crate::wire::v1::principal::Kind as PrincipalKind;
use crate::wire::v1::proof::Kind as ProofKind;

use super::{InvalidField, terms, time};

/// The most senders that one authority speaks for.
const MOST_SENDERS: usize = 64;

/// A credential, as its makers and administrators see it. There is no secret in it.
pub fn credential_to_wire(credential: Credential) -> v1::Credential {
    let Credential { id, display_name, principal, proof, created, created_by, expires, revoked, used } = credential;
    v1::Credential {
        name: id.to_string(),
        display_name,
        principal: Some(v1::Principal { kind: Some(principal_to_wire(principal)) }),
        proof: Some(v1::Proof { kind: Some(proof_to_wire(proof)) }),
        create_time: Some(time::to_wire(created)),
        creator: created_by.map(|id| id.to_string()).unwrap_or_default(),
        expire_time: Some(time::to_wire(expires)),
        revoke_time: revoked.map(time::to_wire),
        use_time: used.map(time::to_wire),
    }
}

fn principal_to_wire(principal: Principal) -> PrincipalKind {
    match principal {
        Principal::Partner(partner) => PrincipalKind::Partner(partner.to_string()),
        Principal::Authority { name, senders } => {
            let senders = senders.iter().map(|sender| sender.as_str().to_owned()).collect();
            PrincipalKind::Authority(v1::AuthorityPrincipal { authority: name.to_string(), senders })
        }
        Principal::Operator(role) => PrincipalKind::Operator(terms::role::to_wire(role).into()),
        Principal::Bootstrap => PrincipalKind::Bootstrap(v1::BootstrapPrincipal {}),
    }
}

fn proof_to_wire(proof: Proof) -> ProofKind {
    match proof {
        Proof::Token { .. } => ProofKind::Token(v1::TokenProof {}),
        Proof::Certificate(sha256) => ProofKind::CertificateSha256(sha256.to_vec().into()),
        Proof::CertificateUri(uri) => ProofKind::CertificateUri(uri),
    }
}

/// Reads a credential that is to be made.
pub fn new_credential(credential: v1::Credential) -> Result<NewCredential, InvalidField> {
    let principal = credential.principal.and_then(|principal| principal.kind);
    let principal = principal.ok_or_else(|| InvalidField::required("credential.principal"))?;
    Ok(NewCredential {
        display_name: credential.display_name,
        principal: new_principal(principal)?,
        proof: new_proof(credential.proof)?,
        expires: time::optional(credential.expire_time, "credential.expire_time")?,
    })
}

fn new_principal(kind: PrincipalKind) -> Result<Principal, InvalidField> {
    match kind {
        PrincipalKind::Partner(partner) => {
            let partner = partner.parse::<PartnerName>();
            let partner = partner.map_err(|error| InvalidField::new("credential.principal.partner", error))?;
            Ok(Principal::Partner(partner))
        }
        PrincipalKind::Authority(v1::AuthorityPrincipal { authority, senders }) => {
            let field = "credential.principal.authority";
            let name: AuthorityName =
                authority.parse().map_err(|error| InvalidField::new(format!("{field}.authority"), error))?;
            let senders = self::senders(&senders, &format!("{field}.senders"))?;
            Ok(Principal::Authority { name, senders })
        }
        PrincipalKind::Operator(role) => {
            Ok(Principal::Operator(terms::role::required(role, "credential.principal.operator")?))
        }
        PrincipalKind::Bootstrap(_) => {
            Err(InvalidField::new("credential.principal.bootstrap", "only the server makes it"))
        }
    }
}

/// Reads the CAP senders that an authority speaks for.
pub(super) fn senders(senders: &[String], field: &str) -> Result<NonEmpty<Sender>, InvalidField> {
    let bad = |reason: String| InvalidField::new(field, reason);
    if senders.len() > MOST_SENDERS {
        return Err(bad(format!("more than {MOST_SENDERS}")));
    }
    let senders = senders.iter().map(|sender| Sender::new(sender).map_err(|error| bad(error.to_string())));
    NonEmpty::new(senders.collect::<Result<_, _>>()?).ok_or_else(|| bad("is required".to_owned()))
}

fn new_proof(proof: Option<v1::Proof>) -> Result<NewProof, InvalidField> {
    Ok(match proof.and_then(|proof| proof.kind) {
        None | Some(ProofKind::Token(_)) => NewProof::Token,
        Some(ProofKind::CertificateSha256(sha256)) => {
            let sha256 = sha256[..].try_into();
            let bad = |_| InvalidField::new("credential.proof.certificate_sha256", "must be 32 bytes");
            NewProof::Certificate(sha256.map_err(bad)?)
        }
        Some(ProofKind::CertificateUri(uri)) => NewProof::CertificateUri(uri),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CredentialId, Role, Timestamp};

    fn wire(principal: Option<PrincipalKind>, proof: Option<ProofKind>) -> v1::Credential {
        v1::Credential {
            display_name: "A".to_owned(),
            principal: principal.map(|kind| v1::Principal { kind: Some(kind) }),
            proof: proof.map(|kind| v1::Proof { kind: Some(kind) }),
            ..v1::Credential::default()
        }
    }

    #[test]
    fn what_is_asked_for_is_what_is_shown() {
        let senders = vec!["a@example.org".to_owned()];
        let principals = [
            PrincipalKind::Partner("partners/acme".to_owned()),
            PrincipalKind::Authority(v1::AuthorityPrincipal { authority: "authorities/jma".to_owned(), senders }),
            PrincipalKind::Operator(v1::OperatorRole::Approve.into()),
        ];
        let proofs = [
            ProofKind::Token(v1::TokenProof {}),
            ProofKind::CertificateSha256(vec![7; 32].into()),
            ProofKind::CertificateUri("spiffe://example.org/a".to_owned()),
        ];
        let at = Timestamp::constant(1_900_000_000, 0);
        for (principal, proof) in principals.into_iter().zip(proofs) {
            let asked = wire(Some(principal), Some(proof));
            let new = new_credential(asked.clone()).expect("it can be read");
            let proof = match new.proof {
                NewProof::Token => Proof::Token { sha256: [0; 32] },
                NewProof::Certificate(sha256) => Proof::Certificate(sha256),
                NewProof::CertificateUri(uri) => Proof::CertificateUri(uri),
            };
            let shown = credential_to_wire(Credential {
                id: CredentialId([0; 10]),
                display_name: new.display_name,
                principal: new.principal,
                proof,
                created: at,
                created_by: None,
                expires: at,
                revoked: None,
                used: None,
            });
            assert_eq!((shown.principal, shown.proof), (asked.principal, asked.proof));
        }
    }

    #[test]
    fn each_bad_field_is_named() {
        let operator = |role: i32| Some(PrincipalKind::Operator(role));
        let authority = |authority: &str, senders: &[&str]| {
            let senders = senders.iter().map(|&sender| sender.to_owned()).collect();
            Some(PrincipalKind::Authority(v1::AuthorityPrincipal { authority: authority.to_owned(), senders }))
        };
        let cases = [
            (wire(None, None), "credential.principal"),
            (wire(operator(0), None), "credential.principal.operator"),
            (wire(operator(9), None), "credential.principal.operator"),
            (wire(Some(PrincipalKind::Partner("acme".to_owned())), None), "credential.principal.partner"),
            (wire(authority("jma", &["a"]), None), "credential.principal.authority.authority"),
            (wire(authority("authorities/jma", &[]), None), "credential.principal.authority.senders"),
            (wire(authority("authorities/jma", &["a,b"]), None), "credential.principal.authority.senders"),
            (wire(Some(PrincipalKind::Bootstrap(v1::BootstrapPrincipal {})), None), "credential.principal.bootstrap"),
            (
                wire(operator(1), Some(ProofKind::CertificateSha256(vec![1; 31].into()))),
                "credential.proof.certificate_sha256",
            ),
        ];
        for (bad, field) in cases {
            assert_eq!(new_credential(bad).expect_err(field).field, field);
        }
        assert_eq!(
            new_credential(wire(operator(1), None)).map(|new| new.principal),
            Ok(Principal::Operator(Role::View))
        );
    }
}
