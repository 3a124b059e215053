//! What is particular to a folder: what a crash leaves, a full disk, durability before the answer.
#![allow(clippy::disallowed_methods, reason = "these look at the folder from outside")]

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use base::env::{DiskFile, Stat};
use futures_util::StreamExt;
use proptest::prelude::*;

use super::*;
use crate::conformance::{self, large};

fn open(root: &Path) -> Local {
    Local::open(system::env().disk, root).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let root = tempfile::tempdir().unwrap();
    conformance::all(&open(root.path())).await;
    conformance::folders(&open(root.path())).await;
}

#[test]
fn what_was_put_stays_and_what_was_unfinished_goes() {
    let above = tempfile::tempdir().unwrap();
    let root = above.path().join("new/folder");
    let run = |call: &dyn Fn(Local) -> futures_util::future::BoxFuture<'static, ()>| {
        // Dropping the runtime waits for the threads.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { call(open(&root)).await });
    };
    let unfinished = || std::fs::read_dir(root.join("tmp")).unwrap().count();
    run(&|objects| {
        Box::pin(async move {
            objects.put("a/b", Bytes::from_static(b"kept")).await.unwrap();
            let mut writer = objects.writer("a/dropped").await.unwrap();
            writer.write(large(PIECE_BYTES * 3)).await.unwrap();
            drop(writer);
        })
    });
    assert_eq!(unfinished(), 0);
    run(&|objects| {
        Box::pin(async move {
            let mut writer = objects.writer("a/crashed").await.unwrap();
            writer.write(large(PIECE_BYTES * 3)).await.unwrap();
            std::mem::forget(writer);
        })
    });
    assert_eq!(unfinished(), 1);
    run(&|objects| {
        Box::pin(async move {
            assert_eq!(objects.list("", None, 10).await.unwrap().len(), 1);
            assert_eq!(objects.get("a/b", None).await.unwrap().bytes(10).await.unwrap(), "kept");
        })
    });
    assert_eq!(unfinished(), 0);
}

#[tokio::test]
async fn what_does_not_belong_there_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let objects = open(root.path());
    objects.put("a/b", Bytes::new()).await.unwrap();
    std::fs::write(root.path().join("data/a/not ours"), "").unwrap();
    std::fs::create_dir(root.path().join("data/empty")).unwrap();
    assert_eq!(objects.list("", None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn reading_goes_on_when_the_object_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let objects = open(root.path());
    let bytes = large(PIECE_BYTES * 4);
    objects.put("a", bytes.clone()).await.unwrap();
    let mut reader = objects.get("a", None).await.unwrap();
    let first = reader.next().await.unwrap().unwrap();
    objects.put("a", Bytes::from_static(b"new")).await.unwrap();
    objects.delete("a").await.unwrap();
    let rest = reader.bytes(usize::MAX).await.unwrap();
    assert!([first, rest].concat() == bytes);
}

/// A disk that notes what is done to it, and is full at will.
struct Watched {
    inner: Arc<dyn Disk>,
    full: AtomicBool,
    notes: Arc<Mutex<Vec<String>>>,
    root: PathBuf,
}

struct WatchedFile(Box<dyn DiskFile>, bool, Arc<Mutex<Vec<String>>>);

impl Watched {
    fn note(&self, what: &str, path: &Path) {
        let path = path.strip_prefix(&self.root).unwrap_or(Path::new("outside"));
        self.notes.lock().unwrap().push(format!("{what} {}", path.display()).trim_end().to_string());
    }
}

impl Disk for Watched {
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        if create {
            self.note("create", path);
        }
        let file = self.inner.open(path, create)?;
        Ok(Box::new(WatchedFile(file, self.full.load(Ordering::SeqCst), self.notes.clone())))
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.inner.list(folder)
    }
    fn create_dir_all(&self, folder: &Path) -> io::Result<()> {
        self.inner.create_dir_all(folder)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename to", to);
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        self.inner.remove(path)
    }
    fn remove_dir(&self, folder: &Path) -> io::Result<()> {
        self.inner.remove_dir(folder)
    }
    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.note("sync", folder);
        self.inner.sync_dir(folder)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.inner.stat(path)
    }
}

