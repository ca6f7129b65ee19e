//! What is certain to fail, by format of the body: one row per fact, with its fix and its source. Pure.
//!
//! A row belongs here only if the provider says that the body is refused, or if the refusal was seen. Bodies are judged by
//! what is in them, so a limit that a provider raises can make a row wrong: `MODEL_RULES=off` disables all of them.

use crate::model::family::Family;
use crate::model::fault::Fault;
use crate::model::fault::Fault::{
    All, Any, Both, Empty, Has, HasOther, IsOneOf, IsTrue, Lacks, Longer, NotA, NotBelow, NotOneOf,
    NotOneOfNumbers, NotReadable, NotTheModel, Outside,
};
use crate::model::fault::Type::{Boolean, Integer, List, Number, NumberInText, Object, Text};

/// Whose format a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// That of `Converse`, which is the same for all models.
    Converse,
    /// That of a family, in an `InvokeModel` job.
    Native(Family),
}

impl Format {
    /// Returns the format's name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Converse => "Converse",
            Self::Native(family) => family.name(),
        }
    }
}

/// A way in which a body is certain to fail.
#[derive(Debug)]
pub struct Fact {
    /// Says which kind of fault it is, in kebab case.
    pub code: &'static str,
    /// The formats that it is about.
    pub formats: &'static [Format],
    /// The starts of the ids of the models that it is about. Empty: all models.
    pub models: &'static [&'static str],
    /// What to do about it.
    pub fix: &'static str,
    /// The page or thread that says so (read 2026-11).
    pub source: &'static str,
    pub(super) fault: Fault,
    /// Paths whose presence makes it uncertain.
    pub(super) unless: &'static [&'static str],
    /// Whether the body is meant for something else, so that nothing more need be said about it.
    pub(super) is_all_there_is_to_say: bool,
}

impl Fact {
    const fn only(mut self, models: &'static [&'static str]) -> Self {
        self.models = models;
        self
    }

    const fn unless(mut self, paths: &'static [&'static str]) -> Self {
        self.unless = paths;
        self
    }

    const fn alone(mut self) -> Self {
        self.is_all_there_is_to_say = true;
        self
    }
}

/// Returns all facts. Those about bodies that are meant for something else come first.
pub fn all_facts() -> impl Iterator<Item = &'static Fact> {
    [
        FOREIGN,
        CLAUDE,
        CLAUDE_LIMITS,
        NOVA,
        TITAN,
        LLAMA,
        MISTRAL,
        COHERE,
        OPENAI,
        CONVERSE,
        CONVERSE_LIMITS,
        MEDIA,
    ]
    .into_iter()
    .flatten()
}

const fn fact(
    formats: &'static [Format],
    code: &'static str,
    fault: Fault,
    fix: &'static str,
    source: &'static str,
) -> Fact {
    Fact { code, formats, models: &[], fix, source, fault, unless: &[], is_all_there_is_to_say: false }
}

macro_rules! bedrock_page {
    ($page:literal) => {
        concat!("https://docs.aws.amazon.com/bedrock/latest/userguide/", $page)
    };
}

const CLAUDE_PAGE: &str = bedrock_page!("model-parameters-anthropic-claude-messages-request-response.html");
const NOVA_PAGE: &str = "https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html";
const TITAN_TEXT_PAGE: &str = bedrock_page!("model-parameters-titan-text.html");
const TITAN_EMBED_TEXT_PAGE: &str = bedrock_page!("model-parameters-titan-embed-text.html");
const TITAN_EMBED_IMAGE_PAGE: &str = bedrock_page!("model-parameters-titan-embed-mm.html");
const LLAMA_PAGE: &str = bedrock_page!("model-parameters-meta.html");
const MISTRAL_TEXT_PAGE: &str = bedrock_page!("model-parameters-mistral-text-completion.html");
const MISTRAL_CHAT_PAGE: &str = bedrock_page!("model-parameters-mistral-chat-completion.html");
const COHERE_EMBED_PAGE: &str = bedrock_page!("model-parameters-embed-v3.html");
const COHERE_COMMAND_PAGE: &str = bedrock_page!("model-parameters-cohere-command-r-plus.html");
const OPENAI_PAGE: &str = bedrock_page!("model-parameters-openai.html");
const DEEPSEEK_PAGE: &str = bedrock_page!("model-parameters-deepseek.html");
const CHAT_PAGE: &str = bedrock_page!("inference-chat-completions.html");
const BATCH_PAGE: &str = bedrock_page!("batch-inference.html");
const DATA_PAGE: &str = bedrock_page!("batch-inference-data.html");
const ROLE_PAGE: &str = bedrock_page!("batch-iam-sr.html");
const CONVERSE_PAGE: &str =
    "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html";
const MESSAGE_PAGE: &str = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html";
const INFERENCE_PAGE: &str =
    "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html";
/// AWS tests its servers with this: an object of a union with a second member, even an unknown one, is refused.
const UNION_TESTS: &str = "https://github.com/smithy-lang/smithy/blob/main/smithy-aws-protocol-tests/model/restJson1/validation/malformed-union.smithy";
const MESSAGES_PAGE: &str = "https://docs.anthropic.com/en/api/messages";
const THINKING_PAGE: &str = "https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking";
/// An error of Claude on Bedrock that names a member it does not know; a record of a batch with `modelId` fails so.
const EXTRA_INPUTS: &str = "https://github.com/maximhq/bifrost/pull/4516";
const STREAM_REFUSED: &str = "https://github.com/sigoden/aichat/issues/543";
const SYSTEM_REFUSED: &str = "https://github.com/LeenHawk/gproxy/issues/209";
const BOTH_REFUSED: &str = "https://github.com/aws-samples/bedrock-access-gateway/pull/238";
const SAMPLING_REFUSED: &str = "https://github.com/promptfoo/promptfoo/issues/10307";
const OPUS_4_7_CARD: &str = bedrock_page!("model-card-anthropic-claude-opus-4-7.html");
const NOVA_KEYS_REFUSED: &str = "https://github.com/logancyang/obsidian-copilot/issues/2145";
const LLAMA_KEYS_REFUSED: &str = "https://github.com/continuedev/continue/issues/1260";
const TITAN_KEYS_REFUSED: &str = "https://github.com/aws-samples/serverless-pdf-chat/issues/35";

