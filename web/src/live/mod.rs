//! The live socket: a snapshot, then what changes, as one may see it (HUD-14, AUT-08).

mod board;
mod hub;
mod phone;
mod socket;

pub(crate) use hub::Hub;
pub(crate) use socket::live;
