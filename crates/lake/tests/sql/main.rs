//! The dialect on records whose answers are known: expressions, whole statements, errors, limits. Cases are data, in the files beside.

#[cfg(test)]
mod expressions;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod world;
