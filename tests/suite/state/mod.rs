//! What is read of a running program without a probe is what the program's own runtime says of itself.

mod globals; // stripped files give the same addresses and offsets as those with symbols
