//! Where the random bits of an id go in tables that are split into shards.
//!
//! Ids are minted here (RFC 9562 §5.7: their second half is random), so nobody can choose them to collide, and they
//! need no hash function.

/// The random half of an id as the hash for a table, and a byte of it for the shard.
///
/// A table looks at the lowest and the highest bits of a hash. The shard's byte and the id's two fixed bits lie
/// between.
pub(crate) fn of_id(id: [u8; 16]) -> (u64, usize) {
    let (_, random) = id.split_last_chunk::<8>().expect("an id has sixteen bytes");
    (u64::from_le_bytes(*random).rotate_right(24), usize::from(random[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_table_looks_at_first_is_random() {
        let (hash, shard) = of_id([9, 9, 9, 9, 9, 9, 9, 9, 0x80, 0x21, 2, 3, 4, 5, 6, 7]);
        assert_eq!(hash, 0x0221_8007_0605_0403);
        assert_eq!(shard, 0x21);
    }
}
