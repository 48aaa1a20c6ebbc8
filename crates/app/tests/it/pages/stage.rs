//! Members to play with.

pub(super) use crate::members::{link, path, sign_in, sign_in_as};
