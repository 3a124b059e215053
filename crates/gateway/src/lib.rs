//! One request from socket to record: route, identify, decode, validate, authorize, run, record, answer. Knows no service: it is
//! handed [`service::Definition`]s. No answer leaves before its record is durable.

mod accounts;
mod answer;
pub mod audit;
mod body;
mod cross_origin;
mod exposition;
mod failure;
mod guard;
mod identify;
mod intake;
mod integrity;
mod limits;
mod meter;
mod outside;
mod pace;
mod page;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod panic_tests;
mod pass_role;
mod pipeline;
mod recorder;
mod recovery;
mod reply;
mod route;
mod scrape;
mod server;
mod services;
mod space;
mod throttle;
mod tls;

pub use accounts::{Accounts, Handlers};
pub use limits::Limits;
pub use meter::{float, histogram};
pub use outside::Outside;
pub use pipeline::{Deps, Gateway};
pub use recorder::{Recorder, Recording};
pub use recovery::{mark_clean, mark_open, recover};
pub use reply::ReplyBody;
pub use route::HostNames;
pub use server::{Peer, Server, serve, serve_connection, serve_stream, wait_until};
pub use space::{RESERVE_BYTES, RESERVE_PERCENT, Reserve, Room, Space};
pub use throttle::Rate;
pub use tls::{Tls, TlsSession};
