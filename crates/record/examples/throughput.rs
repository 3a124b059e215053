//! How fast log files are split, read and written: `cargo run --release -p record --example throughput -- FILE.json.gz …`. For each file
//! the best of a hundred rounds, so that whatever else the machine does counts little.
#![allow(clippy::disallowed_methods, reason = "measuring time is what this is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use record::file::{LogFileWriter, read_log_file};
use record::resources::resources_of;
use record::view::RecordView;

const INFLATED_BYTES_MAX: usize = 256 << 20;

fn main() {
    let files: Vec<Vec<u8>> =
        std::env::args().skip(1).map(|path| std::fs::read(path).expect("the file can be read")).collect();
    let texts: Vec<_> = files.iter().map(|gzip| read_log_file(gzip, INFLATED_BYTES_MAX).expect("a log file")).collect();
    let split: Vec<_> = texts.iter().map(|text| text.records().expect("records")).collect();
    let bytes: usize = texts.iter().map(|text| text.as_str().len()).sum();
    let rate = |what: &str, run: &dyn Fn(usize) -> usize| {
        let once = |file| {
            let start = Instant::now();
            black_box(run(file));
            start.elapsed()
        };
        let total: Duration = (0..texts.len()).filter_map(|file| (0..100).map(|_| once(file)).min()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let megabytes = bytes as f64 / 1e6;
        println!("{what}: {:.0} MB/s", megabytes / total.as_secs_f64());
    };
    let all = |file: usize| split[file].iter().map(|raw| raw.get().as_bytes());
    let view = |raw| RecordView::parse(raw).expect("a record");
    rate("split", &|file| texts[file].records().expect("records").len());
    rate("view", &|file| all(file).map(|raw| view(raw).event_name().len()).sum());
    rate("resources", &|file| all(file).map(|raw| resources_of(&view(raw)).len()).sum());
    rate("write file", &|file| {
        let mut writer = LogFileWriter::new();
        all(file).for_each(|raw| writer.push(raw));
        writer.finish().gzip.len()
    });
}
