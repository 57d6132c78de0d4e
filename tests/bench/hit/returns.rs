//! Where a function begins and returns, as file offsets: the sites that tools without an exit cover use.

use anyhow::{Context as _, Result};
use iced_x86::{Code, Decoder, DecoderOptions};
use probe_user::{address::VirtAddr, analyze::GoBinary};

/// Instructions of one function.
#[derive(Clone, Debug)]
pub(super) struct Anatomy {
    pub(super) name: String,
    pub(super) entry: VirtAddr,
    /// The `push rbp` behind the stack check.
    pub(super) push: VirtAddr,
    pub(super) returns: Vec<VirtAddr>,
}

impl Anatomy {
    /// Decodes the function called `name`, the longest where there are several.
    pub(super) fn of(binary: &GoBinary, name: &str) -> Result<Self> {
        let functions = binary.find_functions(&[name]);
        let function = functions
            .get(name)
            .and_then(|twins| twins.iter().max_by_key(|f| f.end.0 - f.entry.0))
            .with_context(|| format!("the program has no {name}"))?;
        let code = binary.code(function)?;
        let instructions: Vec<_> =
            Decoder::with_ip(64, &code, function.entry.0, DecoderOptions::NONE)
                .into_iter()
                .collect();
        let at = |wanted: Code| {
            instructions
                .iter()
                .filter(move |i| i.code() == wanted)
                .map(|i| VirtAddr(i.ip()))
        };
        Ok(Self {
            name: name.to_owned(),
            entry: function.entry,
            push: at(Code::Push_r64)
                .next()
                .with_context(|| format!("{name} has no push"))?,
            returns: at(Code::Retnq).collect(),
        })
    }
}

/// Translates addresses to file offsets.
pub(super) fn offsets(binary: &GoBinary, addresses: &[VirtAddr]) -> Result<Vec<u64>> {
    addresses
        .iter()
        .map(|&address| {
            let offset = binary.file_offset(address);
            Ok(offset
                .with_context(|| format!("{address} is not in the file"))?
                .0)
        })
        .collect()
}
