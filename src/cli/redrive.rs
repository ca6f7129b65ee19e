//! `bedrock-vpc-batch redrive`: shows what is in the failure queues of a stack, and sends it again.

use std::collections::HashSet;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};

use super::error::CliError;
use super::failure_message::Failure;
use super::output::{print_aside, print_line};
use super::stack::{Stack, StackArguments};
use crate::aws::sdk_error::classify;
use crate::base::count::Counted;
use crate::base::text;
use crate::base::timestamp::Timestamp;

/// The outputs of a stack that name its failure queues, and the functions that their events are for.
const QUEUES: [(&str, &str); 3] = [
    ("SubmitFailureQueueUrl", "SubmitFunctionName"),
    ("CompleteFailureQueueUrl", "CompleteFunctionName"),
    ("UndeliveredQueueUrl", "CompleteFunctionName"),
];

/// How long nobody else sees a message that is shown here, in seconds.
const HIDDEN_SECONDS: i32 = 60;

/// The most messages of a queue that are shown, because each is received to be shown.
const MAX_SHOWN: usize = 200;

#[derive(Debug, clap::Args)]
pub(super) struct RedriveArguments {
    /// Invoke the functions again with these events. A message is deleted once Lambda has accepted its event.
    #[arg(long)]
    send: bool,

    #[command(flatten)]
    stack: StackArguments,
}

/// The clients of the services that only this command uses.
struct Services {
    sqs: aws_sdk_sqs::Client,
    lambda: aws_sdk_lambda::Client,
}

/// Shows the messages of the failure queues. Returns true if none is left in them.
pub(super) async fn redrive(arguments: &RedriveArguments) -> Result<bool, CliError> {
    let stack = arguments.stack.open().await?;
    let services = Services {
        sqs: aws_sdk_sqs::Client::new(&stack.sdk),
        lambda: aws_sdk_lambda::Client::new(&stack.sdk),
    };
    let mut left = 0;
    for (queue, function) in QUEUES {
        left += empty(&stack, &services, queue, function, arguments.send).await?;
    }
    if left > 0 && !arguments.send {
        print_aside(
            "nothing was sent; once the causes are gone, --send invokes the functions again with these events",
        );
    }
    Ok(left == 0)
}

/// Shows the messages of a queue, and sends them if asked to. Returns how many are left.
async fn empty(
    stack: &Stack,
    services: &Services,
    queue: &str,
    function: &str,
    send: bool,
) -> Result<u64, CliError> {
    let output = |name: &str| {
        stack.values.get(name).ok_or_else(|| {
            CliError::Stack(format!(
                "{} has no output {name}: only a deployed stack of this project has failure queues",
                stack.name
            ))
        })
    };
    let (url, function) = (output(queue)?, output(function)?);
    let queue = queue.trim_end_matches("Url");
    let mut shown: Vec<Message> = Vec::new();
    let mut seen = HashSet::new();
    let mut left = 0;
    'messages: while shown.len() < MAX_SHOWN {
        let messages = receive(services, url).await?;
        if messages.is_empty() {
            break;
        }
        for message in messages {
            if !seen.insert(message.message_id.clone().unwrap_or_default()) {
                shown.push(message);
                break 'messages;
            }
            if !tell(services, queue, url, function, &message, send).await? {
                left += 1;
                shown.push(message);
            }
        }
    }
    release(services, url, &shown).await;
    if seen.is_empty() {
        print_line(&format!("{queue}: empty"))?;
    } else if seen.len() >= MAX_SHOWN {
        print_line(&format!("{queue}: there may be more than {}", Counted(seen.len() as u64, "message")))?;
    }
    Ok(left)
}

async fn receive(services: &Services, url: &str) -> Result<Vec<Message>, CliError> {
    let request = services.sqs.receive_message().queue_url(url).max_number_of_messages(10);
    let request = request.visibility_timeout(HIDDEN_SECONDS).wait_time_seconds(1);
    let request = request.message_attribute_names("All");
    let request = request.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
    let received = request.send().await;
    let received = received.map_err(|error| classify(format!("SQS ReceiveMessage {url}"), error))?;
    Ok(received.messages.unwrap_or_default())
}

/// Shows a message, and sends its event if asked to. Returns true if the message is gone.
async fn tell(
    services: &Services,
    queue: &str,
    url: &str,
    function: &str,
    message: &Message,
    send: bool,
) -> Result<bool, CliError> {
    let body = message.body().unwrap_or_default();
    let attribute = |name: &str| message.message_attributes()?.get(name)?.string_value();
    let when = sent(message).map(|time| format!(" {time}")).unwrap_or_default();
    let Some(failure) = Failure::read(body, attribute("ERROR_CODE"), attribute("ERROR_MESSAGE")) else {
        print_line(&format!(
            "{queue}:{when} not an event that the functions handle, so it is not sent: {}",
            text::name(body)
        ))?;
        return Ok(false);
    };
    print_line(&format!("{queue}:{when} {}\n  {}", text::line(&failure.about), text::line(&failure.why)))?;
    if !send {
        return Ok(false);
    }
    let payload = Blob::new(failure.event.to_string());
    let request = services.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
    let invoked = request.payload(payload).send().await;
    invoked.map_err(|error| classify(format!("Lambda Invoke {function}"), error))?;
    let request = services.sqs.delete_message().queue_url(url);
    let deleted = request.set_receipt_handle(message.receipt_handle.clone()).send().await;
    // An event that is sent twice does nothing the second time.
    deleted.map_err(|error| classify(format!("SQS DeleteMessage {url}"), error))?;
    print_line(&format!("  sent to {function}"))?;
    Ok(true)
}

/// When a message was sent to its queue.
fn sent(message: &Message) -> Option<Timestamp> {
    let milliseconds = message.attributes()?.get(&MessageSystemAttributeName::SentTimestamp)?;
    Some(Timestamp::from_secs(milliseconds.parse::<i64>().ok()? / 1_000))
}

/// Lets others see messages at once that are still in their queue. If that fails, they do so within a minute.
async fn release(services: &Services, url: &str, messages: &[Message]) {
    for message in messages {
        let request = services.sqs.change_message_visibility().queue_url(url).visibility_timeout(0);
        let _ = request.set_receipt_handle(message.receipt_handle.clone()).send().await;
    }
}
