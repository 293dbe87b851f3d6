//! The SIP task: the one owner of the [`Endpoint`], of every way out and of the registrar.
//! It waits for nobody: lookups, name resolution and calls answer by command.

mod command;
mod dialogs;
mod identity;
mod names;
mod registration;
mod replacing;
mod request;
mod task;

pub(crate) use command::{
    COMMAND_QUEUE, DialogAction, DialogKey, RequestOutcome, SipCommand, SipDoor, Ticket,
};
pub(crate) use names::OurNames;
pub(crate) use registration::{RegistrationBoard, Registrations};
pub(crate) use task::{SipNeighbours, SipTask};
