//! The settings that bound what one query may take: its time, its memory and its threads.

use std::time::Duration;

use crate::commands::Failure;
use crate::protection::size;

/// Lake's own limit. Source: CloudTrail API reference, DescribeQuery: a query times out after an hour.
const TIME_USUAL: &str = "1h";
const MEMORY_USUAL: &str = "256MiB";
const THREADS_USUAL: &str = "2";
/// With less no sort or join gets far before it writes to disk.
const MEMORY_MIN: u64 = 16 << 20;
/// More than machines have: a mistake.
const MEMORY_MAX: u64 = 1 << 40;
/// The crate `lake` runs no more parts of a query at the same time.
const THREADS_MAX: usize = 64;

/// What one query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// How long it may run.
    pub timeout: Duration,
    /// What it may hold in memory; beyond it writes to disk, or fails.
    pub memory_bytes: u64,
    /// On how many threads it may run.
    pub threads: usize,
}

/// `query_timeout`, `query_memory` and `query_threads`; the time is checked by who reads times.
pub fn query_limits(
    timeout: Option<&str>,
    memory: Option<&str>,
    threads: Option<&str>,
    interval: impl Fn(&str, &str) -> Result<Duration, Failure>,
) -> Result<QueryLimits, Failure> {
    Ok(QueryLimits {
        timeout: interval("query_timeout", timeout.unwrap_or(TIME_USUAL))?,
        memory_bytes: bytes(memory.unwrap_or(MEMORY_USUAL))?,
        threads: number(threads.unwrap_or(THREADS_USUAL))?,
    })
}

fn bytes(text: &str) -> Result<u64, Failure> {
    let bytes = size(text).filter(|bytes| (MEMORY_MIN..=MEMORY_MAX).contains(bytes));
    let bad = || format!("query_memory: {text:?} is not a size from 16MiB to 1TiB; write 256MiB or 2GiB");
    Ok(bytes.ok_or_else(bad)?)
}

fn number(text: &str) -> Result<usize, Failure> {
    let threads = text.parse().ok().filter(|threads| (1..=THREADS_MAX).contains(threads));
    Ok(threads.ok_or_else(|| format!("query_threads: {text:?} is not a number of threads from 1 to {THREADS_MAX}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(timeout: Option<&str>, memory: Option<&str>, threads: Option<&str>) -> Result<QueryLimits, String> {
        let interval = |_: &str, text: &str| match text.strip_suffix('s').unwrap_or("3600").parse() {
            Ok(secs) => Ok(Duration::from_secs(secs)),
            Err(_) => Err("no time".into()),
        };
        query_limits(timeout, memory, threads, interval).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_read_and_mistakes_are_named() {
        let usual = QueryLimits { timeout: Duration::from_secs(3600), memory_bytes: 256 << 20, threads: 2 };
        assert_eq!(read(None, None, None).unwrap(), usual);
        let given = QueryLimits { timeout: Duration::from_secs(9), memory_bytes: 2 << 30, threads: 64 };
        assert_eq!(read(Some("9s"), Some("2GiB"), Some("64")).unwrap(), given);
        for bad in ["", "0", "MiB", "15MiB", "2TiB", "256MB", "256", "1 GiB", "-1GiB", "99999999999999GiB"] {
            assert!(read(None, Some(bad), None).unwrap_err().contains("query_memory"), "{bad}");
        }
        for bad in ["", "0", "65", "many", "-1"] {
            assert!(read(None, None, Some(bad)).unwrap_err().contains("query_threads"), "{bad}");
        }
        assert!(read(Some("xs"), None, None).is_err());
    }
}
