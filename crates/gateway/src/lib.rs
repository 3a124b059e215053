//! One request from socket to record: route, identify, decode, validate, authorize, run, record, answer. Knows no service: it is
//! handed [`service::Definition`]s. No answer leaves before its record is durable.

mod answer;
pub mod audit;
mod body;
mod cross_origin;
mod failure;
mod identify;
mod integrity;
mod limits;
mod pipeline;
mod recorder;
mod recovery;
mod reply;
mod route;
mod server;
mod services;

pub use limits::Limits;
pub use pipeline::{Deps, Gateway};
pub use recorder::{Recorder, Recording};
pub use recovery::{mark_clean, recover};
pub use reply::ReplyBody;
pub use route::HostNames;
pub use server::{Server, serve, serve_stream};
