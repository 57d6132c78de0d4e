//! The bytes of a stack to its return addresses, by frame pointers.
//!
//! Every Go function with a frame keeps them on amd64. A goroutine that was stopped between a function's entry
//! and its `push rbp`, by asynchronous preemption, lacks that function's caller.

/// Frames of one stack that are kept; Go's own traces show 100.
pub(super) const MAX_FRAMES: usize = 128;

/// Bytes of a stack, from its stack pointer on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    pub(super) start: u64,
    pub(super) bytes: &'a [u8],
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// At the stack's outermost frame.
    Whole,
    /// The next frame lies behind the window, or there are more than are kept.
    Cut,
    /// The next frame pointer is none.
    Broken,
}

impl Window<'_> {
    /// Follows the chain from the frame pointer `bp` and appends return addresses, innermost first.
    pub(super) fn walk(&self, mut bp: u64, stack: (u64, u64), into: &mut Vec<u64>) -> Walked {
        while bp != 0 {
            if into.len() >= MAX_FRAMES {
                return Walked::Cut;
            }
            let inside = bp >= self.start
                && bp.is_multiple_of(8)
                && bp.checked_add(16).is_some_and(|end| end <= stack.1);
            if !inside {
                return Walked::Broken;
            }
            let Some([next, ret]) = self.frame(bp) else {
                return Walked::Cut;
            };
            if ret == 0 {
                return Walked::Whole;
            }
            into.push(ret);
            if next != 0 && next <= bp {
                return Walked::Broken;
            }
            bp = next;
        }
        Walked::Whole
    }

    fn frame(&self, bp: u64) -> Option<[u64; 2]> {
        let at = usize::try_from(bp.checked_sub(self.start)?).ok()?;
        let ([next, ret], _) = self
            .bytes
            .get(at..)?
            .split_first_chunk::<16>()?
            .0
            .as_chunks::<8>()
        else {
            return None;
        };
        Some([u64::from_le_bytes(*next), u64::from_le_bytes(*ret)])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stack(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn chain_is_followed_to_its_end() {
        let bytes = stack(&[0, 0x1018, 0xa1, 0x1028, 0xa2, 0, 0xa3]);
        let window = Window {
            start: 0x1000,
            bytes: &bytes,
        };
        let mut found = Vec::new();
        // 0x1008 → 0x1018 → 0x1028 → end.
        let walked = window.walk(0x1008, (0x800, 0x1038), &mut found);
        assert_eq!((walked, found), (Walked::Whole, vec![0xa1, 0xa2, 0xa3]));
    }

    #[test]
    fn frame_behind_the_window_cuts_the_walk() {
        let bytes = stack(&[0x2000, 0xa1]);
        let window = Window {
            start: 0x1000,
            bytes: &bytes,
        };
        let mut found = Vec::new();
        let walked = window.walk(0x1000, (0x800, 0x3000), &mut found);
        assert_eq!((walked, found), (Walked::Cut, vec![0xa1]));
    }

    #[test]
    fn chain_that_turns_back_is_broken() {
        let bytes = stack(&[0x1010, 0xa1, 0x1000, 0xa2]);
        let window = Window {
            start: 0x1000,
            bytes: &bytes,
        };
        let mut found = Vec::new();
        let walked = window.walk(0x1000, (0x800, 0x3000), &mut found);
        assert_eq!((walked, found), (Walked::Broken, vec![0xa1, 0xa2]));
    }

    proptest! {
        #[test]
        fn hostile_stacks_end_the_walk(
            words in proptest::collection::vec(0x0ff0_u64..0x1200, 0..64),
            bp in any::<u64>(),
            high in any::<u64>(),
        ) {
            let bytes = stack(&words);
            let window = Window { start: 0x1000, bytes: &bytes };
            let mut found = Vec::new();
            let _end = window.walk(bp, (0, high), &mut found);
            prop_assert!(found.len() <= MAX_FRAMES.min(words.len()));
        }
    }
}
