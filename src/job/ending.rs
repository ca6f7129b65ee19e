//! What Bedrock says about a job that is over: `GetModelInvocationJob` and the manifest. Pure.

/// `manifest.json.out`, as far as it is used. A job that failed may have none.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "AWS's names")]
pub struct Manifest {
    pub total_record_count: Option<u64>,
    pub processed_record_count: Option<u64>,
    pub success_record_count: Option<u64>,
    pub error_record_count: Option<u64>,
    pub input_token_count: Option<u64>,
    pub output_token_count: Option<u64>,
}

impl Manifest {
    /// Reads a manifest. A member that is not a count is left out; anything but a JSON object has none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let count = |name| manifest.get(name).and_then(serde_json::Value::as_u64);
        Self {
            total_record_count: count("totalRecordCount"),
            processed_record_count: count("processedRecordCount"),
            success_record_count: count("successRecordCount"),
            error_record_count: count("errorRecordCount"),
            input_token_count: count("inputTokenCount"),
            output_token_count: count("outputTokenCount"),
        }
    }
}

/// What `GetModelInvocationJob` says of a job that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The terminal status, as the API spells it.
    pub status: String,
    /// Bedrock's message, if it failed.
    pub message: Option<String>,
    /// The model that ran, as a full ARN.
    pub model_id: String,
    /// When it was submitted, in ISO 8601.
    pub submit_time: String,
    /// When it ended. For an expired job AWS gives a time that has nothing to do with its end.
    pub end_time: Option<String>,
    /// Records of the job, once counted.
    pub total_record_count: Option<u64>,
    /// Records with an answer or an error, once counted.
    pub processed_record_count: Option<u64>,
    /// Records with an answer, once counted.
    pub success_record_count: Option<u64>,
    /// Records with an error, once counted.
    pub error_record_count: Option<u64>,
}
