//! The parts of the kit do what they say: a test that relies on a fault can rely on its being there.

mod redis;
