//! Tables of Apache Iceberg, format version 2: bytes of metadata, manifests and data files out of schemas and Arrow batches. Source:
//! "Iceberg Table Spec", "Apache Avro Specification".
//!
//! Never reads or writes a file: where the bytes go, and in which order, is the caller's to decide. Knows no column by its name.

mod avro;
mod convert;
mod data;
mod manifest;
mod metadata;
mod schema;

pub use convert::convert;
pub use data::{DataFile, DataWriter};
pub use manifest::{ManifestFile, manifest, manifest_list};
pub use metadata::{Operation, Snapshot, Table, Totals};
pub use schema::{TableSchema, UnknownColumn};

/// Something could not be made. For our own log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data file.
    #[error("writing a data file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A batch of it.
    #[error("converting a batch: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
}
