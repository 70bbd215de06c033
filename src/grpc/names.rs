//! A partner names only what is its own.
//!
//! Every text of a partner's request, in whatever field, that names something under `partners/` must name something
//! under the partner's own name. This is looked at here, once, for every RPC there is and every one that will be: in
//! the bytes of each message, by the descriptors that the program was compiled with, before any door reads it. A door
//! cannot forget it, and a name that is another's is answered as one that nobody has.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

use crate::domain::PartnerName;
use crate::wire::FILE_DESCRIPTOR_SET;

use super::MAX_REQUEST;

/// gRPC's own before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// How deep messages may be in each other; the same as prost's.
const DEPTH: u32 = 100;

/// Looks at the messages of one request.
pub(super) struct Names {
    /// `partners/{partner}`.
    own: String,
    shape: Option<usize>,
    /// A message that has not come whole.
    held: BytesMut,
    /// No more is looked at: what comes is refused behind this, unread.
    passing: bool,
}

/// Why a message does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It names what is not the partner's.
    Foreign,
    /// It cannot be read.
    Malformed,
    /// It is compressed, which no door of this server reads.
    Compressed,
}

impl Names {
    /// Of a request to the RPC of that path.
    pub(super) fn new(own: &PartnerName, path: &str) -> Self {
        let shape = SHAPES.of_path.get(path).copied();
        Self { own: own.to_string(), shape, held: BytesMut::new(), passing: false }
    }

    /// Takes more of the request, and gives what may go on: whole messages, as they came.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<Bytes, Refused> {
        if self.passing {
            return Ok(Bytes::copy_from_slice(data));
        }
        self.held.extend_from_slice(data);
        let mut whole = 0;
        while let Some([compressed, length @ ..]) = self.held.get(whole..whole + PREFIX) {
            if *compressed != 0 {
                return Err(Refused::Compressed);
            }
            let length = u32::from_be_bytes(length.try_into().unwrap_or_default()) as usize;
            if length > MAX_REQUEST {
                // Every door refuses it by its length alone.
                self.passing = true;
                return Ok(self.rest());
            }
            let start = whole + PREFIX;
            let Some(message) = self.held.get(start..start + length) else { break };
            self.look(message)?;
            whole = start + length;
        }
        Ok(self.held.split_to(whole).freeze())
    }

    /// What has come of a message that will not come whole; its door refuses it.
    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.held).freeze()
    }

    fn look(&self, message: &[u8]) -> Result<(), Refused> {
        // A request whose fields are not known is not known to be the partner's.
        let shape = self.shape.ok_or(Refused::Malformed)?;
        SHAPES.look(shape, message, &self.own, DEPTH)
    }
}

/// Where messages have texts, and messages that may have some.
struct Shapes {
    all: Vec<Shape>,
    /// The request's shape, by RPC.
    of_path: HashMap<String, usize>,
}

#[derive(Default)]
struct Shape {
    texts: Vec<u32>,
    messages: Vec<(u32, usize)>,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::compiled);

impl Shapes {
    /// The shapes of every message that the program was compiled with.
    fn compiled() -> Self {
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("it was compiled with the program").file;
        let mut found = Vec::new();
        for file in &files {
            for message in &file.message_type {
                collect(&format!(".{}", file.package()), message, &mut found);
            }
        }
        let numbers: HashMap<&str, usize> = found.iter().map(|(name, _)| name.as_str()).zip(0..).collect();
        let shape = |(_, message): &(String, &prost_types::DescriptorProto)| {
            let mut shape = Shape::default();
            for field in &message.field {
                let number = field.number().cast_unsigned();
                match field.r#type() {
                    Type::String => shape.texts.push(number),
                    Type::Message => shape.messages.extend(numbers.get(field.type_name()).map(|&at| (number, at))),
                    _ => {}
                }
            }
            shape
        };
        let all = found.iter().map(shape).collect();
        let mut of_path = HashMap::new();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    of_path.extend(numbers.get(method.input_type()).map(|&at| (path, at)));
                }
            }
        }
        Self { all, of_path }
    }

    /// Reads a message as the door will, by the same functions, and looks at each text on the way. A field that is
    /// there twice is looked at twice, whichever the door takes.
    fn look(&self, shape: usize, mut message: &[u8], own: &str, depth: u32) -> Result<(), Refused> {
        let shape = &self.all[shape];
        while message.has_remaining() {
            let (tag, wire_type) = decode_key(&mut message).map_err(|_| Refused::Malformed)?;
            let inner = shape.messages.iter().find(|(number, _)| *number == tag);
            let is_text = shape.texts.contains(&tag);
            if wire_type != WireType::LengthDelimited || (inner.is_none() && !is_text) {
                skip_field(wire_type, tag, &mut message, DecodeContext::default()).map_err(|_| Refused::Malformed)?;
                continue;
            }
            let length = decode_varint(&mut message).map_err(|_| Refused::Malformed)?;
            let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
            let (field, rest) = message.split_at(length.ok_or(Refused::Malformed)?);
            message = rest;
            if let Some((_, inner)) = inner {
                let depth = depth.checked_sub(1).ok_or(Refused::Malformed)?;
                self.look(*inner, field, own, depth)?;
            } else if is_foreign(field, own) {
                return Err(Refused::Foreign);
            }
        }
        Ok(())
    }
}

fn collect<'a>(
    parent: &str,
    message: &'a prost_types::DescriptorProto,
    found: &mut Vec<(String, &'a prost_types::DescriptorProto)>,
) {
    let name = format!("{parent}.{}", message.name());
    for nested in &message.nested_type {
        collect(&name, nested, found);
    }
    found.push((name, message));
}

