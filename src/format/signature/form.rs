//! A signature as it is written, read strictly: what is not as it must be is refused, whatever it would mean.

use std::ops::Range;

use bergshamra_c14n::C14nMode;
use roxmltree::Node;

use super::algorithm::{ENVELOPED, EXCLUSIVE, Hash, Method, NAMESPACE, canonicalization};
use super::base64;
use super::certificate::Certificate;
use super::fault::SignatureFault;
use crate::format::error::excerpt;
use crate::format::path::Path;

/// Certificates that one signature may bring.
const CERTIFICATES: usize = 8;

/// A signature that is formed as it must be. Nothing of it is verified.
pub(super) struct Form {
    /// Where it stands, as `Signature[0]`.
    pub(super) field: String,
    /// Where its text is.
    pub(super) range: Range<usize>,
    /// Parts of its text that signing does not cover and verifying does not need.
    pub(super) beside: Vec<Range<usize>>,
    pub(super) method: Method,
    pub(super) hash: Hash,
    pub(super) digest: Vec<u8>,
    /// How the message is canonicalised before its digest is taken, and prefixes that are treated as C14N 1.0 does.
    pub(super) canonicalization: (C14nMode, Vec<String>),
    /// Certificates that it brings, as it orders them.
    pub(super) certificates: Vec<Certificate>,
}

impl Form {
    /// Reads one signature of an alert, of which it is the `index`th.
    pub(super) fn read(signature: Node, index: usize) -> Result<Self, SignatureFault> {
        let alert = Path::ROOT;
        let path = alert.item("Signature", index);
        if signature.descendants().any(|node| node.is_comment() || node.is_pi()) {
            return Err(form(&path, "has a comment or an instruction in it"));
        }
        let mut parts = children(signature, &path)?.into_iter().peekable();
        let info_path = path.field("SignedInfo");
        let info = parts.next().filter(|part| is(*part, "SignedInfo")).ok_or_else(|| missing(&info_path))?;
        let value_path = path.field("SignatureValue");
        let value = parts.next().filter(|part| is(*part, "SignatureValue")).ok_or_else(|| missing(&value_path))?;
        let mut certificates = Vec::new();
        let mut beside = Vec::new();
        if let Some(key) = parts.next_if(|part| is(*part, "KeyInfo")) {
            certificates = read_certificates(key, &path.field("KeyInfo"))?;
            beside.push(key.range());
        }
        for object in parts {
            // The one of Canada's NAAD lies in no namespace.
            if object.tag_name().name() != "Object" {
                return Err(form(&path, "has something else in it than a signature has"));
            }
            beside.push(object.range());
        }
        let (method, reference) = read_info(info, &info_path)?;
        // The verifying library reads it again; here it is only made sure that there is one way to read it.
        text_of_base64(value, &value_path)?;
        Ok(Self {
            field: path.to_string(),
            range: signature.range(),
            beside,
            method,
            hash: reference.hash,
            digest: reference.digest,
            canonicalization: reference.canonicalization,
            certificates,
        })
    }
}

struct Reference {
    hash: Hash,
    digest: Vec<u8>,
    canonicalization: (C14nMode, Vec<String>),
}

fn read_info(info: Node, path: &Path) -> Result<(Method, Reference), SignatureFault> {
    let parts = children(info, path)?;
    let [canonical, method, references @ ..] = parts.as_slice() else {
        return Err(form(path, "is not complete"));
    };
    let (canonical_path, method_path) = (path.field("CanonicalizationMethod"), path.field("SignatureMethod"));
    if !is(*canonical, "CanonicalizationMethod") {
        return Err(missing(&canonical_path));
    }
    read_canonicalization(*canonical, &canonical_path)?;
    if !is(*method, "SignatureMethod") {
        return Err(missing(&method_path));
    }
    let named = algorithm(*method, &method_path)?;
    if method.children().any(|child| child.is_element()) {
        return Err(form(&method_path, "has parameters"));
    }
    let found = Method::named(named).ok_or_else(|| {
        let (field, value) = (method_path.to_string(), excerpt(named));
        if Method::is_hopeless(named) {
            SignatureFault::Weak { field, value }
        } else {
            SignatureFault::Algorithm { field, value }
        }
    })?;
    let reference_path = path.field("Reference");
    match references {
        [reference] if is(*reference, "Reference") => Ok((found, read_reference(*reference, &reference_path)?)),
        [] => Err(missing(&reference_path)),
        _ => Err(form(path, "must sign one thing and nothing else: it has not one Reference")),
    }
}

