//! What an attack is, and what many have in common.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::target::Addresses;

/// How long an attacker waits before it tries again. Without it the test would measure how many
/// connections this machine can open.
const PAUSE: Duration = Duration::from_millis(500);

/// How long an attacker that is not answered keeps a connection before it begins a new one.
const RENEWED_AFTER: Duration = Duration::from_secs(4);

/// One attack.
pub(crate) struct Attack {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The most memory that the process may take, in MiB.
    pub(crate) memory_max: u64,
    /// Attacks until it is dropped.
    pub(crate) run: fn(Addresses) -> BoxFuture<'static, ()>,
}

/// From where an attack comes.
#[derive(Clone, Copy)]
pub(crate) enum From {
    /// The address of the honest, as behind a proxy.
    Prober,
    /// So many addresses that never sent anything authentic.
    Strangers(u8),
}

impl From {
    /// The address of one attacker.
    fn address(self, attacker: usize) -> Ipv4Addr {
        match self {
            Self::Prober => Ipv4Addr::LOCALHOST,
            Self::Strangers(count) => {
                let host = attacker % usize::from(count);
                Ipv4Addr::new(127, 0, 1, 1 + u8::try_from(host).unwrap_or_default())
            }
        }
    }

    /// A connection of one attacker.
    pub(crate) async fn connect(
        self,
        attacker: usize,
        to: SocketAddr,
    ) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // Ports of closed connections are free at once: the honest need some, too.
        socket.set_zero_linger()?;
        socket.bind((self.address(attacker), 0).into())?;
        socket.connect(to).await
    }
}

/// Does the same again and again, as many attackers at once.
pub(crate) async fn many<F: Future<Output = ()> + Send + 'static>(
    attackers: usize,
    once: impl Fn(usize) -> F + Clone + Send + 'static,
) {
    let mut tasks = JoinSet::new();
    for attacker in 0..attackers {
        let once = once.clone();
        tasks.spawn(async move {
            loop {
                once(attacker).await;
                sleep(PAUSE).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// Opens a connection, says `first`, then `then` each second, and leaves when it is closed, or
/// after some seconds.
pub(crate) async fn dribble(mut stream: TcpStream, first: &[u8], then: &[u8]) {
    let dribbled = async {
        stream.write_all(first).await?;
        let mut answer = [0; 1024];
        loop {
            if let Ok(read) = timeout(Duration::from_secs(1), stream.read(&mut answer)).await
                && read? == 0
            {
                return std::io::Result::Ok(());
            }
            stream.write_all(then).await?;
        }
    };
    let _ = timeout(RENEWED_AFTER, dribbled).await;
}
