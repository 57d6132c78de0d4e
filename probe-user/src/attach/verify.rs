//! Compares the target's text with the file, before, while and after it is probed.

use super::AttachError;
use crate::{address::LoadBias, discover::Target, plan::PlannedSite};

/// The breakpoint that the kernel writes over a site's first byte.
const INT3: u8 = 0xcc;

/// What a site's bytes are in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SiteState {
    /// As in the file.
    Plain,
    /// As in the file, but for a breakpoint in the first byte.
    Armed,
}

/// Reads the bytes of `site`.
///
/// # Errors
///
/// [`AttachError::Memory`] if they can't be read, [`AttachError::TextDiffers`] if they are anything else than
/// what the plan was made from: the file was replaced, the text was rewritten.
pub(super) fn state_of(
    target: &Target,
    bias: LoadBias,
    site: &PlannedSite,
) -> Result<SiteState, AttachError> {
    let address = site.vaddr.in_process(bias);
    let mut found = vec![0; site.bytes.len()];
    let n = target
        .read_memory(address, &mut found)
        .map_err(|source| AttachError::Memory { address, source })?;
    let differs = || AttachError::TextDiffers {
        function: site.function.clone(),
        address,
        expected: hex(&site.bytes),
        found: hex(found.get(..n).unwrap_or_default()),
    };
    if n != found.len() {
        return Err(differs());
    }
    if found == site.bytes {
        return Ok(SiteState::Plain);
    }
    let rest_agrees = found.get(1..) == site.bytes.get(1..);
    if found.first() == Some(&INT3) && rest_agrees {
        Ok(SiteState::Armed)
    } else {
        Err(differs())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}
