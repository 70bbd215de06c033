//! Lists of device slots, in one to five bytes a device.

use prost::encoding::{decode_varint, encode_varint};

use crate::domain::DeviceSlot;

use super::InvalidEntry;

/// How many slots a [`DeviceSet`] takes before it packs them.
const LOOSE: usize = 4_096;

/// Packs slots: sorted and each once, the first as a varint, then each one's distance from the one before.
pub(super) fn pack(mut devices: Vec<DeviceSlot>) -> Vec<u8> {
    devices.sort_unstable();
    devices.dedup();
    let mut packed = Vec::with_capacity(devices.len() * 2);
    let mut before = 0;
    for DeviceSlot(slot) in devices {
        encode_varint(u64::from(slot - before), &mut packed);
        before = slot;
    }
    packed
}

/// Unpacks what [`pack`] made.
pub(super) fn unpack(mut packed: &[u8]) -> Result<Vec<DeviceSlot>, InvalidEntry> {
    const IMPOSSIBLE: InvalidEntry = InvalidEntry::Impossible("devices");
    let mut devices: Vec<DeviceSlot> = Vec::with_capacity(packed.len() / 2);
    while !packed.is_empty() {
        let distance = decode_varint(&mut packed).map_err(|_| IMPOSSIBLE)?;
        let distance = u32::try_from(distance).map_err(|_| IMPOSSIBLE)?;
        let slot = match devices.last() {
            Some(before) if distance > 0 => before.0.checked_add(distance).ok_or(IMPOSSIBLE)?,
            Some(_) => return Err(IMPOSSIBLE),
            None => distance,
        };
        devices.push(DeviceSlot(slot));
    }
    Ok(devices)
}

/// A set of devices that grows by lists and is held packed: a journal's worth of them fits into memory.
#[derive(Debug, Default)]
pub(super) struct DeviceSet {
    packed: Vec<u8>,
    packed_count: usize,
    loose: Vec<DeviceSlot>,
}

impl DeviceSet {
    /// Adds devices, in amortised O(log n) each.
    pub(super) fn add(&mut self, devices: Vec<DeviceSlot>) {
        self.loose.extend(devices);
        if self.loose.len() >= LOOSE.max(self.packed_count) {
            let mut devices = std::mem::take(self).into_devices();
            self.packed_count = devices.len();
            devices.shrink_to_fit();
            self.packed = pack(devices);
        }
    }

    /// The devices, ascending and each once.
    pub(super) fn into_devices(self) -> Vec<DeviceSlot> {
        let mut devices = unpack(&self.packed).expect("it was packed here");
        devices.extend(self.loose);
        devices.sort_unstable();
        devices.dedup();
        devices
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_comes_back_ascending_and_each_once(slots in prop::collection::vec(any::<u32>(), 0..200)) {
            let expected: Vec<_> = slots.iter().copied().collect::<BTreeSet<_>>().into_iter().map(DeviceSlot).collect();
            prop_assert_eq!(unpack(&pack(slots.into_iter().map(DeviceSlot).collect())), Ok(expected));
        }

        #[test]
        fn hostile_bytes_are_refused_or_read_as_one_list_only(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(devices) = unpack(&bytes) {
                prop_assert!(devices.is_sorted_by(|a, b| a < b));
            }
        }
    }

    #[test]
    fn a_set_is_the_union_of_its_lists() {
        let mut set = DeviceSet::default();
        for start in (0..60_000).step_by(1_000) {
            set.add((start..start + 1_500).map(DeviceSlot).collect());
        }
        assert_eq!(set.into_devices(), (0..60_500).map(DeviceSlot).collect::<Vec<_>>());
    }
}