const CONVERSE_ONLY: &[Format] = &[Format::Converse];
const CLAUDE_ONLY: &[Format] = &[Format::Native(Family::Claude)];
const NOVA_ONLY: &[Format] = &[Format::Native(Family::Nova)];
const TITAN_TEXT_ONLY: &[Format] = &[Format::Native(Family::TitanText)];
const TITAN_EMBED_TEXT_ONLY: &[Format] = &[Format::Native(Family::TitanEmbedText)];
const TITAN_EMBED_IMAGE_ONLY: &[Format] = &[Format::Native(Family::TitanEmbedImage)];
const LLAMA_ONLY: &[Format] = &[Format::Native(Family::Llama)];
const MISTRAL_TEXT_ONLY: &[Format] = &[Format::Native(Family::MistralText)];
const MISTRAL_CHAT_ONLY: &[Format] = &[Format::Native(Family::MistralChat)];
const COHERE_EMBED_ONLY: &[Format] = &[Format::Native(Family::CohereEmbed)];
const COHERE_COMMAND_ONLY: &[Format] = &[Format::Native(Family::CohereCommand)];
const OPENAI_ONLY: &[Format] = &[Format::Native(Family::OpenAi)];
const DEEPSEEK_R1_ONLY: &[Format] = &[Format::Native(Family::DeepSeekR1)];
const OPENAI_SHAPED: &[Format] = &[Format::Native(Family::OpenAi), Format::Native(Family::OpenAiShaped)];
const WITH_MESSAGES: &[Format] = &[
    Format::Converse,
    Format::Native(Family::Claude),
    Format::Native(Family::Nova),
    Format::Native(Family::OpenAi),
    Format::Native(Family::OpenAiShaped),
];
const WITH_PROMPT: &[Format] = &[Format::Native(Family::Llama), Format::Native(Family::MistralText)];
const WITH_MEDIA: &[Format] = &[Format::Converse, Format::Native(Family::Nova)];
const ALL: &[Format] = &[
    Format::Converse,
    Format::Native(Family::Claude),
    Format::Native(Family::Nova),
    Format::Native(Family::TitanText),
    Format::Native(Family::TitanEmbedText),
    Format::Native(Family::TitanEmbedImage),
    Format::Native(Family::Llama),
    Format::Native(Family::MistralText),
    Format::Native(Family::MistralChat),
    Format::Native(Family::CohereEmbed),
    Format::Native(Family::CohereCommand),
    Format::Native(Family::OpenAi),
    Format::Native(Family::DeepSeekR1),
    Format::Native(Family::OpenAiShaped),
];

/// What the bodies of all formats are about. A body without any of it says nothing to any model.
const NO_INPUT: Fault = Lacks {
    within: "",
    any_of: &["messages", "prompt", "inputText", "inputImage", "texts", "images", "inputs", "message"],
};

/// Bodies that are meant for something else, and that the model must refuse for what they lack.
static FOREIGN: &[Fact] = &[
    fact(
        ALL,
        "body-is-a-record",
        All {
            what: "`modelInput` has another record in it",
            of: &[Has { within: "", any_of: &["modelInput"] }, NO_INPUT],
        },
        "put the body of the inner modelInput directly into the record's modelInput",
        DATA_PAGE,
    )
    .alone(),
    fact(
        ALL,
        "body-is-a-batch-request",
        All {
            what: "`modelInput` has a request of another batch service in it",
            of: &[
                Has { within: "", any_of: &["custom_id", "method", "url"] },
                Has { within: "", any_of: &["body", "params"] },
                NO_INPUT,
            ],
        },
        "convert the original file with `bedrock-vpc-batch prepare`, or put only the request's body into modelInput, in the \
         format of the model",
        DATA_PAGE,
    )
    .alone(),
    fact(
        WITH_MESSAGES,
        "body-langchain-message",
        Any(&[
            All {
                what: "a message is a serialized LangChain object, which no model reads",
                of: &[
                    Any(&[
                        Has { within: "messages[]", any_of: &["lc"] },
                        IsOneOf {
                            path: "messages[].type",
                            texts: &["human", "ai", "system", "tool", "function", "chat", "constructor"],
                        },
                    ]),
                    Lacks { within: "messages[]", any_of: &["role"] },
                ],
            },
            All {
                what: "the body is a serialized LangChain object, which no model reads",
                of: &[Has { within: "", any_of: &["lc"] }, NO_INPUT],
            },
        ]),
        "write each message as an object with role (user for human, assistant for ai) and content, in the format of the \
         model",
        "https://python.langchain.com/docs/how_to/serialization/",
    )
    .alone(),
    fact(
        CLAUDE_ONLY,
        "body-converse-in-invoke-model",
        All {
            what: "the body is one of Converse, but the job's type is InvokeModel",
            of: &[
                Lacks { within: "", any_of: &["anthropic_version"] },
                Has { within: "", any_of: &["inferenceConfig", "toolConfig", "additionalModelRequestFields"] },
            ],
        },
        CONVERSE_FIX,
        DATA_PAGE,
    )
    .alone(),
    fact(
        WITH_PROMPT,
        "body-converse-in-invoke-model",
        All {
            what: "the body is one of Converse, but the job's type is InvokeModel",
            of: &[
                Lacks { within: "", any_of: &["prompt"] },
                Has { within: "", any_of: &["messages"] },
                Has { within: "messages[].content[]", any_of: &["text"] },
                Lacks { within: "messages[].content[]", any_of: &["type"] },
            ],
        },
        CONVERSE_FIX,
        DATA_PAGE,
    )
    .alone(),
    fact(
        OPENAI_SHAPED,
        "body-converse-in-invoke-model",
        All {
            what: "the body is one of Converse, but the job's type is InvokeModel",
            of: &[
                Has { within: "messages[].content[]", any_of: &["text"] },
                Lacks { within: "messages[].content[]", any_of: &["type"] },
            ],
        },
        CONVERSE_FIX,
        CHAT_PAGE,
    )
    .alone(),
    fact(
        CLAUDE_ONLY,
        "body-openai-for-claude",
        All {
            what: "the body is one of OpenAI's chat completions",
            of: &[
                Lacks { within: "", any_of: &["anthropic_version"] },
                Has { within: "", any_of: &["messages"] },
                Any(&[
                    IsOneOf { path: "messages[].role", texts: &["system", "developer", "tool", "function"] },
                    Has {
                        within: "",
                        any_of: &[
                            "max_completion_tokens",
                            "response_format",
                            "frequency_penalty",
                            "presence_penalty",
                            "n",
                            "seed",
                            "logprobs",
                        ],
                    },
                ]),
            ],
        },
        "write the body in Claude's format: anthropic_version, max_tokens, the system prompt in system, and messages of user \
         and assistant; `bedrock-vpc-batch prepare` converts OpenAI batch files",
        CLAUDE_PAGE,
    )
    .alone(),
    fact(
        CONVERSE_ONLY,
        "body-invoke-model-in-converse",
        All {
            what: "the body is one of InvokeModel, but the job's type is Converse",
            of: &[
                Has { within: "", any_of: &["anthropic_version"] },
                Any(&[
                    NotA { path: "messages[].content", types: &[List] },
                    Has { within: "messages[].content[]", any_of: &["type"] },
                    Lacks { within: "", any_of: &["messages"] },
                ]),
            ],
        },
        "set MODEL_INVOCATION_TYPE (the parameter ModelInvocationType) to InvokeModel, or write the body in the format of \
         Converse",
        DATA_PAGE,
    )
    .alone(),
    fact(
        CONVERSE_ONLY,
        "body-invoke-model-in-converse",
        All {
            what: "the body is one of InvokeModel, but the job's type is Converse",
            of: &[
                Lacks { within: "", any_of: &["messages"] },
                Has { within: "", any_of: &["prompt", "inputText", "texts", "inputImage"] },
            ],
        },
        "set MODEL_INVOCATION_TYPE (the parameter ModelInvocationType) to InvokeModel, or write the body in the format of \
         Converse",
        DATA_PAGE,
    )
    .unless(&["promptVariables"])
    .alone(),
];

