//! The signals that end a run. SIGHUP is not among them, because handling it would undo `nohup`.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// What the terminal sends for Ctrl-C.
    CtrlC,
    /// What service managers and `kill` send.
    Terminate,
}

impl Interrupt {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CtrlC => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code that shells use for it: 128 plus the number of the signal.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::CtrlC => 130,
            Self::Terminate => 143,
        }
    }
}

/// Catches these signals from its creation on: they no longer end the process by themselves.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Interrupt::CtrlC,
            Some(()) = self.terminate.recv() => Interrupt::Terminate,
            else => std::future::pending().await,
        }
    }
}
