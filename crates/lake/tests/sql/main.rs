//! The dialect on records whose answers are known: expressions, whole statements, errors, limits. Cases are data, in the files beside.

mod expressions;
mod limits;
mod statements;
mod world;