const CONVERSE_FIX: &str = "set MODEL_INVOCATION_TYPE (the parameter ModelInvocationType) to Converse if all \
                            records are for it, or write the body in the model's own format (schemaVersion is Amazon \
                            Nova's)";

/// Claude models that refuse temperature together with `top_p`.
const NOT_BOTH: &[&str] = &[
    "anthropic.claude-opus-4-1",
    "anthropic.claude-opus-4-5",
    "anthropic.claude-sonnet-4-5",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-haiku-4-5",
];

/// Claude models without sampling parameters and without a budget for thinking.
const ADAPTIVE: &[&str] = &[
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-5",
];

/// Claude models that refuse the role system anywhere in messages.
const NO_SYSTEM_ROLE: &[&str] = &[
    "anthropic.claude-3",
    "anthropic.claude-haiku-4-5",
    "anthropic.claude-sonnet-4",
    "anthropic.claude-opus-4-1",
    "anthropic.claude-opus-4-2",
    "anthropic.claude-opus-4-5",
];

static CLAUDE: &[Fact] = &[
    fact(
        CLAUDE_ONLY,
        "body-anthropic-version",
        Any(&[
            Lacks { within: "", any_of: &["anthropic_version"] },
            NotOneOf { path: "anthropic_version", texts: &["bedrock-2023-05-31"] },
        ]),
        "add \"anthropic_version\": \"bedrock-2023-05-31\" to the body, exactly so",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-max-tokens",
        Any(&[
            Lacks { within: "", any_of: &["max_tokens"] },
            NotA { path: "max_tokens", types: &[Integer, NumberInText] },
            Outside { path: "max_tokens", min: 0.0, max: f64::INFINITY },
        ]),
        "set max_tokens to the largest number of tokens that an answer may have",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-messages",
        Any(&[
            Lacks { within: "", any_of: &["messages"] },
            NotA { path: "messages", types: &[List] },
            NotA { path: "messages[]", types: &[Object] },
            Empty { path: "messages" },
        ]),
        "put the prompt into messages, as in \"messages\": [{\"role\": \"user\", \"content\": \"…\"}]",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-member-not-allowed",
        Has { within: "", any_of: &["model", "modelId"] },
        "remove it: the setting MODEL_ID decides which model answers",
        EXTRA_INPUTS,
    ),
    fact(
        CLAUDE_ONLY,
        "body-stream",
        Has { within: "", any_of: &["stream"] },
        "remove it: a batch does not stream",
        STREAM_REFUSED,
    ),
    fact(
        CLAUDE_ONLY,
        "body-member-of-another-format",
        Has {
            within: "",
            any_of: &[
                "maxTokens",
                "max_tokens_to_sample",
                "max_completion_tokens",
                "max_gen_len",
                "inferenceConfig",
                "toolConfig",
                "additionalModelRequestFields",
                "response_format",
                "frequency_penalty",
                "presence_penalty",
                "logprobs",
                "n",
                "seed",
                "stop",
                "prompt",
                "inputText",
                "recordId",
                "modelInput",
                "custom_id",
            ],
        },
        "remove it, or use Claude's own member: max_tokens, stop_sequences, tools, tool_choice, messages",
        "https://github.com/BerriAI/litellm/issues/15172",
    ),
    fact(
        CLAUDE_ONLY,
        "body-message-role",
        Any(&[
            Lacks { within: "messages[]", any_of: &["role"] },
            NotOneOf { path: "messages[].role", texts: &["user", "assistant", "system"] },
        ]),
        "give each message the role user or assistant",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-system-message",
        IsOneOf { path: "messages[].role", texts: &["system"] },
        "put the system prompt into the member system, beside messages",
        "https://github.com/anthropics/claude-agent-sdk-typescript/issues/350",
    )
    .only(NO_SYSTEM_ROLE),
    fact(
        CLAUDE_ONLY,
        "body-system-message",
        IsOneOf { path: "messages[0].role", texts: &["system"] },
        "put the system prompt into the member system, beside messages",
        SYSTEM_REFUSED,
    )
    .unless(&["messages[0].output_config"]),
    fact(
        CLAUDE_ONLY,
        "body-message-content",
        Any(&[
            Lacks { within: "messages[]", any_of: &["content"] },
            NotA { path: "messages[].content", types: &[Text, List] },
        ]),
        "give each message a content: a text, or a list of blocks such as {\"type\": \"text\", \"text\": \"…\"}",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-content-block",
        Any(&[
            NotA { path: "messages[].content[]", types: &[Object] },
            Lacks { within: "messages[].content[]", any_of: &["type"] },
            IsOneOf {
                path: "messages[].content[].type",
                texts: &[
                    "image_url",
                    "input_text",
                    "output_text",
                    "input_image",
                    "input_audio",
                    "input_file",
                    "file",
                ],
            },
        ]),
        "write each block as Claude reads it, as in {\"type\": \"text\", \"text\": \"…\"}, or {\"type\": \"image\", \"source\": \
         {\"type\": \"base64\", …}}",
        MESSAGES_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-system",
        Any(&[
            NotA { path: "system", types: &[Text, List] },
            NotA { path: "system[]", types: &[Object] },
            Lacks { within: "system[]", any_of: &["type"] },
        ]),
        "write system as a text, or as a list of {\"type\": \"text\", \"text\": \"…\"}",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-temperature",
        Any(&[
            NotA { path: "temperature", types: &[Number, NumberInText] },
            Outside { path: "temperature", min: 0.0, max: 1.0 },
        ]),
        "set temperature to a number from 0 to 1, or remove it",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-top-p",
        Any(&[
            NotA { path: "top_p", types: &[Number, NumberInText] },
            Outside { path: "top_p", min: 0.0, max: 1.0 },
        ]),
        "set top_p to a number from 0 to 1, or remove it",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-temperature-and-top-p",
        Both { one: "temperature", other: "top_p" },
        "remove one of the two: this model accepts only one of them",
        BOTH_REFUSED,
    )
    .only(NOT_BOTH),
    fact(
        CLAUDE_ONLY,
        "body-sampling",
        Any(&[
            Outside { path: "temperature", min: 1.0, max: 1.0 },
            Outside { path: "top_p", min: 0.99, max: 1.0 },
            Outside { path: "top_k", min: 0.0, max: 0.0 },
        ]),
        "remove temperature, top_p, and top_k: this model refuses all other values than its own",
        SAMPLING_REFUSED,
    )
    .only(ADAPTIVE),
    fact(
        CLAUDE_ONLY,
        "body-thinking",
        IsOneOf { path: "thinking.type", texts: &["enabled"] },
        "write \"thinking\": {\"type\": \"adaptive\"}: this model decides itself how long it thinks",
        OPUS_4_7_CARD,
    )
    .only(ADAPTIVE),
    fact(
        CLAUDE_ONLY,
        "body-thinking-budget",
        Outside { path: "thinking.budget_tokens", min: 1024.0, max: f64::INFINITY },
        "set thinking.budget_tokens to at least 1024, and max_tokens to more than that",
        THINKING_PAGE,
    ),
    // With interleaved thinking, which needs tools, the budget may be larger.
    fact(
        CLAUDE_ONLY,
        "body-thinking-budget",
        NotBelow { path: "thinking.budget_tokens", limit: "max_tokens" },
        "set max_tokens to more than thinking.budget_tokens",
        THINKING_PAGE,
    )
    .unless(&["tools"]),
    fact(
        CLAUDE_ONLY,
        "body-thinking-temperature",
        All {
            what: "`temperature` is not 1, although thinking is enabled",
            of: &[
                Outside { path: "temperature", min: 1.0, max: 1.0 },
                IsOneOf { path: "thinking.type", texts: &["enabled"] },
            ],
        },
        "remove temperature, or thinking",
        THINKING_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-tools",
        Any(&[
            NotA { path: "tools", types: &[List] },
            Has { within: "tools[]", any_of: &["function", "toolSpec"] },
        ]),
        "write each tool as Claude reads it: {\"name\": \"…\", \"description\": \"…\", \"input_schema\": {…}}",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-tool-choice",
        NotA { path: "tool_choice", types: &[Object] },
        "write tool_choice as an object, such as {\"type\": \"auto\"}",
        CLAUDE_PAGE,
    ),
    fact(
        CLAUDE_ONLY,
        "body-stop-sequences",
        NotA { path: "stop_sequences", types: &[List] },
        "write stop_sequences as a list of texts",
        CLAUDE_PAGE,
    ),
];

