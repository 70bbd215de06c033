//! Doors over real sockets, and certificates from real files.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::Metrics;
use crate::tasks::Tasks;

const BOUNDS: Bounds = Bounds {
    connections: 2,
    of_one_network: None,
    new_of_one_network: None,
    opening: Duration::from_mins(1),
    silence: Duration::from_mins(1),
};

struct House {
    address: SocketAddr,
    incoming: Incoming,
    metrics: Arc<Metrics>,
}

async fn open(bounds: Bounds) -> House {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let metrics = Arc::new(Metrics::new());
    let door = Door {
        name: "test",
        listener,
        certificates: None,
        protocol: Protocol::Http2,
        bounds,
        cut: CancellationToken::new(),
    };
    let incoming = door.open(&Tasks::new(Arc::clone(&metrics)), &metrics);
    House { address, incoming, metrics }
}

impl House {
    async fn call(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    fn counts(&self, line: &str) -> bool {
        self.metrics.render().contains(line)
    }
}

/// Whether the other side ends the connection without a word.
async fn is_shut(mut stream: TcpStream) -> bool {
    !matches!(stream.read(&mut [0; 1]).await, Ok(1..))
}

#[tokio::test]
async fn no_more_are_taken_in_than_there_is_room_for_and_there_is_room_when_one_leaves() {
    let mut house = open(BOUNDS).await;
    let (_first, _second) = (house.call().await, house.call().await);
    let taken = [house.incoming.next().await, house.incoming.next().await];
    assert!(is_shut(house.call().await).await);
    assert!(house.counts("connections_refused_total{reason=\"full\"} 1\n"));
    assert!(house.counts("connections_open{listener=\"test\"} 2\n"));
    drop(taken);
    assert!(house.counts("connections_open{listener=\"test\"} 0\n"));
    let _third = house.call().await;
    assert!(house.incoming.next().await.is_some());
}

#[tokio::test]
async fn one_network_takes_no_more_than_its_share() {
    let mut house = open(Bounds { of_one_network: Some(1), ..BOUNDS }).await;
    let _first = house.call().await;
    let taken = house.incoming.next().await;
    assert!(is_shut(house.call().await).await);
    assert!(house.counts("connections_refused_total{reason=\"network\"} 1\n"));
    drop(taken);
    let _second = house.call().await;
    assert!(house.incoming.next().await.is_some());
}

#[tokio::test]
async fn one_network_opens_no_more_than_its_rate() {
    let mut house = open(Bounds { new_of_one_network: std::num::NonZeroU32::new(1), ..BOUNDS }).await;
    for _ in 0..10 {
        let _call = house.call().await;
        assert!(house.incoming.next().await.is_some());
    }
    // Ten may come at once; by the time that an eleventh has, some seconds may have passed on a slow machine.
    for _ in 0..100 {
        let call = house.call().await;
        tokio::select! {
            shut = is_shut(call) => {
                assert!(shut && house.counts("connections_refused_total{reason=\"rate\"}"));
                return;
            }
            taken = house.incoming.next() => assert!(taken.is_some()),
        }
    }
    panic!("none was refused");
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let bounds = Bounds { opening: Duration::from_millis(5), silence: Duration::from_millis(5), ..BOUNDS };
    let mut house = open(bounds).await;
    let _call = house.call().await;
    let mut taken = house.incoming.next().await.expect("taken in");
    let error = taken.read(&mut [0; 1]).await.expect_err("nothing came");
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn who_is_cut_off_neither_reads_nor_writes() {
    let mut house = open(BOUNDS).await;
    let mut call = house.call().await;
    let mut taken = house.incoming.next().await.expect("taken in");
    call.write_all(b"a").await.expect("sent");
    taken.peer().cut();
    assert!(taken.read(&mut [0; 1]).await.is_err());
    assert!(taken.write(b"a").await.is_err());
}

#[tokio::test]
async fn the_port_is_free_when_nobody_waits_for_connections() {
    let House { address, incoming, .. } = open(BOUNDS).await;
    drop(incoming);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Writes a self-signed certificate and its key.
fn write(folder: &Path) -> CertificateFiles {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("signed");
    let (certificate_file, private_key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&certificate_file, certificate.pem()).expect("written");
    fs::write(&private_key, key.serialize_pem()).expect("written");
    CertificateFiles { certificate: certificate_file, private_key, client_roots: None }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = write(folder.path());
    let text = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let (empty, malformed) = (text("empty.pem", ""), text("bad.pem", "-----BEGIN CERTIFICATE-----\n???\n"));
    let load = |files: CertificateFiles| Certificates::load(files).expect_err("refused").to_string();
    let cases = [
        (CertificateFiles { certificate: folder.path().join("none.pem"), ..good.clone() }, "none.pem"),
        (CertificateFiles { certificate: empty.clone(), ..good.clone() }, "empty.pem"),
        (CertificateFiles { certificate: malformed, ..good.clone() }, "bad.pem"),
        (CertificateFiles { private_key: empty.clone(), ..good.clone() }, "empty.pem"),
        (CertificateFiles { client_roots: Some(empty), ..good.clone() }, "empty.pem"),
    ];
    for (files, name) in cases {
        let error = load(files);
        assert!(error.contains(name), "{error}");
    }
    let other = tempfile::tempdir().expect("a folder");
    let private_key = write(other.path()).private_key;
    assert_eq!(load(CertificateFiles { private_key, ..good }), "the server's certificate and key");
}

#[test]
fn what_cannot_be_used_leaves_what_was_there_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = write(folder.path());
    let certificates = Certificates::load(files.clone()).expect("loaded");
    assert!(!certificates.reload().expect("the same"));
    let before = certificates.config(Protocol::Http2);
    fs::write(&files.certificate, "half").expect("written");
    assert!(certificates.reload().is_err());
    assert!(Arc::ptr_eq(&before, &certificates.config(Protocol::Http2)));
    write(folder.path());
    assert!(certificates.reload().expect("new ones"));
    assert!(!Arc::ptr_eq(&before, &certificates.config(Protocol::Http2)));
}
