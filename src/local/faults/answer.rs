//! Answers that are made up, read to their end, or slowed down.

use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use futures_util::stream::try_unfold;
use serde_json::json;

use super::body::body_of;
use super::call::Service;
use crate::aws::error::Error;

/// Reads an answer to its end, because S3 may start to answer before the call has its effect.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html> (read 2026-11)
pub(super) async fn read_to_end(answer: Result<HttpResponse, ConnectorError>) {
    if let Ok(answer) = answer {
        let mut body = ByteStream::new(answer.into_body());
        while let Some(Ok(_)) = body.next().await {}
    }
}

/// Slows a body down. A body of unknown length stays as it is.
pub(super) fn throttled(body: SdkBody, bytes_per_second: u64) -> SdkBody {
    let Some(bytes) = body.content_length() else { return body };
    let chunks = try_unfold(ByteStream::new(body), move |mut body| async move {
        let Some(chunk) = body.next().await else { return Ok(None) };
        let chunk = chunk.map_err(|error| Error::Internal(format!("throttled: {error}")))?;
        let pause = chunk.len() as u64 * 1_000_000 / bytes_per_second.max(1);
        tokio::time::sleep(Duration::from_micros(pause)).await;
        Ok(Some((chunk, body)))
    });
    body_of(chunks, bytes)
}

/// An error as the service would send it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (read 2026-11)
pub(super) fn refusal(
    service: Service,
    status: u16,
    code: &'static str,
    has_body: bool,
) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::user(error.into()))?;
    let (body, content_type, request_id) = match service {
        Service::S3 => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                 <Message>Injected.</Message><RequestId>INJECTED</RequestId><HostId>INJECTED</HostId></Error>"
            );
            (body, "application/xml", "x-amz-request-id")
        }
        Service::Bedrock => {
            (json!({"message": "Injected."}).to_string(), "application/json", "x-amzn-requestid")
        }
    };
    let body = if has_body { SdkBody::from(body) } else { SdkBody::empty() };
    let mut response = HttpResponse::new(status, body);
    response.headers_mut().insert("content-type", content_type);
    response.headers_mut().insert(request_id, "INJECTED");
    if service == Service::Bedrock {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    Ok(response)
}