impl DiskFile for WatchedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.2.lock().unwrap().push("write".into());
        self.0.write_all_at(buf, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.2.lock().unwrap().push("sync the file".into());
        self.0.sync_data()
    }
    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.0.set_len(len_bytes)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

fn watched(root: &Path) -> (Arc<Watched>, Local) {
    let disk = Watched {
        inner: system::env().disk,
        full: AtomicBool::new(false),
        notes: Arc::default(),
        root: root.to_path_buf(),
    };
    let disk = Arc::new(disk);
    let objects = Local::open(disk.clone(), root).unwrap();
    disk.notes.lock().unwrap().clear();
    (disk, objects)
}

#[tokio::test]
async fn durable_before_the_answer() {
    let root = tempfile::tempdir().unwrap();
    let (disk, objects) = watched(root.path());
    let notes = || std::mem::take(&mut *disk.notes.lock().unwrap()).join(", ");
    objects.put("a/b/c", Bytes::from_static(b"x")).await.unwrap();
    let expected = "create tmp/1, write, sync the file, sync data/a, sync data, rename to data/a/b/c, sync data/a/b";
    assert_eq!(notes(), expected);
    objects.put("a/b/d", Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(notes(), "create tmp/2, write, sync the file, rename to data/a/b/d, sync data/a/b");
    let mut writer = objects.writer("e").await.unwrap();
    writer.write(large(PIECE_BYTES)).await.unwrap();
    writer.write(large(1)).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(notes(), "create tmp/3, write, write, sync the file, rename to data/e, sync data");
    objects.delete_many(&["a/b/c".into(), "a/b/d".into(), "no/e".into(), "e".into()]).await.unwrap();
    let expected = "remove data/a/b/c, remove data/a/b/d, remove data/no/e, remove data/e, sync data, sync data/a/b";
    assert_eq!(notes(), expected);
}

#[tokio::test]
async fn full_and_recovered() {
    let root = tempfile::tempdir().unwrap();
    let (disk, objects) = watched(root.path());
    objects.put("a", Bytes::from_static(b"old")).await.unwrap();
    disk.full.store(true, Ordering::SeqCst);
    assert!(matches!(objects.put("a", Bytes::from_static(b"new")).await, Err(Error::Full)));
    let mut writer = objects.writer("a").await.unwrap();
    writer.write(large(PIECE_BYTES)).await.unwrap();
    // The first piece is written while the second is gathered, so the error comes with the second or third.
    assert!(matches!(writer.write(large(PIECE_BYTES)).await, Err(Error::Full)));
    assert!(writer.write(large(1)).await.is_err());
    assert!(writer.finish().await.is_err());
    disk.full.store(false, Ordering::SeqCst);
    assert_eq!(objects.get("a", None).await.unwrap().bytes(10).await.unwrap(), "old");
    objects.put("a", Bytes::from_static(b"new")).await.unwrap();
    assert_eq!(objects.get("a", None).await.unwrap().bytes(10).await.unwrap(), "new");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn lists_as_memory_does(
        names in prop::collection::vec("[a.-]{1,2}(/[a.-]{1,2}){0,2}", 1..12),
        prefix in "[a.-]{0,2}(/[a-]{0,1})?", after in "([a.-]{0,2}(/[a0]{0,2})?)?", limit in 0..6_usize
    ) {
        let root = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (local, memory) = (open(root.path()), crate::Memory::new());
            for name in &names {
                let (one, two) = (local.put(name, Bytes::new()).await, memory.put(name, Bytes::new()).await);
                assert_eq!(one.is_ok(), two.is_ok(), "{name}");
            }
            let after = Some(&after[..]);
            let (one, two) = (local.list(&prefix, after, limit).await, memory.list(&prefix, after, limit).await);
            assert_eq!(format!("{one:?}"), format!("{two:?}"));
        });
    }
}
