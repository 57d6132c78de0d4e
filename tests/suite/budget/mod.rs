//! The limit on what the probes cost the target is kept by detaching them, and what is estimated then is true.

mod abandoned;
mod bursts;
mod bytes;
mod flat_out;
mod meter;
