//! A server as an operator runs it: over TLS, with access control, in this process; and callers of every kind.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hazardcast::access::Limits;
use hazardcast::app::{App, Null, Options, Tls};
use hazardcast::domain::{ManualClock, SignedDuration};
use hazardcast::listen::{Bounds, CertificateFiles};
use hazardcast::registry::EventLimits;
use hazardcast::webhook;
use hazardcast::wire::v1;
use hazardcast::wire::v1::access_service_client::AccessServiceClient;
use hazardcast::wire::v1::authority_service_client::AuthorityServiceClient;
use hazardcast::wire::v1::partner_service_client::PartnerServiceClient;
use hazardcast::wire::v1::principal::Kind as Principal;
use hazardcast::wire::v1::proof::Kind as Proof;
use tempfile::TempDir;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use super::authority::{Root, Signed};
use super::house::NOON;

/// A running server.
pub(crate) struct Site {
    app: App,
    /// Its time.
    pub(crate) clock: Arc<ManualClock>,
    folder: TempDir,
    /// What signed its certificate, and signs those of its callers.
    pub(crate) root: Root,
    /// A token of an operator that administers.
    pub(crate) administrator: String,
}

/// Calls with a token, or without.
pub(crate) type Caller = InterceptedService<Channel, Bearer>;

/// Puts a token to each call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// The channel's calls, with this token; an empty one is none.
pub(crate) fn with_token(channel: Channel, token: &str) -> Caller {
    let value = (!token.is_empty()).then(|| format!("Bearer {token}").parse().expect("ASCII"));
    InterceptedService::new(channel, Bearer(value))
}

/// An operator's principal.
pub(crate) fn operator(role: v1::OperatorRole) -> Principal {
    Principal::Operator(role.into())
}

/// A partner's principal.
pub(crate) fn partner(id: &str) -> Principal {
    Principal::Partner(format!("partners/{id}"))
}

/// An authority's principal.
pub(crate) fn authority(id: &str, sender: &str) -> Principal {
    let (authority, senders) = (format!("authorities/{id}"), vec![sender.to_owned()]);
    Principal::Authority(v1::AuthorityPrincipal { authority, senders })
}

/// A credential to be made.
pub(crate) fn credential(principal: Principal, proof: Proof) -> v1::Credential {
    v1::Credential {
        display_name: "Test".to_owned(),
        principal: Some(v1::Principal { kind: Some(principal) }),
        proof: Some(v1::Proof { kind: Some(proof) }),
        ..v1::Credential::default()
    }
}

impl Site {
    /// A new server, and its first operator.
    pub(crate) async fn open() -> Self {
        Self::open_with(Limits::default()).await
    }

    /// The same, whose callers may ask so much.
    pub(crate) async fn open_with(limits: Limits) -> Self {
        let site = Self::new_with(limits).await;
        let bootstrap = fs::read_to_string(site.folder.path().join("data/bootstrap.token")).expect("it was made");
        let bootstrap = with_token(site.channel().await, bootstrap.trim());
        let (_, administrator) = make(bootstrap, operator(v1::OperatorRole::Administer)).await.expect("made");
        Self { administrator, ..site }
    }

    /// A new server that is nobody's yet.
    pub(crate) async fn new() -> Self {
        Self::new_with(Limits::default()).await
    }