const LIMIT_FIX: &str = "set the limit to what the model can write at most, or less";

/// A ceiling of a Claude model, in its own format. Some of Anthropic's beta headers raise it.
const fn claude_limit(models: &'static [&'static str], fault: Fault, source: &'static str) -> Fact {
    fact(CLAUDE_ONLY, "body-max-tokens-above-ceiling", fault, LIMIT_FIX, source)
        .only(models)
        .unless(&["anthropic_beta"])
}

const fn converse_limit(models: &'static [&'static str], fault: Fault, source: &'static str) -> Fact {
    fact(CONVERSE_ONLY, "body-max-tokens-above-ceiling", fault, LIMIT_FIX, source)
        .only(models)
        .unless(&["additionalModelRequestFields.anthropic_beta"])
}

const fn at_most(path: &'static str, max: f64) -> Fault {
    Outside { path, min: f64::NEG_INFINITY, max }
}

const CLAUDE_4K: &[&str] =
    &["anthropic.claude-3-haiku", "anthropic.claude-3-sonnet", "anthropic.claude-3-opus"];
const CLAUDE_8K: &[&str] = &["anthropic.claude-3-5-haiku", "anthropic.claude-3-5-sonnet"];
const CLAUDE_32K: &[&str] = &["anthropic.claude-opus-4-1", "anthropic.claude-opus-4-2"];
const CLAUDE_64_KI: &[&str] = &["anthropic.claude-sonnet-4-2"];
const CLAUDE_64K: &[&str] =
    &["anthropic.claude-opus-4-5", "anthropic.claude-sonnet-4-5", "anthropic.claude-haiku-4-5"];
const CLAUDE_128K: &[&str] = &[
    "anthropic.claude-opus-4-6",
    "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
    "anthropic.claude-opus-5",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-sonnet-5",
];

