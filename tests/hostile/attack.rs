//! What an attack is, and what many have in common.

use std::{net::Ipv4Addr, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpSocket,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    front::{Front, Stream},
    target::Addresses,
};

/// How long an attacker waits before it tries again. Without it the test would measure how many
/// connections this machine can open.
const PAUSE: Duration = Duration::from_millis(500);

/// How long an attacker that is not answered keeps a connection before it begins a new one.
const RENEWED_AFTER: Duration = Duration::from_secs(4);

/// Something that is done to a service.
pub(crate) type Act = fn(Addresses) -> BoxFuture<'static, ()>;

/// One attack.
pub(crate) struct Attack {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The most memory that the process may take, in MiB.
    pub(crate) memory_max: u64,
    /// The most bytes that the data folder may take, if the attack is on that.
    pub(crate) folder_max: Option<u64>,
    /// What the configuration says of the journal.
    pub(crate) journal: &'static str,
    /// Brings about what is attacked, before the honest are watched.
    pub(crate) fill: Act,
    /// Attacks until it is dropped, or until all is sent that lasts in the journal.
    pub(crate) run: Act,
    /// A metric that is above zero once the attack has come as far as its aim. Without it, an
    /// attack that has no effect because it is not well made would pass for one that is withstood.
    pub(crate) shows: Option<&'static str>,
    /// What a service is sent instead to which the attack's journal is compared, if the attack is
    /// on restarts: as much, but nothing out of the ordinary. The attack then has to end.
    pub(crate) restarts_as: Option<Act>,
}

impl Attack {
    /// An attack on a service that knows of nothing. It is not started again.
    pub(crate) const ON_EMPTY: Self = Self {
        name: "",
        memory_max: 0,
        folder_max: None,
        journal: "kind = \"disk\"",
        fill: |_| std::future::ready(()).boxed(),
        run: |_| std::future::ready(()).boxed(),
        shows: None,
        restarts_as: None,
    };
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
    pub(crate) async fn connect(self, attacker: usize, to: Front) -> std::io::Result<Stream> {
        to.connect_from(self.socket(attacker)?).await
    }

    /// What one attacker connects with.
    pub(crate) fn socket(self, attacker: usize) -> std::io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        // Ports of closed connections are free at once: the honest need some, too.
        socket.set_zero_linger()?;
        socket.bind((self.address(attacker), 0).into())?;
        Ok(socket)
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
pub(crate) async fn dribble(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    first: &[u8],
    then: &[u8],
) {
    let dribbled = async {
        stream.write_all(first).await?;
        stream.flush().await?;
        let mut answer = [0; 1024];
        loop {
            if let Ok(read) = timeout(Duration::from_secs(1), stream.read(&mut answer)).await
                && read? == 0
            {
                return std::io::Result::Ok(());
            }
            stream.write_all(then).await?;
            stream.flush().await?;
        }
    };
    let _ = timeout(RENEWED_AFTER, dribbled).await;
}
