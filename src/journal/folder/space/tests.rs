use proptest::prelude::*;

use super::*;
use crate::journal::folder::simulated::Simulated;

const NAMES: [&str; 3] = ["a.segment", "b.checkpoint", "c.new"];
const BYTES_MAX: u64 = 1000;

fn limited(disk: &Simulated) -> (Arc<dyn Files>, Arc<Space>) {
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    limit(&files, BYTES_MAX).unwrap()
}

fn truth(disk: &Simulated) -> u64 {
    disk.lengths()
        .iter()
        .map(|(_, length)| *length as u64)
        .sum()
}

#[derive(Clone, Copy, Debug)]
enum Act {
    SetLen(usize, Mode, u64),
    Rename(usize, usize),
    Remove(usize),
    Reopen,
}

fn acts() -> impl Strategy<Value = Act> {
    let name = || 0..NAMES.len();
    let mode = prop_oneof![Just(Mode::Existing), Just(Mode::Create), Just(Mode::Extend)];
    prop_oneof![
        6 => (name(), mode, 0..800_u64).prop_map(|(name, mode, len)| Act::SetLen(name, mode, len)),
        2 => (name(), name()).prop_map(|(from, to)| Act::Rename(from, to)),
        2 => name().prop_map(Act::Remove),
        1 => Just(Act::Reopen),
    ]
}

proptest! {
    #[test]
    fn what_is_counted_is_what_is_there_and_new_files_stay_below_the_limit(
        acts in prop::collection::vec(acts(), 1..30),
    ) {
        let disk = Simulated::default();
        let (mut files, mut space) = limited(&disk);
        for act in acts {
            let before = truth(&disk);
            let is_over = match act {
                Act::SetLen(name, mode, len) => {
                    let set = files.open(NAMES[name], mode).and_then(|file| file.set_len(len));
                    let is_full = |error: io::Error| error.kind() == io::ErrorKind::StorageFull;
                    prop_assert!(!set.is_err_and(is_full) || before + len > BYTES_MAX);
                    mode == Mode::Existing
                }
                Act::Rename(from, to) => {
                    let _ = files.rename(NAMES[from], NAMES[to]);
                    false
                }
                Act::Remove(name) => {
                    let _ = files.remove(NAMES[name]);
                    false
                }
                Act::Reopen => {
                    (files, space) = limited(&disk);
                    false
                }
            };
            let after = truth(&disk);
            prop_assert_eq!(space.bytes(), after, "{:?}", act);
            prop_assert!(is_over || after <= before.max(BYTES_MAX), "{:?}", act);
        }
    }
}

#[test]
fn the_limit_is_told_as_a_full_disk_and_by_its_name() {
    let (files, space) = limited(&Simulated::default());
    let file = files.open("a.checkpoint", Mode::Create).unwrap();
    file.set_len(BYTES_MAX).unwrap();
    let error = file.set_len(BYTES_MAX + 1).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    let told = "the data folder has reached journal.bytes_max (1000 B)";
    assert_eq!(error.to_string(), told);
    assert_eq!(space.largest(".checkpoint"), BYTES_MAX);
    assert_eq!(space.largest(".segment"), 0);
}