const LIMIT_4K: &str = "https://github.com/vercel/ai/issues/2772";
const LIMIT_8K: &str = "https://docs.anthropic.com/en/docs/about-claude/models/all-models";
const LIMIT_32K: &str = "https://github.com/charmbracelet/crush/issues/946";
/// The documents say 64K, and leave open which K. No error was found that says it, so the larger one counts.
const LIMIT_64_KI: &str = "https://docs.anthropic.com/en/docs/about-claude/models/overview";
const LIMIT_64K: &str = "https://github.com/AndyMik90/Aperant/issues/1183";
const LIMIT_128K: &str = "https://github.com/Effect-TS/effect/pull/7129";

/// The ceilings of Claude models, as their errors say them.
static CLAUDE_LIMITS: &[Fact] = &[
    claude_limit(CLAUDE_4K, at_most("max_tokens", 4_096.0), LIMIT_4K),
    claude_limit(CLAUDE_8K, at_most("max_tokens", 8_192.0), LIMIT_8K),
    claude_limit(CLAUDE_32K, at_most("max_tokens", 32_768.0), LIMIT_32K),
    claude_limit(CLAUDE_64_KI, at_most("max_tokens", 65_536.0), LIMIT_64_KI),
    claude_limit(CLAUDE_64K, at_most("max_tokens", 64_000.0), LIMIT_64K),
    claude_limit(CLAUDE_128K, at_most("max_tokens", 128_000.0), LIMIT_128K),
];

/// The Nova models of the first generation, except Premier, whose ceiling has changed.
const NOVA_1: &[&str] = &["amazon.nova-micro", "amazon.nova-lite", "amazon.nova-pro"];
const NOVA_2: &[&str] = &["amazon.nova-2-lite"];
const NOVA_1_LIMIT: &str = "https://github.com/BerriAI/litellm/pull/23198";
const NOVA_2_LIMIT: &str = "https://docs.aws.amazon.com/nova/latest/nova2-userguide/what-is-nova-2.html";

static NOVA: &[Fact] = &[
    fact(
        NOVA_ONLY,
        "body-messages",
        Any(&[
            Lacks { within: "", any_of: &["messages"] },
            NotA { path: "messages", types: &[List] },
            NotA { path: "messages[]", types: &[Object] },
            Empty { path: "messages" },
        ]),
        "put the prompt into messages, as in \"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"…\"}]}]",
        NOVA_PAGE,
    ),
    fact(
        NOVA_ONLY,
        "body-member-of-another-format",
        Has {
            within: "",
            any_of: &[
                "max_tokens",
                "max_completion_tokens",
                "max_gen_len",
                "max_tokens_to_sample",
                "maxTokens",
                "anthropic_version",
                "textGenerationConfig",
                "prompt",
                "inputText",
                "recordId",
                "modelInput",
                "custom_id",
            ],
        },
        "remove it; Nova reads the limit of an answer from inferenceConfig.maxTokens",
        NOVA_KEYS_REFUSED,
    ),
    fact(
        NOVA_ONLY,
        "body-member-not-allowed",
        Has { within: "", any_of: &["model", "modelId"] },
        "remove it: the setting MODEL_ID decides which model answers",
        NOVA_KEYS_REFUSED,
    ),
    fact(
        NOVA_ONLY,
        "body-stream",
        Has { within: "", any_of: &["stream"] },
        "remove it: a batch does not stream",
        NOVA_KEYS_REFUSED,
    ),
    fact(
        NOVA_ONLY,
        "body-message-role",
        Any(&[
            Lacks { within: "messages[]", any_of: &["role"] },
            NotOneOf { path: "messages[].role", texts: &["user", "assistant"] },
        ]),
        "give each message the role user or assistant; the system prompt belongs into the member system",
        NOVA_PAGE,
    ),
    fact(
        NOVA_ONLY,
        "body-message-content",
        Any(&[
            Lacks { within: "messages[]", any_of: &["content"] },
            NotA { path: "messages[].content", types: &[List] },
        ]),
        "write content as a list, as in [{\"text\": \"…\"}]",
        NOVA_PAGE,
    ),
    fact(
        NOVA_ONLY,
        "body-content-block",
        Any(&[
            NotA { path: "messages[].content[]", types: &[Object] },
            Has { within: "messages[].content[]", any_of: &["type"] },
            NotA { path: "messages[].content[].text", types: &[Text] },
        ]),
        "write each block without type, as in {\"text\": \"…\"}",
        "https://github.com/crmne/ruby_llm/issues/586",
    ),
    fact(
        NOVA_ONLY,
        "body-system",
        Any(&[NotA { path: "system", types: &[List] }, NotA { path: "system[]", types: &[Object] }]),
        "write system as a list, as in [{\"text\": \"…\"}]",
        NOVA_PAGE,
    ),
    fact(
        NOVA_ONLY,
        "body-inference-config",
        Any(&[
            NotA { path: "inferenceConfig", types: &[Object] },
            NotA { path: "inferenceConfig.maxTokens", types: &[Integer] },
            Outside { path: "inferenceConfig.maxTokens", min: 1.0, max: f64::INFINITY },
            NotA { path: "inferenceConfig.temperature", types: &[Number] },
            Outside { path: "inferenceConfig.temperature", min: 0.0, max: 1.0 },
            NotA { path: "inferenceConfig.topP", types: &[Number] },
            Outside { path: "inferenceConfig.topP", min: 0.0, max: 1.0 },
            Outside { path: "inferenceConfig.topK", min: 0.0, max: 128.0 },
            NotA { path: "inferenceConfig.stopSequences", types: &[List] },
        ]),
        "correct it: maxTokens is a whole number of at least 1, temperature and topP are from 0 to 1, topK is from 0 to 128",
        NOVA_PAGE,
    ),
    fact(
        NOVA_ONLY,
        "body-max-tokens-above-ceiling",
        at_most("inferenceConfig.maxTokens", 10_000.0),
        LIMIT_FIX,
        NOVA_1_LIMIT,
    )
    .only(NOVA_1),
    fact(
        NOVA_ONLY,
        "body-max-tokens-above-ceiling",
        at_most("inferenceConfig.maxTokens", 65_536.0),
        LIMIT_FIX,
        NOVA_2_LIMIT,
    )
    .only(NOVA_2),
    fact(
        NOVA_ONLY,
        "body-media-not-read",
        Has { within: "messages[].content[]", any_of: &["image", "video"] },
        "remove images and videos, or use a model that reads them: Nova Micro reads only text",
        NOVA_PAGE,
    )
    .only(&["amazon.nova-micro"]),
];

