//! The binary stays small enough to be shipped beside any service: at most 21.5 MB without its symbols. Of these 5.1 MB are what reads
//! policies from object stores and writes to them, for three kinds of stores, with TLS: without it there were 14.9. It is for size
//! that it has no reqwest and no HTTP/2 (1.4 MB) and is compiled for size (0.6 MB).

/// Bytes of the binary that `strip` leaves out: its symbol table, the names in it, and what it says of the compiler.
fn symbols(binary: &[u8]) -> u64 {
    let number = |at: usize, bytes: usize| {
        let mut value = [0; 8];
        value[..bytes].copy_from_slice(&binary[at..at + bytes]);
        u64::from_le_bytes(value)
    };
    // ELF-64: where the section headers are, how long one is, and how many there are.
    let (headers, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    let header = |index: u64| (headers + index * size) as usize;
    (0..count)
        // The names of dynamic symbols are needed and are loaded (flag 2); those of the symbol table are not.
        .filter(|&index| {
            let (kind, flags) = (number(header(index) + 4, 4), number(header(index) + 8, 8));
            matches!(kind, 2 | 3) && flags & 2 == 0
        })
        .map(|index| number(header(index) + 0x20, 8))
        .sum()
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
fn the_stripped_binary_has_at_most_21_and_a_half_megabytes() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_online")).unwrap();
    assert_eq!(&binary[..5], b"\x7fELF\x02");
    let stripped = binary.len() as u64 - symbols(&binary);
    assert!(
        stripped > 1_000_000,
        "{stripped} bytes: the sections were misread"
    );
    assert!(
        stripped <= 21_500_000,
        "{stripped} bytes without symbols, of {}",
        binary.len()
    );
}
