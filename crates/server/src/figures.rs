//! Figures of the process, and the room on the data folder's disk. Names of the process's figures are those that Prometheus's own
//! clients use. Source: <https://prometheus.io/docs/instrumenting/writing_clientlibs/>, "Process metrics".

use std::path::PathBuf;

use base::Timestamp;
use gateway::{Room, Space, float};
use ports::{Figure, Figures};

/// The disk of the data folder.
pub struct DataDisk(pub PathBuf);

impl Space for DataDisk {
    fn room(&self) -> Option<Room> {
        let (free_bytes, total_bytes) = system::room(&self.0).ok()?;
        Some(Room { free_bytes, total_bytes })
    }
}

/// Figures of the process.
pub struct ProcessFigures {
    /// When it started.
    pub started: Timestamp,
}

impl Figures for ProcessFigures {
    fn figures(&self, into: &mut Vec<Figure>) {
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        into.push(Figure::gauge("cairn_build_info", "The version that runs, as a label.", &labels, 1.0));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of an epoch stay below 2^53")]
        let started_secs = self.started.ms() as f64 / 1000.0;
        let help = "When the process started, in seconds since 1970.";
        into.push(Figure::gauge("process_start_time_seconds", help, &[], started_secs));
        let Some(process) = system::process::read() else { return };
        let cpu = Figure::counter("process_cpu_seconds_total", "Time on processors.", &[], process.cpu_seconds);
        into.push(cpu);
        let mut gauge = |name, help, value| into.push(Figure::gauge(name, help, &[], float(value)));
        gauge("process_resident_memory_bytes", "Memory in RAM.", process.resident_bytes);
        gauge("process_virtual_memory_bytes", "Memory that is mapped.", process.virtual_bytes);
        gauge("process_open_fds", "Open file descriptors.", process.open_fds);
        gauge("process_threads", "Threads.", process.threads);
        if let Some(max) = process.max_fds {
            gauge("process_max_fds", "File descriptors that may be open.", max);
        }
    }
}