static TITAN: &[Fact] = &[
    fact(
        TITAN_EMBED_TEXT_ONLY,
        "body-input-text",
        Any(&[Lacks { within: "", any_of: &["inputText"] }, NotA { path: "inputText", types: &[Text] }]),
        "put one text into inputText, as a text",
        TITAN_EMBED_TEXT_PAGE,
    ),
    fact(
        TITAN_EMBED_TEXT_ONLY,
        "body-member-of-another-format",
        HasOther { within: "", than: &["inputText"] },
        "remove it: this model reads only inputText",
        TITAN_KEYS_REFUSED,
    )
    .only(&["amazon.titan-embed-text-v1", "amazon.titan-embed-g1-text"]),
    fact(
        TITAN_EMBED_TEXT_ONLY,
        "body-dimensions",
        NotOneOfNumbers { path: "dimensions", numbers: &[256.0, 512.0, 1024.0] },
        "set dimensions to 256, 512, or 1024, or remove it",
        TITAN_EMBED_TEXT_PAGE,
    ),
    fact(
        TITAN_EMBED_TEXT_ONLY,
        "body-normalize",
        NotA { path: "normalize", types: &[Boolean] },
        "set normalize to true or false, or remove it",
        TITAN_EMBED_TEXT_PAGE,
    ),
    fact(
        TITAN_EMBED_TEXT_ONLY,
        "body-embedding-types",
        Any(&[
            NotA { path: "embeddingTypes", types: &[List] },
            NotOneOf { path: "embeddingTypes[]", texts: &["float", "binary"] },
        ]),
        "write embeddingTypes as a list of \"float\", \"binary\", or both",
        TITAN_EMBED_TEXT_PAGE,
    ),
    fact(
        TITAN_EMBED_IMAGE_ONLY,
        "body-input-text",
        Any(&[
            Lacks { within: "", any_of: &["inputText", "inputImage"] },
            NotA { path: "inputText", types: &[Text] },
            NotA { path: "inputImage", types: &[Text] },
        ]),
        "put a text into inputText, or an image in Base64 into inputImage, or both",
        TITAN_EMBED_IMAGE_PAGE,
    ),
    fact(
        TITAN_EMBED_IMAGE_ONLY,
        "body-dimensions",
        NotOneOfNumbers { path: "embeddingConfig.outputEmbeddingLength", numbers: &[256.0, 384.0, 1024.0] },
        "set embeddingConfig.outputEmbeddingLength to 256, 384, or 1024, or remove it",
        TITAN_EMBED_IMAGE_PAGE,
    ),
    fact(
        TITAN_TEXT_ONLY,
        "body-input-text",
        Any(&[Lacks { within: "", any_of: &["inputText"] }, NotA { path: "inputText", types: &[Text] }]),
        "put the prompt into inputText, as a text",
        TITAN_TEXT_PAGE,
    ),
];

static LLAMA: &[Fact] = &[
    fact(
        LLAMA_ONLY,
        "body-prompt",
        Any(&[Lacks { within: "", any_of: &["prompt"] }, NotA { path: "prompt", types: &[Text] }]),
        "put the prompt into prompt, as a text in Llama's own template",
        LLAMA_PAGE,
    ),
    fact(
        LLAMA_ONLY,
        "body-member-of-another-format",
        Has {
            within: "",
            any_of: &[
                "messages",
                "max_tokens",
                "maxTokens",
                "max_completion_tokens",
                "anthropic_version",
                "inferenceConfig",
                "system",
                "model",
                "modelId",
                "stream",
                "recordId",
                "modelInput",
                "custom_id",
            ],
        },
        "remove it; Llama reads prompt, max_gen_len, temperature, top_p, and images",
        LLAMA_KEYS_REFUSED,
    ),
    fact(
        LLAMA_ONLY,
        "body-temperature",
        Any(&[
            NotA { path: "temperature", types: &[Number] },
            Outside { path: "temperature", min: 0.0, max: 1.0 },
        ]),
        "set temperature to a number from 0 to 1, or remove it",
        LLAMA_PAGE,
    ),
    fact(
        LLAMA_ONLY,
        "body-top-p",
        Any(&[NotA { path: "top_p", types: &[Number] }, Outside { path: "top_p", min: 0.0, max: 1.0 }]),
        "set top_p to a number from 0 to 1, or remove it",
        LLAMA_PAGE,
    ),
    fact(
        LLAMA_ONLY,
        "body-max-tokens",
        Any(&[
            NotA { path: "max_gen_len", types: &[Integer] },
            Outside { path: "max_gen_len", min: 1.0, max: f64::INFINITY },
        ]),
        "set max_gen_len to the largest number of tokens that an answer may have",
        LLAMA_PAGE,
    ),
    fact(LLAMA_ONLY, "body-max-tokens-above-ceiling", at_most("max_gen_len", 2_048.0), LIMIT_FIX, LLAMA_PAGE)
        .only(&["meta.llama3-8b", "meta.llama3-70b", "meta.llama3-1"]),
];

