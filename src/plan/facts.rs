//! What the hot path needs to know of a registration: 32 bytes by slot.
//!
//! A row is four words. The table that holds rows ([`crate::registry`]) reads and writes them as such; only this file
//! knows which bits mean what.

use crate::domain::{AppSlot, ChannelKind, DeviceSlot, PlacePrecision, PolicyVersion, Timestamp};

/// A language of the server's language table; 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LanguageId(pub u16);

/// A combination of preferences of the server's table; 0 means that everything is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PreferencesId(pub u16);

impl PreferencesId {
    /// The highest number that a row has room for.
    pub const MAX: u16 = (1 << (2 * u16::BITS - CHANNEL_BITS - FLAG_BITS)) - 1;
}

/// So many bits of [`Facts::channels`] are channels. The others are of the preferences' number: a row is full.
const CHANNEL_BITS: u32 = 12;

/// So many bits of [`Facts::flags`] are flags. The others are of the preferences' number.
const FLAG_BITS: u32 = 6;

const _: () = assert!(ChannelKind::ALL.len() <= CHANNEL_BITS as usize, "each channel has a bit");

/// A consent as a row holds it: until when, in seconds of [`EPOCH`], and under which policy version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// Seconds since [`EPOCH`]; 0 means never granted, `u32::MAX` until withdrawn.
    pub until: u32,
    /// The policy version; 0 where never granted.
    pub policy: u16,
}

/// 2020-01-01T00:00:00Z in Unix seconds: rows count from here, to 2156.
pub const EPOCH: i64 = 1_577_836_800;

impl Grant {
    /// A grant under `policy` that ends at `expires`, rounded down to the second.
    pub fn until(policy: PolicyVersion, expires: Option<Timestamp>) -> Self {
        let until = expires.map_or(u32::MAX, |at| (at.as_second() - EPOCH).clamp(1, i64::from(u32::MAX - 1)) as u32);
        Self { until, policy: policy.0 }
    }
}

impl Grant {
    /// Whether it counts at `now`: it was given, has not ended, and its version of the policy has not been retired. A
    /// row keeps whole seconds, rounded down, so a grant may end up to a second early and never late.
    pub fn counts(self, oldest_valid: PolicyVersion, now: Timestamp) -> bool {
        // Never granted is not "until the epoch": a server's clock may be set to before it, to send alerts of the past.
        let lasts = self.until == u32::MAX || now.as_second() - EPOCH < i64::from(self.until);
        self.until != 0 && lasts && self.policy >= oldest_valid.0
    }
}

/// The row of one registration. `size_of::<Facts>() == 32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The device that the registration is on.
    pub device: u32,
    /// Its app.
    pub app: u16,
    /// Channels that it has an address for: bits of `ChannelKind`. A live link is not in here: the hub knows it. The
    /// upper bits are of [`Facts::preferences`].
    pub channels: u16,
    /// Consent to emergency push.
    pub emergency: Grant,
    /// Consent to the use of its place.
    pub location: Grant,
    /// Languages, best first.
    pub languages: [LanguageId; 3],
    /// Flags, see [`Flags`]. The upper bits are of [`Facts::preferences`].
    pub flags: Flags,
}

/// Yes-or-no facts: the lowest six bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u16);

impl Flags {
    /// The slot holds a registration.
    pub const LIVE: u16 = 1;
    /// The person takes part in exercises and tests.
    pub const DRILLS: u16 = 1 << 1;
    /// There is a grant for sending out of the region; whether it counts is told by the grant, which is not in the row.
    pub const CROSS_BORDER: u16 = 1 << 2;
    /// The person follows places, other than where the phone is.
    pub const FOLLOWS: u16 = 1 << 3;
    /// How precisely the phone's place is held: two bits.
    const PRECISION: u16 = 4;

    /// The flags that say how precisely the phone's place is held.
    pub const fn of_precision(precision: PlacePrecision) -> u16 {
        (precision as u16) << Self::PRECISION
    }

    /// How precisely the phone's place is held.
    pub fn precision(self) -> PlacePrecision {
        PlacePrecision::ALL[usize::from(self.0 >> Self::PRECISION & 3)]
    }

    /// Whether all bits of `flag` are set.
    pub const fn has(self, flag: u16) -> bool {
        self.0 & flag == flag
    }
}

impl Facts {
    /// The row as four words: device, app and channels; the two grants' ends; languages and emergency policy; the rest.
    pub fn to_words(self) -> [u64; 4] {
        [
            u64::from(self.device) | u64::from(self.app) << 32 | u64::from(self.channels) << 48,
            u64::from(self.emergency.until) | u64::from(self.location.until) << 32,
            u64::from(self.languages[0].0)
                | u64::from(self.languages[1].0) << 16
                | u64::from(self.languages[2].0) << 32
                | u64::from(self.emergency.policy) << 48,
            u64::from(self.location.policy) | u64::from(self.flags.0) << 16,
        ]
    }

    /// The row that `to_words` made. Bits 32 and up of the last word are the table's own and are ignored.
    pub fn from_words(words: [u64; 4]) -> Self {
        let part = |word: usize, shift: u32| (words[word] >> shift) as u16;
        Self {
            device: words[0] as u32,
            app: part(0, 32),
            channels: part(0, 48),
            emergency: Grant { until: words[1] as u32, policy: part(2, 48) },
            location: Grant { until: (words[1] >> 32) as u32, policy: part(3, 0) },
            languages: [LanguageId(part(2, 0)), LanguageId(part(2, 16)), LanguageId(part(2, 32))],
            flags: Flags(part(3, 16)),
        }
    }

    /// What the person wants to be told of.
    pub const fn preferences(&self) -> PreferencesId {
        let (low, high) = (self.channels >> CHANNEL_BITS, self.flags.0 >> FLAG_BITS);
        PreferencesId(low | high << (u16::BITS - CHANNEL_BITS))
    }

    /// The same of somebody who wants to be told of this. A number above [`PreferencesId::MAX`] is none.
    #[must_use]
    pub const fn with_preferences(self, PreferencesId(number): PreferencesId) -> Self {
        let number = if number <= PreferencesId::MAX { number } else { 0 };
        let channels = self.channels & ((1 << CHANNEL_BITS) - 1) | number << CHANNEL_BITS;
        let flags = self.flags.0 & ((1 << FLAG_BITS) - 1) | number >> (u16::BITS - CHANNEL_BITS) << FLAG_BITS;
        Self { channels, flags: Flags(flags), ..self }
    }

    /// Whether the slot holds a registration.
    pub const fn is_live(&self) -> bool {
        self.flags.has(Flags::LIVE)
    }

    /// The device's number.
    pub fn device(&self) -> DeviceSlot {
        DeviceSlot(self.device)
    }

    /// The app's number.
    pub fn app(&self) -> AppSlot {
        AppSlot(self.app)
    }
}
