//! Bedrock stand-in.