    async fn new_with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let root = Root::new("Test");
        fs::write(folder.path().join("roots.pem"), root.pem()).expect("written");
        Self::open_in(folder, root, Arc::new(ManualClock::at(NOON)), limits, String::new()).await
    }

    async fn open_in(
        folder: TempDir,
        root: Root,
        clock: Arc<ManualClock>,
        limits: Limits,
        administrator: String,
    ) -> Self {
        let loopback: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let path = |name: &str| folder.path().join(name);
        root.server().write(&path("server.pem"), &path("server.key"));
        let files = CertificateFiles {
            certificate: path("server.pem"),
            private_key: path("server.key"),
            client_roots: Some(path("roots.pem")),
        };
        let options = Options {
            audit_segment_bytes: 1 << 20,
            data_dir: path("data"),
            listen: loopback,
            http_listen: loopback,
            clock: Arc::clone(&clock) as _,
            null: Some(Null::Count),
            abroad: Vec::new(),
            segment_bytes: 1 << 20,
            registry_cache_bytes: 8 << 20,
            claim_wait: CLAIM_WAIT,
            key_overlap: CLAIM_WAIT,
            place_lifetime: SignedDuration::from_hours(30 * 24),
            zones_of_one_partner: 3,
            least_count: 10,
            events: EventLimits::default(),
            webhooks: webhook::Settings { roots: Some(path("roots.pem")), ..WEBHOOKS },
            feeds: hazardcast::feed::Settings { allow_private: true, roots: Some(path("roots.pem")) },
            reading: hazardcast::format::Bounds::default(),
            ground_motion: hazardcast::locate::GroundMotion::default(),
            rules: hazardcast::decide::Rules::default(),
            planners: 2,
            heartbeat: Duration::from_mins(1),
            link_queue: 64,
            tls: Some(Tls { files, reload: Duration::from_hours(1), http: true }),
            bounds: BOUNDS,
            limits,
            dev: false,
        };
        let mut app = App::open(options).await.expect("the server opens");
        app.loaded().await.expect("the registry is loaded");
        Self { app, clock, folder, root, administrator }
    }

    /// Closes it and opens it again on the same data.
    pub(crate) async fn restart(self) -> Self {
        let Self { app, clock, folder, root, administrator } = self;
        app.close().await.expect("it closes in time");
        Self::open_in(folder, root, clock, Limits::default(), administrator).await
    }

    /// Closes it; panics unless everything ends in time.
    pub(crate) async fn close(self) {
        self.app.close().await.expect("it closes in time");
    }

    /// Where gRPC is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.app.grpc_address()
    }

    /// Where metrics and readiness are served.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.app.http_address()
    }

    /// A file of the site's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Asks for the certificates to be loaded again.
    pub(crate) fn reload(&self) {
        self.app.reload().notify_one();
    }

    /// A connection of somebody who shows no certificate.
    pub(crate) async fn channel(&self) -> Channel {
        self.endpoint(None).connect().await.expect("it listens")
    }

    /// A connection of somebody who shows this certificate.
    pub(crate) async fn channel_with(&self, client: &Signed) -> Channel {
        self.endpoint(Some(client)).connect().await.expect("it listens")
    }

    /// How to connect, trusting the site's root.
    pub(crate) fn endpoint(&self, client: Option<&Signed>) -> Endpoint {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.root.pem()));
        if let Some(client) = client {
            tls = tls.identity(Identity::from_pem(&client.certificate, &client.key));
        }
        let url = format!("https://localhost:{}", self.address().port());
        Endpoint::from_shared(url).expect("a URL").tls_config(tls).expect("certificates")
    }

    /// The administrator's calls.
    pub(crate) async fn administrator(&self) -> Caller {
        with_token(self.channel().await, &self.administrator)
    }

    /// Admits the authority that a principal is, for its senders everywhere, or for these too.
    async fn admit_authority(&self, principal: &Principal) {
        let Principal::Authority(v1::AuthorityPrincipal { authority, senders }) = principal else { return };
        let mut client = AuthorityServiceClient::new(self.administrator().await);
        let get = v1::GetAuthorityRequest { name: authority.clone() };
        let known = client.get_authority(get).await.ok().and_then(|answer| answer.into_inner().authority);
        let Some(known) = known else {
            let authority_id = authority.trim_start_matches("authorities/").to_owned();
            self.admit_with(&authority_id, v1::Authority { senders: senders.clone(), ..everywhere() }).await;
            return;
        };
        let new = senders.iter().filter(|sender| !known.senders.contains(sender)).cloned();
        let senders = known.senders.iter().cloned().chain(new).collect();
        let changed = Some(v1::Authority { name: known.name, senders, ..v1::Authority::default() });
        let update = v1::UpdateAuthorityRequest { authority: changed, ..v1::UpdateAuthorityRequest::default() };
        client.update_authority(update).await.expect("changed");
    }

    /// Admits an authority within these limits.
    pub(crate) async fn admit_with(&self, authority_id: &str, authority: v1::Authority) {
        let (authority_id, authority) = (authority_id.to_owned(), Some(authority));
        let request = v1::CreateAuthorityRequest { authority_id, authority, validate_only: false };
        let mut client = AuthorityServiceClient::new(self.administrator().await);
        client.create_authority(request).await.expect("admitted");
    }

    /// Makes a credential with a token: its name, and the token.
    pub(crate) async fn make(&self, principal: Principal) -> (String, String) {
        self.admit_authority(&principal).await;
        make(self.administrator().await, principal).await.expect("made")
    }

    /// Makes a credential that a certificate proves.
    pub(crate) async fn bind(&self, principal: Principal, proof: Proof) -> Result<v1::Credential, Status> {
        self.admit_authority(&principal).await;
        let request = v1::CreateCredentialRequest { credential: Some(credential(principal, proof)) };
        let answer = AccessServiceClient::new(self.administrator().await).create_credential(request).await?;
        Ok(answer.into_inner().credential.expect("it is told"))
    }

    /// Revokes a credential.
    pub(crate) async fn revoke(&self, name: &str) {
        let request = v1::RevokeCredentialRequest { name: name.to_owned() };
        AccessServiceClient::new(self.administrator().await).revoke_credential(request).await.expect("revoked");
    }

    /// Admits a partner with one app, `main`.
    pub(crate) async fn admit(&self, id: &str) {
        let mut client = PartnerServiceClient::new(self.administrator().await);
        let request = v1::CreatePartnerRequest { partner_id: id.to_owned(), partner: None };
        client.create_partner(request).await.expect("admitted");
        let parent = format!("partners/{id}");
        let request = v1::CreateAppRequest { parent, app_id: "main".to_owned(), app: None };
        client.create_app(request).await.expect("added");
    }
}