/// Whether a text names something under `partners/` that is not under `own`.
fn is_foreign(text: &[u8], own: &str) -> bool {
    let names_own = || match text.strip_prefix(own.as_bytes()) {
        Some([]) => true,
        Some([next, ..]) => *next == b'/',
        None => false,
    };
    text.starts_with(b"partners/") && !names_own()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::v1;

    const OWN: &str = "partners/acme/apps/a/registrations/1";
    const FOREIGN: &str = "partners/other/apps/a/registrations/1";

    fn names(path: &str) -> Names {
        Names::new(&PartnerName::new("acme").expect("an id"), path)
    }

    fn framed(message: &impl Message) -> Vec<u8> {
        let message = message.encode_to_vec();
        let mut bytes = vec![0];
        bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&message);
        bytes
    }

    const GET: &str = "/hazardcast.v1.DeviceService/GetRegistration";
    const REPORT: &str = "/hazardcast.v1.DeviceService/ReportPlaces";
    const UPDATE: &str = "/hazardcast.v1.DeviceService/UpdateRegistration";

    fn get(name: &str) -> Vec<u8> {
        framed(&v1::GetRegistrationRequest { name: name.to_owned() })
    }

    fn reports(names: &[&str]) -> Vec<u8> {
        let report = |name: &&str| v1::ReportPlaceRequest { name: (*name).to_owned(), place: None };
        framed(&v1::ReportPlacesRequest { requests: names.iter().map(report).collect() })
    }

    #[test]
    fn only_names_of_the_partner_pass() {
        for own in [OWN, "partners/acme", "partners/acme/apps/a", "", "alerts/1", "partner/other", "Partners/other"] {
            assert_eq!(names(GET).push(&get(own)), Ok(get(own).into()), "{own}");
        }
        for foreign in [FOREIGN, "partners/", "partners/acmeother", "partners/acm", "partners/-", "partners//apps/a"] {
            assert_eq!(names(GET).push(&get(foreign)), Err(Refused::Foreign), "{foreign}");
        }
    }

    #[test]
    fn a_name_deep_in_a_batch_or_a_part_is_looked_at() {
        assert_eq!(names(REPORT).push(&reports(&[OWN, OWN])), Ok(reports(&[OWN, OWN]).into()));
        assert_eq!(names(REPORT).push(&reports(&[OWN, FOREIGN])), Err(Refused::Foreign));
        let registration = Some(v1::Registration { name: FOREIGN.to_owned(), ..Default::default() });
        let update = v1::UpdateRegistrationRequest { registration, update_mask: None };
        assert_eq!(names(UPDATE).push(&framed(&update)), Err(Refused::Foreign));
    }

    #[test]
    fn a_field_that_is_there_twice_is_looked_at_twice() {
        let both = |first: &str, second: &str| {
            let mut message = v1::GetRegistrationRequest { name: first.to_owned() }.encode_to_vec();
            message.extend(v1::GetRegistrationRequest { name: second.to_owned() }.encode_to_vec());
            let mut bytes = vec![0];
            bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
            bytes.extend(message);
            bytes
        };
        assert!(names(GET).push(&both(OWN, OWN)).is_ok());
        assert_eq!(names(GET).push(&both(FOREIGN, OWN)), Err(Refused::Foreign));
        assert_eq!(names(GET).push(&both(OWN, FOREIGN)), Err(Refused::Foreign));
    }

    #[test]
    fn what_cannot_be_looked_at_does_not_pass() {
        assert_eq!(names(GET).push(&[1, 0, 0, 0, 0]), Err(Refused::Compressed));
        assert_eq!(names(GET).push(&[0, 0, 0, 0, 1, 0xff]), Err(Refused::Malformed));
        assert_eq!(names(GET).push(&[0, 0, 0, 0, 2, 0x0a, 0x05]), Err(Refused::Malformed));
        assert_eq!(names("/no.such/Rpc").push(&get(OWN)), Err(Refused::Malformed));
    }

    #[test]
    fn what_is_too_long_for_every_door_is_left_to_them() {
        let mut names = names(GET);
        let head = [0, 0xff, 0, 0, 0, 1, 2];
        assert_eq!(names.push(&head), Ok(Bytes::from_static(&[0, 0xff, 0, 0, 0, 1, 2])));
        assert_eq!(names.push(&[3]), Ok(Bytes::from_static(&[3])));
    }

    proptest! {
        #[test]
        fn however_a_request_is_cut_nothing_passes_before_it_is_looked_at(
            kinds in prop::collection::vec(any::<bool>(), 1..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let message = |own: &bool| reports(&[OWN, if *own { OWN } else { FOREIGN }]);
            let messages: Vec<Vec<u8>> = kinds.iter().map(message).collect();
            let all = messages.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).collect();
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let (mut names, mut passed, mut refused) = (names(REPORT), Vec::new(), false);
            for part in cuts.windows(2) {
                match names.push(&all[part[0]..part[1]]) {
                    Ok(bytes) => passed.extend_from_slice(&bytes),
                    Err(error) => {
                        prop_assert_eq!(error, Refused::Foreign);
                        refused = true;
                        break;
                    }
                }
            }
            let good = kinds.iter().take_while(|own| **own).count();
            prop_assert_eq!(refused, good < kinds.len());
            // Of what passed nothing is of a foreign message; if none was foreign, all of it passed.
            let own = messages[..good].concat();
            prop_assert!(own.starts_with(&passed));
            prop_assert!(refused || passed == own);
        }
    }
}
