//! The memory that argon2 works in: lent to one hash after the other, given back to the system when
//! none waits.
//!
//! Left to itself argon2 allocates 19 MiB a hash, and glibc never returns them: the first block
//! that is freed raises its mmap threshold, so the next ones lie in the heaps of threads, which
//! 64-byte alignment breaks up and nothing trims (up to 230 MiB with two threads).

use std::sync::{Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::{
        Error, Result,
        phc::{Output, ParamsString, Salt},
    },
};

/// More than 32 MiB, where glibc's mmap threshold ends, so that a buffer is always a mapping of its
/// own and leaves with it. What is reserved and not touched takes no memory.
const RESERVED_BLOCKS: usize = 33 * 1_024;

/// The buffers that no hash is using.
#[derive(Default)]
pub(crate) struct HashMemory {
    free: Mutex<Vec<Vec<Block>>>,
}

impl HashMemory {
    /// The hash of `password`, with all that a later check needs.
    pub(crate) fn hash(
        &self,
        algorithm: Algorithm,
        params: Params,
        password: &[u8],
        salt: &[u8],
    ) -> Result<PasswordHash> {
        let (version, salt) = (Version::V0x13, Salt::new(salt)?);
        let written = ParamsString::try_from(&params)?;
        let output = self.output(&Argon2::new(algorithm, version, params), password, &salt)?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: written,
            salt: Some(salt),
            hash: Some(output),
        })
    }

    /// Whether `password` gave `hash`, by the algorithm and the parameters that `hash` names.
    pub(crate) fn verify(&self, password: &[u8], hash: &PasswordHash) -> Result<bool> {
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
            return Ok(false);
        };
        let algorithm = Algorithm::new(hash.algorithm.as_str())?;
        let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(hash)?);
        // `Output` compares in constant time.
        Ok(self.output(&argon2, password, salt)? == *expected)
    }

    /// Gives every unused buffer back to the system.
    pub(crate) fn release(&self) {
        let unused = std::mem::take(&mut *self.free.lock().unwrap_or_else(PoisonError::into_inner));
        drop(unused);
    }

    fn output(&self, argon2: &Argon2<'_>, password: &[u8], salt: &Salt) -> Result<Output> {
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let mut bytes = [0; Output::MAX_LENGTH];
        let out = bytes.get_mut(..length).ok_or(Error::OutputSize)?;
        let mut blocks = self.lend(argon2.params().block_count())?;
        let hashed = argon2.hash_password_into_with_memory(password, salt, out, &mut blocks[..]);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
        hashed?;
        Ok(Output::new(out)?)
    }

    /// At least `count` blocks. What they hold does not matter: the first pass overwrites it.
    fn lend(&self, count: usize) -> Result<Vec<Block>> {
        let unused = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut blocks = unused.unwrap_or_default();
        let missing = count.max(RESERVED_BLOCKS).saturating_sub(blocks.len());
        blocks.try_reserve_exact(missing).map_err(|_| argon2::Error::OutOfMemory)?;
        if blocks.len() < count {
            blocks.resize(count, Block::new());
        }
        Ok(blocks)
    }

    /// How many buffers lie unused.
    #[cfg(test)]
    pub(crate) fn unused(&self) -> usize {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    const SALT: &[u8] = b"sixteen bytes!!!";

    fn params(memory_kib: u32) -> Params {
        Params::new(memory_kib, 2, 1, None).unwrap()
    }

    #[test]
    fn a_used_buffer_gives_the_same_hash_as_argon2s_own() {
        let memory = HashMemory::default();
        for (password, memory_kib) in [("first", 512), ("second", 64), ("third", 1_024)] {
            let own: PasswordHash =
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params(memory_kib))
                    .hash_password_with_salt(password.as_bytes(), SALT)
                    .unwrap();

            let ours = memory
                .hash(Algorithm::Argon2id, params(memory_kib), password.as_bytes(), SALT)
                .unwrap();

            assert_eq!(ours.to_string(), own.to_string());
            assert!(memory.verify(password.as_bytes(), &own).unwrap());
            assert!(!memory.verify(b"another", &own).unwrap());
            assert!(Argon2::default().verify_password(password.as_bytes(), &ours).is_ok());
        }
        assert_eq!(memory.unused(), 1, "one buffer served all of them");
    }

    #[test]
    fn a_hash_is_checked_by_the_algorithm_and_the_version_that_it_names() {
        let memory = HashMemory::default();
        for (algorithm, version) in
            [(Algorithm::Argon2i, Version::V0x13), (Algorithm::Argon2id, Version::V0x10)]
        {
            let own: PasswordHash = Argon2::new(algorithm, version, params(64))
                .hash_password_with_salt(b"password", SALT)
                .unwrap();

            assert!(memory.verify(b"password", &own).unwrap());
            assert!(!memory.verify(b"Password", &own).unwrap());
        }
    }

    #[test]
    fn a_hash_without_output_fits_no_password() {
        let hash = PasswordHash::new("$argon2id$v=19$m=64,t=2,p=1").unwrap();

        assert!(!HashMemory::default().verify(b"", &hash).unwrap());
    }
}