/// An authority without senders that may warn the whole world.
pub(crate) fn everywhere() -> v1::Authority {
    let jurisdiction = Some(v1::Jurisdiction { ground: Some(v1::jurisdiction::Ground::WholeWorld(true)) });
    v1::Authority { jurisdiction, ..v1::Authority::default() }
}

/// How long the holder of a CID is to be silent: longer than any story.
pub(crate) const CLAIM_WAIT: Duration = Duration::from_hours(30 * 24);

/// Events are sent to this machine, and again soon if they are not taken.
pub(crate) const WEBHOOKS: webhook::Settings =
    webhook::Settings { allow_private: true, roots: None, first_retry: Duration::from_millis(20) };

/// What connections may cost where nothing else is said: anything.
pub(crate) const BOUNDS: Bounds = Bounds {
    connections: 10_000,
    of_one_network: None,
    new_of_one_network: None,
    opening: Duration::from_secs(30),
    silence: Duration::from_secs(100),
};

/// Makes a credential with a token: its name, and the token.
pub(crate) async fn make(caller: Caller, principal: Principal) -> Result<(String, String), Status> {
    let credential = credential(principal, Proof::Token(v1::TokenProof {}));
    let request = v1::CreateCredentialRequest { credential: Some(credential) };
    let answer = AccessServiceClient::new(caller).create_credential(request).await?.into_inner();
    Ok((answer.credential.expect("it is told").name, answer.token))
}

/// Whom the server takes the caller for; the name of the credential.
pub(crate) async fn who_am_i(caller: Caller) -> Result<String, Status> {
    let answer = AccessServiceClient::new(caller).who_am_i(v1::WhoAmIRequest {}).await?.into_inner();
    Ok(answer.credential.map(|credential| credential.name).unwrap_or_default())
}
