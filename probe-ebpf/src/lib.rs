//! The contract between rtprobe's kernel programs and user space, and the arithmetic both sides share.
#![cfg_attr(not(test), no_std)]

pub mod abi;
pub mod bucket;
