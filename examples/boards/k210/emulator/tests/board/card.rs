//! The picture on the card: read back on the host, by another library than wrote it.

use std::io::{Cursor, Read, Seek, Write};
use std::time::Duration;

use crate::support::{board, image, no_loss, pass};
use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use k210_emulator::{Cost, Ending, Machine, World, picture};

const MIB: usize = 1 << 20;

/// Where the partition begins.
const START: usize = MIB;

/// A card of so many bytes with one partition of this kind, and in it an older and longer picture
/// and something else.
fn card(len: usize, kind: FatType) -> Vec<u8> {
    let mut image = vec![0; len];
    let code = if kind == FatType::Fat32 { 0x0c } else { 0x06 };
    let blocks = |bytes: usize| u32::try_from(bytes / 512).unwrap().to_le_bytes();
    image[446..450].copy_from_slice(&[0, 0xff, 0xff, 0xff]);
    image[450..454].copy_from_slice(&[code, 0xff, 0xff, 0xff]);
    image[454..458].copy_from_slice(&blocks(START));
    image[458..462].copy_from_slice(&blocks(len - START));
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mut partition = Cursor::new(&mut image[START..]);
    let options = FormatVolumeOptions::new().fat_type(kind);
    fatfs::format_volume(&mut partition, options).unwrap();
    partition.rewind().unwrap();
    let files = FileSystem::new(partition, FsOptions::new()).unwrap();
    let put = |name, bytes: &[u8]| {
        let mut file = files.root_dir().create_file(name).unwrap();
        file.write_all(bytes).unwrap();
    };
    put("NOTES.TXT", NOTES);
    put("PICTURE.BMP", &vec![7; picture().len() + 5000]);
    files.unmount().unwrap();
    image
}

const NOTES: &[u8] = b"not for you";

/// The file of this name, if it is there.
fn read(image: &mut [u8], name: &str) -> Option<Vec<u8>> {
    let files = FileSystem::new(Cursor::new(&mut image[START..]), FsOptions::new()).unwrap();
    let mut bytes = Vec::new();
    files.root_dir().open_file(name).ok()?.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// Runs the program with this card; its contents after that.
fn run(machine: &mut Machine, image: Vec<u8>) -> Vec<u8> {
    machine.insert_card(image);
    pass(machine);
    no_loss(machine);
    let (mut image, faults) = machine.remove_card().unwrap();
    assert_eq!(faults, 0, "the card was asked against its rules");
    assert_eq!(read(&mut image, "NOTES.TXT").unwrap(), NOTES);
    assert_eq!(machine.screen().pixels, crate::download::source(), "another picture is shown");
    image
}

/// As many clusters are free as the file system's own count says.
fn check_free(image: &mut [u8]) -> u32 {
    let files = FileSystem::new(Cursor::new(&mut image[START..]), FsOptions::new()).unwrap();
    let stats = files.stats().unwrap();
    assert!(stats.free_clusters() <= stats.total_clusters());
    stats.free_clusters()
}

fn saves_to(len: usize, kind: FatType) {
    let (mut machine, _modem) = board("download_picture-921600");
    let mut image = run(&mut machine, card(len, kind));
    let said = machine.console();
    assert!(said.contains("saved as PICTURE.BMP\n"), "{said}");
    let saved = read(&mut image, "PICTURE.BMP").unwrap();
    assert!(saved == picture(), "{} bytes are saved, or other ones", saved.len());
    check_free(&mut image);
    // A millisecond for each of some 450 blocks, and the file system's own.
    assert!(machine.now().since_start() < Duration::from_secs(12));
}

#[test]
fn the_picture_is_saved_to_fat16() {
    saves_to(32 * MIB, FatType::Fat16);
}

#[test]
fn the_picture_is_saved_to_fat32() {
    saves_to(64 * MIB, FatType::Fat32);
}

#[test]
fn a_full_card_keeps_nothing_and_the_picture_is_shown() {
    let mut image = card(32 * MIB, FatType::Fat16);
    {
        let files = FileSystem::new(Cursor::new(&mut image[START..]), FsOptions::new()).unwrap();
        let root = files.root_dir();
        root.remove("PICTURE.BMP").unwrap();
        let stats = files.stats().unwrap();
        // All but 100 KB.
        let len = stats.free_clusters() as usize * stats.cluster_size() as usize - 100_000;
        root.create_file("FULL.BIN").unwrap().write_all(&vec![1; len]).unwrap();
        drop(root);
        files.unmount().unwrap();
    }
    let free = check_free(&mut image);
    let (mut machine, _modem) = board("download_picture-921600");
    let mut image = run(&mut machine, image);
    let said = machine.console();
    assert!(said.contains("not saved: "), "{said}");
    assert_eq!(read(&mut image, "PICTURE.BMP").unwrap(), [], "a part of a picture was left");
    // The empty file may keep its first.
    assert!(check_free(&mut image) + 1 >= free, "room was lost");
}

#[test]
fn another_picture_than_the_expected_one_is_not_kept() {
    let mut other = picture();
    other[100_000] ^= 1;
    let modem = World::default().virtual_modem(&other, &[]);
    let image = image("download_picture-921600");
    let mut machine = Machine::new(image, Cost::default(), Box::new(modem));
    machine.insert_card(card(32 * MIB, FatType::Fat16));
    assert_eq!(machine.run(Duration::from_secs(100), |_| false), Ending::Halted);
    let said = machine.console();
    assert!(said.contains("that is another picture\nnot saved\n"), "{said}");
    assert!(said.ends_with("failed\n"), "{said}");
    let (mut image, faults) = machine.remove_card().unwrap();
    assert_eq!(faults, 0);
    assert_eq!(read(&mut image, "PICTURE.BMP").unwrap(), []);
}

#[test]
fn what_is_no_card_is_told() {
    let (mut machine, _modem) = board("download_picture-921600");
    // Neither a partition nor a file system.
    machine.insert_card(vec![0; MIB]);
    pass(&mut machine);
    let said = machine.console();
    assert!(said.contains("no card, the picture is not saved: "), "{said}");
    assert!(!said.contains("saved: there is none"), "{said}");
}
