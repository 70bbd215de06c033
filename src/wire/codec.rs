//! How messages of calls are decoded: what one would become is bounded before anything is made of it.
//!
//! A part of a message that is empty has two bytes on the wire and hundreds in memory: an `AlertInfo` has more than
//! three hundred. So the bytes of a message are walked first (Protocol Buffers, "Encoding"), and one with too many
//! parts is refused.

use std::any::TypeId;
use std::marker::PhantomData;

use prost::Message;
use prost::bytes::Buf;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use super::v1;

/// The most fields that have lengths (texts, lists and messages), over all of a message that is looked into. No message
/// of the API needs nearly as many; the largest that is answered, a page, has 1,000 of its own.
const MOST_PARTS: usize = 65_536;

/// The longest alert in fields, bytes: one in its source's own bytes may be longer, since bytes become no more.
const LONGEST_ALERT: usize = 4 << 20;

/// Which fields of a message are looked into. A field without a shape is counted and not looked into: it is a text, or
/// a message that has no lists of what is larger than on the wire.
struct Shape {
    fields: &'static [(u64, &'static Self)],
    /// The most bytes; `None`: as many as a call may have.
    most: Option<usize>,
}

const FLAT: Shape = Shape { fields: &[], most: None };
const AREA: Shape = Shape { fields: &[(2, &FLAT)], most: None };
const INFO: Shape = Shape { fields: &[(15, &AREA)], most: None };
const ALERT: Shape = Shape { fields: &[(7, &INFO)], most: Some(LONGEST_ALERT) };
const IN_SECOND: Shape = Shape { fields: &[(2, &ALERT)], most: None };
const IN_THIRD: Shape = Shape { fields: &[(3, &ALERT)], most: None };

/// The codec of every service: that of `prost`, within bounds.
#[derive(Debug, Clone)]
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

/// Decodes what is within bounds.
#[derive(Debug, Clone)]
pub struct BoundedDecoder<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = BoundedDecoder<T, U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

impl<T, U> Decoder for BoundedDecoder<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Item = U;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let shape = match TypeId::of::<U>() {
            is if is == TypeId::of::<v1::SubmitAlertRequest>() => &IN_SECOND,
            is if is == TypeId::of::<v1::PreviewAlertRequest>() => &IN_SECOND,
            is if is == TypeId::of::<v1::StreamAlertsRequest>() => &IN_THIRD,
            _ => &FLAT,
        };
        // The transport has put a message together before it is decoded.
        if src.chunk().len() != src.remaining() {
            return Err(Status::internal("a message lies in pieces"));
        }
        let mut parts = 0;
        look(src.chunk(), shape, &mut parts)?;
        ProstCodec::<T, U>::default().decoder().decode(src)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

/// Counts the parts of a message.
fn look(mut bytes: &[u8], shape: &Shape, parts: &mut usize) -> Result<(), Status> {
    if shape.most.is_some_and(|most| bytes.len() > most) {
        return Err(Status::out_of_range(format!("an alert in fields has more than {LONGEST_ALERT} bytes")));
    }
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => skip(&mut bytes, 8)?,
            2 => {
                *parts += 1;
                if *parts > MOST_PARTS {
                    return Err(Status::out_of_range(format!("the message has more than {MOST_PARTS} parts")));
                }
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| malformed())?;
                let part = bytes.get(..length).ok_or_else(malformed)?;
                if let Some((_, shape)) = shape.fields.iter().find(|(number, _)| *number == key >> 3) {
                    look(part, shape, parts)?;
                }
                skip(&mut bytes, length)?;
            }
            5 => skip(&mut bytes, 4)?,
            // Groups were given up before the language of these messages began.
            _ => return Err(malformed()),
        }
    }
    Ok(())
}

fn skip(bytes: &mut &[u8], length: usize) -> Result<(), Status> {
    *bytes = bytes.get(length..).ok_or_else(malformed)?;
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Status> {
    prost::encoding::decode_varint(bytes).map_err(|_| malformed())
}

fn malformed() -> Status {
    Status::internal("failed to decode Protobuf message: it is malformed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tonic::Code;

    use super::*;

    fn code(message: &impl Message, shape: &Shape) -> Option<Code> {
        look(&message.encode_to_vec(), shape, &mut 0).err().map(|status| status.code())
    }

    fn submit(alert: v1::StructuredAlert) -> v1::SubmitAlertRequest {
        v1::SubmitAlertRequest { alert: Some(v1::submit_alert_request::Alert::Structured(alert)), typed: false }
    }

    #[test]
    fn what_would_become_much_is_refused_wherever_it_lies() {
        let many = MOST_PARTS;
        let area = |area| v1::AlertInfo { areas: vec![area], ..v1::AlertInfo::default() };
        let of = |info| v1::StructuredAlert { infos: vec![info], ..v1::StructuredAlert::default() };
        let polygon = v1::Polygon { holes: vec![v1::Ring::default(); many], ..v1::Polygon::default() };
        let large = [
            v1::StructuredAlert { infos: vec![v1::AlertInfo::default(); many], ..v1::StructuredAlert::default() },
            v1::StructuredAlert { references: vec![v1::AlertReference::default(); many], ..Default::default() },
            of(v1::AlertInfo { categories: vec![String::new(); many], ..v1::AlertInfo::default() }),
            of(v1::AlertInfo { areas: vec![v1::Area::default(); many], ..v1::AlertInfo::default() }),
            of(area(v1::Area { polygons: vec![v1::Polygon::default(); many], ..v1::Area::default() })),
            of(area(v1::Area { polygons: vec![polygon], ..v1::Area::default() })),
        ];
        for alert in large {
            assert_eq!(code(&submit(alert), &IN_SECOND), Some(Code::OutOfRange));
        }
        let long = v1::StructuredAlert { identifier: "a".repeat(LONGEST_ALERT), ..v1::StructuredAlert::default() };
        assert_eq!(code(&submit(long), &IN_SECOND), Some(Code::OutOfRange));
        let points = v1::Ring { coordinates: vec![1.0; 400_000] };
        let polygon = v1::Polygon { outer: Some(points), holes: Vec::new() };
        let fine = of(area(v1::Area { polygons: vec![polygon], ..v1::Area::default() }));
        assert_eq!(code(&submit(fine), &IN_SECOND), None);
    }

    proptest! {
        /// Nothing that is no message breaks it, and what `prost` takes it takes, groups aside.
        #[test]
        fn any_bytes_are_walked_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = look(&bytes, &IN_SECOND, &mut 0);
        }
    }
}
