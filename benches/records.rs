//! Makes records as `tools/bench/data.py` does, in memory.

/// About 4 KB per record: a prompt with a document in it.
pub(crate) const LARGE: usize = 4_000;
/// About 200 bytes per record: a sentence to embed.
pub(crate) const SMALL: usize = 200;

const TEXT: &str = "Order 4711 arrived with a torn seam: \\\"about 4 cm\\\", next to the zip.\\nDer Kundendienst \
                    hat sich nicht gemeldet – das Zelt kam zu spät. 返品 \\u00e9 C:\\\\Users. ";

/// Makes a drop of at least `bytes` bytes, with records of about `record_bytes` each.
pub(crate) fn input(record_bytes: usize, bytes: usize) -> Vec<u8> {
    lines(record_bytes, bytes, "")
}

/// Makes an output of Bedrock over such records, of at least `bytes` bytes.
pub(crate) fn output(record_bytes: usize, bytes: usize) -> Vec<u8> {
    let answer = r#","modelOutput":{"content":[{"type":"text","text":"Sorry – a new tent is on its way."}],"stop_reason":"end_turn","usage":{"input_tokens":301,"output_tokens":12}}"#;
    lines(record_bytes, bytes, answer)
}

fn lines(record_bytes: usize, bytes: usize, end: &str) -> Vec<u8> {
    let text: String = TEXT.repeat((record_bytes / TEXT.len()).max(1));
    let mut lines = Vec::new();
    let mut number = 0;
    while lines.len() < bytes {
        let line = format!(
            "{{\"recordId\":\"R{number:011}\",\"modelInput\":{{\"max_tokens\":512,\"inputText\":\"{text}\"}}{end}}}\n"
        );
        lines.extend_from_slice(line.as_bytes());
        number += 1;
    }
    lines
}
