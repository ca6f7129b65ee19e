//! What this thread logs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use bedrock_vpc_batch::aws::telemetry::json_lines;
use tracing::Level;
use tracing_subscriber::filter::Targets;

#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    /// Captures from now on what this thread logs, at any level.
    pub(crate) fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let captured = Self::default();
        let writer = captured.clone();
        let subscriber =
            json_lines("demo", Targets::new().with_default(Level::TRACE), move || writer.clone());
        (captured, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}
