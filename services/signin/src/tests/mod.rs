//! Signing in, with fakes of those who keep passwords and sessions.

mod federated;
mod passwords;
mod roles;
mod safety;
mod world;