static MISTRAL: &[Fact] = &[
    fact(
        MISTRAL_TEXT_ONLY,
        "body-prompt",
        Any(&[Lacks { within: "", any_of: &["prompt"] }, NotA { path: "prompt", types: &[Text] }]),
        "put the prompt into prompt, as a text, as in \"<s>[INST] … [/INST]\"",
        MISTRAL_TEXT_PAGE,
    ),
    fact(
        MISTRAL_TEXT_ONLY,
        "body-stop-sequences",
        Any(&[NotA { path: "stop", types: &[List] }, Longer { path: "stop", max: 10 }]),
        "write stop as a list of at most 10 texts",
        MISTRAL_TEXT_PAGE,
    ),
    fact(
        MISTRAL_TEXT_ONLY,
        "body-temperature",
        Any(&[
            NotA { path: "temperature", types: &[Number] },
            Outside { path: "temperature", min: 0.0, max: 1.0 },
        ]),
        "set temperature to a number from 0 to 1, or remove it",
        MISTRAL_TEXT_PAGE,
    ),
    fact(
        MISTRAL_TEXT_ONLY,
        "body-max-tokens-above-ceiling",
        at_most("max_tokens", 8_192.0),
        LIMIT_FIX,
        MISTRAL_TEXT_PAGE,
    )
    .only(&["mistral.mistral-7b", "mistral.mistral-small-2402"]),
    fact(
        MISTRAL_TEXT_ONLY,
        "body-max-tokens-above-ceiling",
        at_most("max_tokens", 4_096.0),
        LIMIT_FIX,
        MISTRAL_TEXT_PAGE,
    )
    .only(&["mistral.mixtral-"]),
    fact(
        MISTRAL_CHAT_ONLY,
        "body-messages",
        Any(&[
            Lacks { within: "", any_of: &["messages", "prompt"] },
            NotA { path: "messages", types: &[List] },
            NotA { path: "messages[]", types: &[Object] },
            Empty { path: "messages" },
        ]),
        "put the prompt into messages, as in \"messages\": [{\"role\": \"user\", \"content\": \"…\"}]",
        MISTRAL_CHAT_PAGE,
    ),
    fact(
        MISTRAL_CHAT_ONLY,
        "body-message-role",
        Any(&[
            Lacks { within: "messages[]", any_of: &["role"] },
            NotOneOf { path: "messages[].role", texts: &["system", "user", "assistant", "tool"] },
        ]),
        "give each message the role system, user, assistant, or tool",
        MISTRAL_CHAT_PAGE,
    ),
    fact(
        MISTRAL_CHAT_ONLY,
        "body-content-block",
        Lacks { within: "messages[].content[]", any_of: &["type"] },
        "write content as a text",
        MISTRAL_CHAT_PAGE,
    ),
    fact(
        MISTRAL_CHAT_ONLY,
        "body-max-tokens-above-ceiling",
        at_most("max_tokens", 8_192.0),
        LIMIT_FIX,
        MISTRAL_CHAT_PAGE,
    )
    .only(&["mistral.mistral-large-2402", "mistral.mistral-large-2407"]),
];

static COHERE: &[Fact] = &[
    fact(
        COHERE_EMBED_ONLY,
        "body-input-type",
        Any(&[
            Lacks { within: "", any_of: &["input_type"] },
            NotOneOf {
                path: "input_type",
                texts: &["search_document", "search_query", "classification", "clustering", "image"],
            },
        ]),
        "set input_type, for example to search_document",
        COHERE_EMBED_PAGE,
    ),
    fact(
        COHERE_EMBED_ONLY,
        "body-texts",
        Any(&[
            Lacks { within: "", any_of: &["texts", "images", "inputs"] },
            NotA { path: "texts", types: &[List] },
            NotA { path: "texts[]", types: &[Text] },
            Longer { path: "texts", max: 96 },
        ]),
        "put 1 to 96 texts into texts, as a list, or an image into images",
        COHERE_EMBED_PAGE,
    ),
    fact(
        COHERE_EMBED_ONLY,
        "body-texts-and-images",
        Both { one: "texts", other: "images" },
        "use only one of texts and images in a record",
        COHERE_EMBED_PAGE,
    ),
    fact(
        COHERE_COMMAND_ONLY,
        "body-message",
        Any(&[Lacks { within: "", any_of: &["message"] }, NotA { path: "message", types: &[Text] }]),
        "put the prompt into message, as a text, and earlier turns into chat_history",
        COHERE_COMMAND_PAGE,
    ),
];

static OPENAI: &[Fact] = &[
    fact(
        OPENAI_SHAPED,
        "body-messages",
        Any(&[
            Lacks { within: "", any_of: &["messages"] },
            NotA { path: "messages", types: &[List] },
            NotA { path: "messages[]", types: &[Object] },
            Empty { path: "messages" },
        ]),
        "put the prompt into messages, as in \"messages\": [{\"role\": \"user\", \"content\": \"…\"}]",
        CHAT_PAGE,
    ),
    fact(
        OPENAI_SHAPED,
        "body-message-role",
        Any(&[
            Lacks { within: "messages[]", any_of: &["role"] },
            NotOneOf {
                path: "messages[].role",
                texts: &["system", "developer", "user", "assistant", "tool", "function"],
            },
        ]),
        "give each message the role system, user, or assistant",
        CHAT_PAGE,
    ),
    fact(
        OPENAI_SHAPED,
        "body-content-block",
        Lacks { within: "messages[].content[]", any_of: &["type"] },
        "write content as a text, or each part as {\"type\": \"text\", \"text\": \"…\"}",
        CHAT_PAGE,
    ),
    fact(
        OPENAI_SHAPED,
        "body-max-tokens",
        Any(&[
            NotA { path: "max_tokens", types: &[Integer, NumberInText] },
            Outside { path: "max_tokens", min: 0.0, max: f64::INFINITY },
            NotA { path: "max_completion_tokens", types: &[Integer, NumberInText] },
            Outside { path: "max_completion_tokens", min: 0.0, max: f64::INFINITY },
        ]),
        "set the limit to the largest number of tokens that an answer may have",
        CHAT_PAGE,
    ),
    fact(
        OPENAI_ONLY,
        "body-member-not-allowed",
        NotTheModel { path: "model" },
        "remove model: the setting MODEL_ID decides which model answers",
        OPENAI_PAGE,
    ),
    fact(
        OPENAI_ONLY,
        "body-stream",
        IsTrue { path: "stream" },
        "remove stream: a batch does not stream",
        OPENAI_PAGE,
    ),
    fact(
        DEEPSEEK_R1_ONLY,
        "body-prompt",
        Any(&[
            Lacks { within: "", any_of: &["prompt", "messages"] },
            NotA { path: "prompt", types: &[Text] },
        ]),
        "put the prompt into prompt, as a text in DeepSeek's own template",
        DEEPSEEK_PAGE,
    ),
    fact(
        DEEPSEEK_R1_ONLY,
        "body-max-tokens-above-ceiling",
        at_most("max_tokens", 32_768.0),
        LIMIT_FIX,
        DEEPSEEK_PAGE,
    ),
    fact(
        DEEPSEEK_R1_ONLY,
        "body-stop-sequences",
        Longer { path: "stop", max: 10 },
        "write stop as a list of at most 10 texts",
        DEEPSEEK_PAGE,
    ),
];

