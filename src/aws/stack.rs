//! The settings of a stack's functions, as its outputs and parameters say them.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::Stack;

/// The functions' variables, and the outputs or parameters of a stack that they come from.
const VARIABLES: [(&str, &str); 23] = [
    ("INPUT_BUCKET", "InputBucketName"),
    ("OUTPUT_BUCKET", "OutputBucketName"),
    ("INPUT_PREFIX", "InputPrefix"),
    ("INPUT_SUFFIXES", "InputSuffixes"),
    ("JOB_NAME_PREFIX", "JobNamePrefix"),
    ("JOB_ROLE_ARN", "JobRoleArn"),
    ("MODEL_ID", "ModelId"),
    ("MODEL_INVOCATION_TYPE", "ModelInvocationType"),
    ("MODEL_RULES", "ModelRules"),
    ("ROUTE_MODEL_ARNS", "RouteModelArns"),
    ("TIMEOUT_DURATION_IN_HOURS", "TimeoutDurationInHours"),
    ("SUBNET_IDS", "JobSubnetIds"),
    ("SECURITY_GROUP_IDS", "JobSecurityGroupIds"),
    ("S3_ENCRYPTION_KEY_ID", "KmsKeyArn"),
    ("S3_LOCATION_PREFIXES", "S3LocationArns"),
    ("JOB_TAGS", "JobTags"),
    ("MIN_RECORDS_PER_JOB", "MinRecordsPerJob"),
    ("MAX_RECORDS_PER_JOB", "MaxRecordsPerJob"),
    ("MAX_INPUT_FILE_BYTES", "MaxInputFileBytes"),
    ("SMALL_DROPS", "SmallDrops"),
    ("REPAIR", "Repair"),
    ("MAX_RECORD_BYTES", "MaxRecordBytes"),
    ("MAX_DROP_BYTES", "MaxDropBytes"),
];

/// Returns the variables of the functions of a stack, given its outputs and its parameters by name.
pub(crate) fn variables(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |name: &str| values.get(name).filter(|value| !value.is_empty()).cloned();
    VARIABLES.iter().filter_map(|(variable, name)| Some(((*variable).to_owned(), value(name)?))).collect()
}

/// Returns the outputs of the stacks, and the parameters that are not also outputs, by name.
pub(crate) fn values(stacks: Vec<Stack>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for stack in stacks {
        for parameter in stack.parameters.unwrap_or_default() {
            let value = parameter.resolved_value.or(parameter.parameter_value);
            values.extend(parameter.parameter_key.zip(value));
        }
        for output in stack.outputs.unwrap_or_default() {
            values.extend(output.output_key.zip(output.output_value));
        }
    }
    values
}
