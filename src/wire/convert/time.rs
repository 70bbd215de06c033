//! Instants and durations.

use std::time::Duration;

use crate::domain::Timestamp;

use super::InvalidField;

/// An instant, as `google.protobuf.Timestamp`, whose nanoseconds count up from the second.
pub fn to_wire(at: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (at.as_second(), at.subsec_nanosecond());
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// Reads an instant.
pub fn from_wire(at: prost_types::Timestamp, field: &str) -> Result<Timestamp, InvalidField> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        return Err(InvalidField::new(field, "nanos must be 0 to 999,999,999"));
    }
    Timestamp::new(at.seconds, at.nanos).map_err(|_| InvalidField::new(field, "is out of range"))
}

/// Reads an instant that may be unset.
pub fn optional(at: Option<prost_types::Timestamp>, field: &str) -> Result<Option<Timestamp>, InvalidField> {
    at.map(|at| from_wire(at, field)).transpose()
}

/// Reads an instant that must be set.
pub fn required(at: Option<prost_types::Timestamp>, field: &str) -> Result<Timestamp, InvalidField> {
    from_wire(at.ok_or_else(|| InvalidField::required(field))?, field)
}

/// A duration, as `google.protobuf.Duration`; one beyond its range is cut to it.
pub fn duration_to_wire(duration: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: duration.subsec_nanos().cast_signed() }
}

/// Reads a duration; a negative one is none at all.
pub fn duration_from_wire(duration: prost_types::Duration) -> Duration {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    let nanos = u32::try_from(duration.nanos).unwrap_or(0).min(999_999_999);
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_instant_reads_back(second in -100_000_000_000_i64..100_000_000_000, nanos in 0..1_000_000_000) {
            let at = Timestamp::new(second, nanos).expect("in range");
            prop_assert_eq!(from_wire(to_wire(at), "time"), Ok(at));
        }
    }
}
