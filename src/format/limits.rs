//! How much a message may be.

/// What a message may cost at most. Each lies well above the largest real alert that was found (1.7 MB, 93,040 points
/// in 212 polygons, 1,352 areas, 9 infos, an inline sound of 160 kB), and is checked while reading, not after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in all.
    pub bytes: usize,
    /// How deep elements may lie in one another. CAP needs 5, a signature in it 7, an envelope round it a few more.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Values of JSON in all, objects and lists too.
    pub values: usize,
    /// Attributes of one element, namespaces included. CAP has none of its own.
    pub attributes: usize,
    /// Attributes in all.
    pub all_attributes: usize,
    /// `info`s.
    pub infos: usize,
    /// `area`s over every info.
    pub areas: usize,
    /// Points over every polygon, those of a hole once for each polygon that it is taken out of.
    pub points: usize,
    /// References to other messages.
    pub references: usize,
    /// Bytes of one text, in UTF-8.
    pub text: usize,
    /// Refusals that are told one by one; of more only the number is told.
    pub refusals: usize,
    /// Messages of one file.
    pub messages: usize,
    /// Points of a grid of shaking, those between that are not written too.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            depth: 16,
            elements: 200_000,
            values: 600_000,
            attributes: 16,
            all_attributes: 20_000,
            infos: 64,
            areas: 10_000,
            points: 200_000,
            references: 256,
            text: 64 << 10,
            refusals: 1_000,
            messages: 20_000,
            nodes: 500_000,
        }
    }
}
