//! Where an error is, as far as the registers say.

/// One coordinate of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Place {
    /// Processor package.
    Socket,
    /// Memory controller of the package.
    Imc,
    /// Memory channel; of the controller where one is named, else of the package.
    Channel,
    /// Half of a DDR5 channel, or pseudo-channel of HBM.
    SubChannel,
    /// DIMM slot of the channel.
    Dimm,
    /// Rank of the DIMM.
    Rank,
    /// Sub-rank (3DS die).
    SubRank,
    /// Chip select.
    ChipSelect,
    /// Failing device (DRAM chip) of the rank.
    Chip,
    /// A second failing device.
    Chip2,
    /// Bank group of the device.
    BankGroup,
    /// Bank of the group.
    Bank,
    /// Row of the bank.
    Row,
    /// Column of the row.
    Column,
    /// Port of a link (QPI, UPI, xGMI).
    Port,
    /// Caching and home agent.
    Cha,
    /// Instance of the unit, where there are several.
    Instance,
    /// Cache index.
    CacheIndex,
    /// Cache way.
    CacheWay,
}

impl Place {
    /// Every coordinate, from the whole to its parts.
    pub const ALL: [Self; 19] = [
        Self::Socket,
        Self::Imc,
        Self::Channel,
        Self::SubChannel,
        Self::Dimm,
        Self::Rank,
        Self::SubRank,
        Self::ChipSelect,
        Self::Chip,
        Self::Chip2,
        Self::BankGroup,
        Self::Bank,
        Self::Row,
        Self::Column,
        Self::Port,
        Self::Cha,
        Self::Instance,
        Self::CacheIndex,
        Self::CacheWay,
    ];

    /// The coordinate as text and JSON carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Imc => "imc",
            Self::Channel => "channel",
            Self::SubChannel => "subchannel",
            Self::Dimm => "dimm",
            Self::Rank => "rank",
            Self::SubRank => "subrank",
            Self::ChipSelect => "chipselect",
            Self::Chip => "chip",
            Self::Chip2 => "chip2",
            Self::BankGroup => "bankgroup",
            Self::Bank => "bank",
            Self::Row => "row",
            Self::Column => "column",
            Self::Port => "port",
            Self::Cha => "cha",
            Self::Instance => "instance",
            Self::CacheIndex => "cache_index",
            Self::CacheWay => "cache_way",
        }
    }
}

/// Where an error is: each coordinate only where a register says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Location {
    values: [u32; Place::ALL.len()],
    known: u32,
}

impl Location {
    /// One coordinate.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<u32> {
        (self.known & 1 << place as u8 != 0).then(|| self.values[place as usize])
    }

    /// Sets one coordinate.
    pub fn set(&mut self, place: Place, value: u32) {
        self.values[place as usize] = value;
        self.known |= 1 << place as u8;
    }

    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// What is known, from the whole to its parts.
    pub fn iter(&self) -> impl Iterator<Item = (Place, u32)> + '_ {
        Place::ALL
            .into_iter()
            .filter_map(|place| Some((place, self.get(place)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn places_are_their_own_index() {
        for (i, place) in Place::ALL.into_iter().enumerate() {
            assert_eq!(place as usize, i);
        }
    }

    #[test]
    fn only_what_was_set_is_known() {
        let mut location = Location::default();
        assert!(location.is_empty());
        location.set(Place::Dimm, 0);
        location.set(Place::Imc, 2);
        assert_eq!(
            location.iter().collect::<Vec<_>>(),
            [(Place::Imc, 2), (Place::Dimm, 0)]
        );
    }
}
