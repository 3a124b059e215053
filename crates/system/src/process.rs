//! What the operating system says of this process. Reads `/proc`; where there is none, nothing is known.

use std::fs;

/// This process, now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// Memory that is in RAM.
    pub resident_bytes: u64,
    /// Memory that is mapped.
    pub virtual_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// How many there may be.
    pub max_fds: Option<u64>,
    /// Time on processors since the start.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
}

/// What is known of this process. Source: proc(5).
pub fn read() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = parse(&stat)?;
    let page_bytes = u64::try_from(rustix::param::page_size()).ok()?;
    let fds = fs::read_dir("/proc/self/fd").ok()?.count();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let max_fds =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    #[expect(clippy::cast_precision_loss, reason = "ticks of a process stay below 2^53")]
    let cpu_seconds = fields.ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Some(Process {
        resident_bytes: fields.resident_pages.saturating_mul(page_bytes),
        virtual_bytes: fields.virtual_bytes,
        // One of them is the folder that was being read.
        open_fds: u64::try_from(fds).ok()?.saturating_sub(1),
        max_fds,
        cpu_seconds,
        threads: fields.threads,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Fields {
    ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// The fields after the command's name, which may hold spaces and parentheses itself.
fn parse(stat: &str) -> Option<Fields> {
    let after = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // proc(5) counts from 1, and the first of these is its third.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Fields {
        ticks: number(14)? + number(15)?,
        threads: number(20)?,
        virtual_bytes: number(23)?,
        resident_pages: number(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_command_is_called() {
        let stat =
            "7 (a) b( c) S 1 7 7 0 -1 4194304 100 0 0 0 25 17 0 0 20 0 4 0 12345 8192000 321 18446744073709551615";
        assert_eq!(parse(stat), Some(Fields { ticks: 42, threads: 4, virtual_bytes: 8_192_000, resident_pages: 321 }));
        assert_eq!(parse("7 (x) S"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_memory_and_files() {
        let process = read().unwrap();
        assert!(process.resident_bytes > 100_000 && process.open_fds >= 3 && process.threads >= 1, "{process:?}");
    }
}