fn read_reference(reference: Node, path: &Path) -> Result<Reference, SignatureFault> {
    match reference.attribute("URI") {
        Some("") => {}
        Some(uri) => {
            return Err(SignatureFault::OtherThanTheMessage { field: path.to_string(), uri: excerpt(uri) });
        }
        None => return Err(form(path, "does not say to what it refers: URI is missing")),
    }
    let parts = children(reference, path)?;
    let [transforms, method, value] = parts.as_slice() else {
        return Err(form(path, "must have Transforms, DigestMethod and DigestValue, and nothing else"));
    };
    let (transforms_path, method_path) = (path.field("Transforms"), path.field("DigestMethod"));
    let value_path = path.field("DigestValue");
    for (part, name, path) in [
        (transforms, "Transforms", &transforms_path),
        (method, "DigestMethod", &method_path),
        (value, "DigestValue", &value_path),
    ] {
        if !is(*part, name) {
            return Err(missing(path));
        }
    }
    let canonicalization = read_transforms(*transforms, &transforms_path)?;
    let named = algorithm(*method, &method_path)?;
    let hash = Hash::named(named)
        .ok_or_else(|| SignatureFault::Algorithm { field: method_path.to_string(), value: excerpt(named) })?;
    if method.children().any(|child| child.is_element()) {
        return Err(form(&method_path, "has parameters"));
    }
    Ok(Reference { hash, digest: text_of_base64(*value, &value_path)?, canonicalization })
}

/// The transform that takes the signature out, and then, if anything, one canonicalisation; without one it is C14N 1.0
/// (XML Signature 1.1, section 4.4.3.2).
fn read_transforms(transforms: Node, path: &Path) -> Result<(C14nMode, Vec<String>), SignatureFault> {
    let steps = children(transforms, path)?;
    let (first, second) = match steps.as_slice() {
        [first] => (*first, None),
        [first, second] => (*first, Some(*second)),
        _ => return Err(form(path, "must be the enveloped signature's, and at most one canonicalization")),
    };
    let paths = [path.item("Transform", 0), path.item("Transform", 1)];
    if let Some(other) = steps.iter().position(|step| !is(*step, "Transform")) {
        return Err(form(&paths[other], "is no Transform"));
    }
    let named = algorithm(first, &paths[0])?;
    if named != ENVELOPED {
        return Err(SignatureFault::Algorithm { field: paths[0].to_string(), value: excerpt(named) });
    }
    if first.children().any(|child| child.is_element()) {
        return Err(form(&paths[0], "has parameters"));
    }
    second.map_or(Ok((C14nMode::Inclusive, Vec::new())), |second| read_canonicalization(second, &paths[1]))
}

fn read_canonicalization(step: Node, path: &Path) -> Result<(C14nMode, Vec<String>), SignatureFault> {
    let named = algorithm(step, path)?;
    let mode = canonicalization(named)
        .ok_or_else(|| SignatureFault::Algorithm { field: path.to_string(), value: excerpt(named) })?;
    let elements: Vec<Node> = step.children().filter(Node::is_element).collect();
    let prefixes = match elements.as_slice() {
        [] => Vec::new(),
        [list] if mode.is_exclusive() && list.has_tag_name((EXCLUSIVE, "InclusiveNamespaces")) => {
            let prefixes = list.attribute("PrefixList").unwrap_or_default();
            prefixes.split_ascii_whitespace().map(str::to_owned).collect()
        }
        _ => return Err(form(path, "has parameters")),
    };
    Ok((mode, prefixes))
}

fn read_certificates(key: Node, path: &Path) -> Result<Vec<Certificate>, SignatureFault> {
    let data = key.children().filter(|part| is(*part, "X509Data")).flat_map(|data| data.children());
    let mut certificates = Vec::new();
    for (index, written) in data.filter(|part| is(*part, "X509Certificate")).enumerate() {
        let path = path.item("X509Certificate", index);
        if index == CERTIFICATES {
            return Err(form(&path, "is one certificate too many"));
        }
        let der = text_of_base64(written, &path)?;
        let read = Certificate::read(&der);
        certificates.push(read.ok_or_else(|| SignatureFault::Certificate { field: path.to_string() })?);
    }
    Ok(certificates)
}

fn is(node: Node, name: &'static str) -> bool {
    node.has_tag_name((NAMESPACE, name))
}

/// The elements in an element that has nothing else but white space.
fn children<'d>(node: Node<'d, 'd>, path: &Path) -> Result<Vec<Node<'d, 'd>>, SignatureFault> {
    let has_text = |text: &str| !text.trim_ascii().is_empty();
    if node.children().any(|child| child.is_text() && child.text().is_some_and(has_text)) {
        return Err(form(path, "has text in it"));
    }
    Ok(node.children().filter(Node::is_element).collect())
}

fn algorithm<'d>(node: Node<'d, 'd>, path: &Path) -> Result<&'d str, SignatureFault> {
    node.attribute("Algorithm").ok_or_else(|| form(path, "names no algorithm"))
}

fn text_of_base64(node: Node, path: &Path) -> Result<Vec<u8>, SignatureFault> {
    let fault = || SignatureFault::Base64 { field: path.to_string() };
    if node.children().any(|child| !child.is_text()) {
        return Err(fault());
    }
    let text: String = node.children().filter_map(|child| child.text()).collect();
    base64::decode(&text).ok_or_else(fault)
}

fn form(path: &Path, why: &'static str) -> SignatureFault {
    SignatureFault::Form { field: path.to_string(), why }
}

fn missing(path: &Path) -> SignatureFault {
    form(path, "is missing")
}
