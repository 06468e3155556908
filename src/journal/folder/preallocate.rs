//! Allocates the blocks of a file many at a time.
//!
//! A page that was never written has no blocks on the disk yet. When it is synced, the file
//! system has to make the allocation durable as well, and the sync takes about half as long
//! again. So before the first page of a stretch of the file is written, zeros are written to
//! the whole stretch.

use std::{io, ops::Range};

use parking_lot::Mutex;
use redb::StorageBackend;

/// The length of a stretch. The sync after its allocation takes a little longer: one of some
/// dozens of syncs.
const STRETCH_BYTES: u64 = 256 * 1024;

static ZEROS: [u8; STRETCH_BYTES as usize] = [0; STRETCH_BYTES as usize];

/// A file whose blocks are allocated by stretches.
#[derive(Debug)]
pub(crate) struct Preallocated<F> {
    file: F,
    /// Which stretches are allocated. Nothing was written to the others.
    allocated: Mutex<Vec<bool>>,
}

impl<F: StorageBackend> Preallocated<F> {
    /// All stretches that the file has now count as allocated, because data may be in them.
    pub(crate) fn new(file: F) -> io::Result<Self> {
        let allocated = vec![true; stretches(0..file.len()?).len()];
        let allocated = Mutex::new(allocated);
        Ok(Self { file, allocated })
    }

    fn allocate(&self, written: Range<u64>) -> io::Result<()> {
        // Stays locked while the zeros are written, so that no page is written to the stretch
        // before them, and the file is not shortened.
        let mut allocated = self.allocated.lock();
        for stretch in stretches(written) {
            if allocated.len() <= stretch {
                allocated.resize(stretch + 1, false);
            }
            if !allocated[stretch] {
                self.zero(stretch)?;
                allocated[stretch] = true;
            }
        }
        Ok(())
    }

    fn zero(&self, stretch: usize) -> io::Result<()> {
        let from = stretch as u64 * STRETCH_BYTES;
        let count = self.file.len()?.saturating_sub(from).min(STRETCH_BYTES);
        self.file.write(from, &ZEROS[..count as usize])
    }
}

/// The numbers of the stretches that a range of bytes touches.
fn stretches(bytes: Range<u64>) -> Range<usize> {
    let first = bytes.start / STRETCH_BYTES;
    first as usize..bytes.end.div_ceil(STRETCH_BYTES) as usize
}

impl<F: StorageBackend> StorageBackend for Preallocated<F> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut allocated = self.allocated.lock();
        self.file.set_len(len)?;
        allocated.truncate(stretches(0..len).len());
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.allocate(offset..offset + data.len() as u64)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;

    /// Records where it is written to.
    #[derive(Debug, Default)]
    struct File {
        inner: InMemoryBackend,
        writes: Mutex<Vec<(u64, usize)>>,
    }

    impl StorageBackend for File {
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.inner.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.inner.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.inner.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.writes.lock().push((offset, data.len()));
            self.inner.write(offset, data)
        }
    }

    fn preallocated(file: File) -> Preallocated<File> {
        let file = Preallocated::new(file).unwrap();
        file.set_len(3 * STRETCH_BYTES).unwrap();
        file
    }

    #[test]
    fn a_stretch_is_allocated_once_before_its_first_write() {
        let file = preallocated(File::default());
        let page = [1; 4096];
        for offset in [
            STRETCH_BYTES + 8192,
            STRETCH_BYTES,
            2 * STRETCH_BYTES - 4096,
        ] {
            file.write(offset, &page).unwrap();
        }
        let writes = file.file.writes.into_inner();
        let stretch = (STRETCH_BYTES, STRETCH_BYTES as usize);
        assert_eq!((writes[0], writes.len()), (stretch, 4));
    }

    #[test]
    fn what_was_there_before_is_left_alone() {
        let file = preallocated(File::default());
        file.write(0, b"abc").unwrap();
        let file = Preallocated::new(file.file).unwrap();
        file.write(8, b"def").unwrap();
        let mut read = [0; 11];
        file.read(0, &mut read).unwrap();
        assert_eq!(&read, b"abc\0\0\0\0\0def");
    }

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Write { offset: u64, length: usize },
        SetLen(u64),
        Reopen,
    }

    fn acts() -> impl Strategy<Value = Act> {
        let offset = 0..4 * STRETCH_BYTES;
        let length = prop_oneof![1..5000_usize, 1..2 * STRETCH_BYTES as usize];
        prop_oneof![
            8 => (offset.clone(), length).prop_map(|(offset, length)| Act::Write { offset, length }),
            1 => offset.prop_map(Act::SetLen),
            1 => Just(Act::Reopen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_read_is_what_it_would_be_without(
            acts in prop::collection::vec(acts(), 1..20),
        ) {
            let mut file = preallocated(File::default());
            let plain = InMemoryBackend::default();
            plain.set_len(3 * STRETCH_BYTES).unwrap();
            for (number, act) in acts.into_iter().enumerate() {
                match act {
                    Act::Write { offset, length } => {
                        let data = vec![number as u8 + 1; length];
                        // The store does not write behind the end.
                        if offset + length as u64 <= plain.len().unwrap() {
                            file.write(offset, &data).unwrap();
                            plain.write(offset, &data).unwrap();
                        }
                    }
                    Act::SetLen(len) => {
                        file.set_len(len).unwrap();
                        plain.set_len(len).unwrap();
                    }
                    Act::Reopen => file = Preallocated::new(file.file).unwrap(),
                }
                let len = plain.len().unwrap();
                prop_assert_eq!(file.len().unwrap(), len);
                let mut read = [vec![0; len as usize], vec![0; len as usize]];
                file.read(0, &mut read[0]).unwrap();
                plain.read(0, &mut read[1]).unwrap();
                prop_assert!(read[0] == read[1]);
            }
        }
    }
}
