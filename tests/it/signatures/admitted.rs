//! An authority that must sign: what it has signed is sent, and nothing else is.

use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::submit_alert_response::Outcome;
use tonic::Status;

use crate::alert_doors::post_encrypted;
use crate::support::api::Refused;
use crate::support::house::NOON;
use crate::support::message::{Message, SENDER};
use crate::support::signer::Recipe;
use crate::support::site::{Caller, Site, authority, everywhere, with_token};

use super::CAST;

/// A message in canonical form, so that it can be signed.
fn canonical(identifier: &str) -> String {
    let cap = Message::warning(identifier, NOON, [-92.6, 16.7]).cap();
    cap.split_once("?>").expect("it begins with a declaration").1.to_owned()
}

async fn submit(caller: &Caller, cap: String) -> Result<Option<Outcome>, Status> {
    let raw = v1::RawAlert { content: cap.into(), media_type: "application/cap+xml".to_owned() };
    let request = v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Raw(raw)), typed: false };
    Ok(AlertServiceClient::new(caller.clone()).submit_alert(request).await?.into_inner().outcome)
}

async fn refused(caller: &Caller, cap: String) -> Refused {
    Refused::from(submit(caller, cap).await.expect_err("it is not signed by its authority"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_must_sign_is_heard_in_what_it_has_signed_alone() {
    let site = Site::open().await;
    let pem = String::from_utf8(CAST.p256.pem()).expect("PEM");
    let certificates = vec![v1::TrustedCertificate { pem, ..v1::TrustedCertificate::default() }];
    let signature = Some(v1::SignatureRule { certificates, ..v1::SignatureRule::default() });
    site.admit_with("office", v1::Authority { signature, senders: vec![SENDER.to_owned()], ..everywhere() }).await;
    let (_, token) = site.make(authority("office", SENDER)).await;
    let caller = with_token(site.channel().await, &token);

    let signed = Recipe::of(&CAST.p256).sign(&canonical("signed"));
    assert!(matches!(submit(&caller, signed.clone()).await, Ok(Some(Outcome::Admitted(_)))));
    // The same again changes nothing.
    assert!(matches!(submit(&caller, signed).await, Ok(Some(Outcome::Ignored(_)))));

    let told = refused(&caller, canonical("unsigned")).await;
    assert_eq!((told.reason.as_str(), told.field.as_str()), ("SIGNATURE_REQUIRED", "Signature"));
    let changed = Recipe::of(&CAST.p256).sign(&canonical("changed")).replace("Severe", "Minor");
    let told = refused(&caller, changed).await;
    assert_eq!(told.reason, "SIGNATURE_WRONG");
    assert!(told.field.starts_with("Signature[0]"), "{}", told.field);
    let others = Recipe::of(&CAST.stranger).sign(&canonical("of-others"));
    assert_eq!(refused(&caller, others).await.reason, "SIGNATURE_WRONG");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_a_signed_alert_in_a_body_is_not_signed_by_it() {
    let site = Site::open().await;
    let pem = String::from_utf8(CAST.p256.pem()).expect("PEM");
    let certificates = vec![v1::TrustedCertificate { pem, ..v1::TrustedCertificate::default() }];
    let signature = Some(v1::SignatureRule { certificates, ..v1::SignatureRule::default() });
    site.admit_with("office", v1::Authority { signature, senders: vec![SENDER.to_owned()], ..everywhere() }).await;
    let (_, token) = site.make(authority("office", SENDER)).await;
    let (address, root) = (site.http_address(), site.root.pem());
    let fields = format!("authorization: Bearer {token}\r\ncontent-type: text/xml\r\n");
    let (signed, forged) = (Recipe::of(&CAST.p256).sign(&canonical("signed")), canonical("forged"));
    let atom = |entry: &str| format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry>{entry}</entry></feed>");
    let bodies = [
        format!("<alerts>{signed}{forged}</alerts>"),
        format!("<alerts><alert xmlns='urn:x'/>{signed}{forged}</alerts>"),
        atom(&format!("<content>{signed}</content><content>{forged}</content>")),
        atom(&format!("<content>{signed}<content>{forged}</content></content>")),
    ];
    for body in bodies {
        let (_, _, told) = tokio::task::block_in_place(|| post_encrypted(address, &root, &fields, &body));
        let alerts = told["alerts"].as_array().expect("a list");
        assert_eq!(alerts.len(), 2, "{told}");
        for alert in alerts.iter().filter(|alert| alert["message"]["identifier"] == "forged") {
            assert_eq!(alert["outcome"], "REFUSED", "{told}");
        }
    }
    let listed =
        AlertServiceClient::new(site.administrator().await).list_alerts(v1::ListAlertsRequest::default()).await;
    assert_eq!(listed.expect("listed").into_inner().alerts.len(), 1, "what was signed");
    site.close().await;
}