static CONVERSE: &[Fact] = &[
    fact(
        CONVERSE_ONLY,
        "body-tool-config",
        Has { within: "", any_of: &["toolConfig"] },
        "remove toolConfig, or set MODEL_INVOCATION_TYPE (the parameter ModelInvocationType) to InvokeModel and write tools in \
         the model's own format: jobs of Converse do not support tools",
        BATCH_PAGE,
    ),
    fact(
        CONVERSE_ONLY,
        "body-messages",
        Any(&[
            NotA { path: "messages", types: &[List] },
            NotA { path: "messages[]", types: &[Object] },
            Empty { path: "messages" },
        ]),
        "put the prompt into messages, as in \"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"…\"}]}]",
        CONVERSE_PAGE,
    ),
    fact(
        CONVERSE_ONLY,
        "body-messages",
        Lacks { within: "", any_of: &["messages"] },
        "put the prompt into messages, as in \"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"…\"}]}]",
        CONVERSE_PAGE,
    )
    .unless(&["promptVariables"]),
    fact(
        CONVERSE_ONLY,
        "body-message-role",
        Any(&[
            Lacks { within: "messages[]", any_of: &["role"] },
            NotOneOf { path: "messages[].role", texts: &["user", "assistant", "system"] },
        ]),
        "give each message the role user or assistant; the system prompt belongs into the member system",
        MESSAGE_PAGE,
    ),
    fact(
        CONVERSE_ONLY,
        "body-message-content",
        Any(&[
            Lacks { within: "messages[]", any_of: &["content"] },
            NotA { path: "messages[].content", types: &[List] },
            Empty { path: "messages[].content" },
        ]),
        "write content as a list, as in [{\"text\": \"…\"}]",
        MESSAGE_PAGE,
    ),
    fact(
        CONVERSE_ONLY,
        "body-content-block",
        Any(&[
            NotA { path: "messages[].content[]", types: &[Object] },
            Has { within: "messages[].content[]", any_of: &["type"] },
            NotA { path: "messages[].content[].text", types: &[Text] },
        ]),
        "write each block without type, as in {\"text\": \"…\"}",
        UNION_TESTS,
    ),
    fact(
        CONVERSE_ONLY,
        "body-system",
        Any(&[
            NotA { path: "system", types: &[List] },
            NotA { path: "system[]", types: &[Object] },
            Has { within: "system[]", any_of: &["type"] },
        ]),
        "write system as a list, as in [{\"text\": \"…\"}]",
        CONVERSE_PAGE,
    ),
    fact(
        CONVERSE_ONLY,
        "body-inference-config",
        Any(&[
            NotA { path: "inferenceConfig", types: &[Object] },
            NotA { path: "inferenceConfig.maxTokens", types: &[Integer] },
            Outside { path: "inferenceConfig.maxTokens", min: 1.0, max: f64::INFINITY },
            NotA { path: "inferenceConfig.temperature", types: &[Number] },
            Outside { path: "inferenceConfig.temperature", min: 0.0, max: 1.0 },
            NotA { path: "inferenceConfig.topP", types: &[Number] },
            Outside { path: "inferenceConfig.topP", min: 0.0, max: 1.0 },
            NotA { path: "inferenceConfig.stopSequences", types: &[List] },
            Longer { path: "inferenceConfig.stopSequences", max: 2_500 },
            NotA { path: "inferenceConfig.stopSequences[]", types: &[Text] },
            Empty { path: "inferenceConfig.stopSequences[]" },
        ]),
        "correct it: maxTokens is a whole number of at least 1, temperature and topP are from 0 to 1, stopSequences is a list \
         of texts that are not empty",
        INFERENCE_PAGE,
    ),
    fact(
        CONVERSE_ONLY,
        "body-temperature-and-top-p",
        Both { one: "inferenceConfig.temperature", other: "inferenceConfig.topP" },
        "remove one of the two: this model accepts only one of them",
        "https://github.com/BerriAI/litellm/issues/15070",
    )
    .only(NOT_BOTH),
    fact(
        CONVERSE_ONLY,
        "body-sampling",
        Any(&[
            Outside { path: "inferenceConfig.temperature", min: 1.0, max: 1.0 },
            Outside { path: "inferenceConfig.topP", min: 0.99, max: 1.0 },
        ]),
        "remove temperature and topP: this model refuses all other values than its own",
        "https://github.com/NousResearch/hermes-agent/pull/38717",
    )
    .only(ADAPTIVE),
];

static CONVERSE_LIMITS: &[Fact] = &[
    converse_limit(CLAUDE_32K, at_most("inferenceConfig.maxTokens", 32_768.0), LIMIT_32K),
    converse_limit(CLAUDE_64_KI, at_most("inferenceConfig.maxTokens", 65_536.0), LIMIT_64_KI),
    converse_limit(CLAUDE_64K, at_most("inferenceConfig.maxTokens", 64_000.0), LIMIT_64K),
    converse_limit(CLAUDE_128K, at_most("inferenceConfig.maxTokens", 128_000.0), LIMIT_128K),
    converse_limit(NOVA_1, at_most("inferenceConfig.maxTokens", 10_000.0), NOVA_1_LIMIT),
    converse_limit(NOVA_2, at_most("inferenceConfig.maxTokens", 65_536.0), NOVA_2_LIMIT),
];

static MEDIA: &[Fact] = &[fact(
    WITH_MEDIA,
    "body-s3-location",
    Any(&[
        NotReadable { path: "messages[].content[].image.source.s3Location.uri" },
        NotReadable { path: "messages[].content[].document.source.s3Location.uri" },
        NotReadable { path: "messages[].content[].video.source.s3Location.uri" },
        NotReadable { path: "messages[].content[].audio.source.s3Location.uri" },
    ]),
    "put the media into the record as Base64, or let the batch role read them: see S3_LOCATION_PREFIXES (the parameter \
     S3LocationArns)",
    ROLE_PAGE,
)];
