//! What this machine calls things: users, interfaces, control groups. Each is looked up once, and
//! only when somebody asks for its name. Names come from strangers and may hold any character.

mod cgroups;
mod interfaces;
mod users;

pub(super) use cgroups::Cgroups;
pub(super) use interfaces::Interfaces;
pub(super) use users::Users;
