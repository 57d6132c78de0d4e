//! Empty on purpose: the package exists for its tests.
