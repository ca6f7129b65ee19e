//! A body of a known length that is produced while it is sent.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use futures_util::stream::Stream;
use http_body::{Body, Frame, SizeHint};

use crate::aws::error::Error;

/// Makes a body of these chunks, which have `bytes` bytes together.
pub(super) fn body_of(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    bytes: u64,
) -> SdkBody {
    SdkBody::from_body_1_x(Chunks { chunks: Mutex::new(Box::pin(chunks)), bytes })
}

type ChunkStream = dyn Stream<Item = Result<Bytes, Error>> + Send;

/// A body of a known length.
struct Chunks {
    /// Only the owner of the body uses this, which the compiler cannot know.
    chunks: Mutex<Pin<Box<ChunkStream>>>,
    bytes: u64,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let chunks = self.get_mut().chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
        chunks.as_mut().poll_next(context).map_ok(Frame::data)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}
