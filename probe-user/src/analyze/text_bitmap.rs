//! All functions to one bit per 16 bytes of text: whether a return address is in the user's own code.

use crate::address::VirtAddr;

/// Go aligns functions to at least 16 bytes on amd64.
const GRANULE_SHIFT: u32 = 4;

/// Which granules of text belong to functions of [`Origin::User`](super::Origin::User).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBitmap {
    /// Where text starts; bit 0 of word 0 is the granule there.
    pub base: VirtAddr,
    /// log2 of the bytes that a bit stands for.
    pub granule_shift: u32,
    pub words: Vec<u64>,
}

impl TextBitmap {
    pub(super) fn new(start: u64, end: u64) -> Self {
        let granules = end.saturating_sub(start) >> GRANULE_SHIFT;
        let words = (granules >> 6).saturating_add(1);
        Self {
            base: VirtAddr(start),
            granule_shift: GRANULE_SHIFT,
            words: vec![0; words as usize],
        }
    }

    /// Marks the granules from the one of `start` to the one of the last byte before `end`.
    pub(super) fn mark(&mut self, start: u64, end: u64) {
        let past = |address: u64| address.saturating_sub(self.base.0);
        for bit in past(start) >> GRANULE_SHIFT..past(end).div_ceil(1 << GRANULE_SHIFT) {
            let Some(word) = self.words.get_mut((bit >> 6) as usize) else {
                return;
            };
            *word |= 1 << (bit & 63);
        }
    }

    /// Tells whether the granule of `address` is marked; false outside of text.
    pub fn contains(&self, address: VirtAddr) -> bool {
        address.0.checked_sub(self.base.0).is_some_and(|past| {
            let bit = past >> self.granule_shift;
            self.words
                .get((bit >> 6) as usize)
                .is_some_and(|word| word >> (bit & 63) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_cover_whole_functions_and_nothing_else() {
        let mut bitmap = TextBitmap::new(0x40_1000, 0x40_9000);
        bitmap.mark(0x40_2000, 0x40_2840);
        for (address, expected) in [
            (0x40_1fff, false),
            (0x40_2000, true),
            (0x40_2400, true),
            (0x40_283f, true),
            (0x40_2840, false),
            (0x40_0000, false),
            (u64::MAX, false),
        ] {
            assert_eq!(bitmap.contains(VirtAddr(address)), expected, "{address:#x}");
        }
        bitmap.mark(0x40_8ff0, u64::MAX >> 20);
        assert!(bitmap.contains(VirtAddr(0x40_8fff)));
    }
}
