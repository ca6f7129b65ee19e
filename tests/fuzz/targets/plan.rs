#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bedrock_vpc_batch_fuzz::check("plan", data));
