//! The command line.

mod arguments;
mod check_config;
mod client;
mod https;
mod manual;
mod ports;
#[cfg(unix)]
mod reload;
mod send;
mod serve;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod systemd;
