//! Metric data: how they come (entries of the journal), how they are kept (blocks of buckets), and how they are read.

pub(crate) mod block;
pub(crate) mod bucket;
pub(crate) mod consumer;
pub(crate) mod entry;
mod fold;
pub(crate) mod put;
pub(crate) mod read;
pub(crate) mod statistic;
pub(crate) mod store;
#[cfg(test)]
mod tests;

pub use consumer::MetricsConsumer;
