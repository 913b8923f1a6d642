//! The source of random numbers.

use uuid::Uuid;
use warrener_shared::id::{JobId, Token};

/// The source of tickets' secrets and of the ids of jobs that were submitted without one.
#[derive(Clone, Copy, Debug, Default)]
pub enum Chance {
    /// The operating system.
    #[default]
    System,
    /// A seed: the same numbers each time, for simulation. Whoever knows the seed knows all secrets.
    Seed(u64),
}

impl Chance {
    /// Draws `count` secrets for tickets, 128 bits each.
    pub(super) fn tokens(&mut self, count: usize) -> impl Iterator<Item = Token> + use<> {
        let mut bytes = vec![0; count * 16];
        match self {
            Self::System => getrandom::fill(&mut bytes).expect("the operating system gives random bytes"),
            Self::Seed(state) => {
                bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&next(state).to_le_bytes()));
            }
        }
        let tokens: Vec<Token> = bytes
            .chunks_exact(16)
            .map(|chunk| Token(u128::from_le_bytes(chunk.try_into().expect("chunks of sixteen"))))
            .collect();
        tokens.into_iter()
    }

    /// Draws the id of a job that was submitted without one: a UUIDv7, or any UUID from a seed.
    pub(super) fn job_id(&mut self) -> JobId {
        let id = match self {
            Self::System => Uuid::now_v7(),
            Self::Seed(state) => Uuid::from_u64_pair(next(state), next(state)),
        };
        JobId::new(&id.to_string()).expect("a UUID is a valid id")
    }
}

/// Next number of SplitMix64, a generator with 64 bits of state. Good for simulation, useless for secrets.
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
