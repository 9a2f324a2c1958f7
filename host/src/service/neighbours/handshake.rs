//! How neighbours make sure of each other: both run as the same user and know the same secret.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use uuid::Uuid;

use crate::vault::Vault;

/// How long it may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(1);

const NONCE_BYTES: usize = 16;
const PROOF_BYTES: usize = 32;

const LEADS: &[u8] = b"neighbour that leads v1 ";
const FOLLOWS: &[u8] = b"neighbour that follows v1 ";

/// The leader's side. An error unless the other one is a neighbour.
pub(super) async fn welcome(vault: &Vault, stream: &mut UnixStream) -> io::Result<()> {
    in_time(async {
        check_user(stream)?;
        let theirs: [u8; NONCE_BYTES] = read(stream).await?;
        let ours = Uuid::new_v4().into_bytes();
        stream.write_all(&ours).await?;
        stream.write_all(&proof(vault, LEADS, theirs, ours)?).await?;
        check(read(stream).await?, proof(vault, FOLLOWS, theirs, ours)?)
    })
    .await
}

/// The follower's side.
pub(super) async fn join(vault: &Vault, stream: &mut UnixStream) -> io::Result<()> {
    in_time(async {
        check_user(stream)?;
        let ours = Uuid::new_v4().into_bytes();
        stream.write_all(&ours).await?;
        let theirs: [u8; NONCE_BYTES] = read(stream).await?;
        check(read(stream).await?, proof(vault, LEADS, ours, theirs)?)?;
        stream.write_all(&proof(vault, FOLLOWS, ours, theirs)?).await
    })
    .await
}

async fn in_time(shake: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    timeout(HANDSHAKE_TIME, shake).await.map_err(io::Error::from)?
}

/// Whoever runs as another user might stand between two neighbours, and read all that they send.
fn check_user(stream: &UnixStream) -> io::Result<()> {
    if stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the neighbour runs as another user",
    ))
}

fn proof(
    vault: &Vault,
    role: &[u8],
    of_follower: [u8; NONCE_BYTES],
    of_leader: [u8; NONCE_BYTES],
) -> io::Result<[u8; PROOF_BYTES]> {
    vault
        .derive(&[role, &of_follower, &of_leader])
        .ok_or_else(|| io::Error::other("there is no secret"))
}

fn check(theirs: [u8; PROOF_BYTES], expected: [u8; PROOF_BYTES]) -> io::Result<()> {
    // Each is good for one connection, so the time that comparing takes tells nothing of use.
    if theirs == expected {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the neighbour does not know the secret",
    ))
}

async fn read<const N: usize>(stream: &mut UnixStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(current: &str, previous: &[&str], adopt: bool) -> Vault {
        let previous: Vec<_> = previous.iter().map(|&secret| secret.into()).collect();
        Vault::new(&current.into(), &previous, adopt)
    }

    async fn meet(leader: &Vault, follower: &Vault) -> (bool, bool) {
        let (mut leads, mut follows) = UnixStream::pair().unwrap();
        let welcome = async {
            let welcomed = welcome(leader, &mut leads).await.is_ok();
            drop(leads);
            welcomed
        };
        let join = async {
            let joined = join(follower, &mut follows).await.is_ok();
            drop(follows);
            joined
        };
        tokio::join!(welcome, join)
    }

    #[tokio::test]
    async fn who_knows_the_same_secrets_is_a_neighbour() {
        let all = || vault("now", &["before"], false);
        assert_eq!(meet(&all(), &all()).await, (true, true));
    }

    #[tokio::test]
    async fn nobody_else_is() {
        let ours = vault("now", &["before"], false);
        for other in [
            vault("another", &["before"], false),
            vault("now", &[], false),
            vault("now", &["before"], true),
        ] {
            assert_eq!(meet(&ours, &other).await, (false, false));
        }
    }

    #[tokio::test]
    async fn a_proof_is_good_for_one_side_and_one_connection() {
        let (mut stream, mut intruder) = UnixStream::pair().unwrap();
        let echo = async {
            // Whatever it is told, it says too.
            let nonce: [u8; NONCE_BYTES] = [1; NONCE_BYTES];
            intruder.write_all(&nonce).await.unwrap();
            let _theirs: [u8; NONCE_BYTES] = read(&mut intruder).await.unwrap();
            let proof: [u8; PROOF_BYTES] = read(&mut intruder).await.unwrap();
            intruder.write_all(&proof).await.unwrap();
        };
        let ours = vault("now", &[], false);
        let (welcomed, ()) = tokio::join!(welcome(&ours, &mut stream), echo);
        assert_eq!(welcomed.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
