//! A request for a chat model, in the terms that the APIs have in common. Pure.
//!
//! The readers of the other APIs make it, and [`body`](super::body) writes it as the target model takes it. Numbers and
//! schemas are JSON text, so that they keep their exact form.

use std::borrow::Cow;

/// A request.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Cow<'a, str>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// JSON numbers.
    pub(super) max_tokens: Option<Cow<'a, str>>,
    pub(super) temperature: Option<Cow<'a, str>>,
    pub(super) top_p: Option<Cow<'a, str>>,
    pub(super) top_k: Option<Cow<'a, str>>,
    pub(super) stop: Vec<Cow<'a, str>>,
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) tool_choice: Option<ToolChoice<'a>>,
}

impl<'a> Conversation<'a> {
    /// Adds content to the last turn if it has the same role, as Anthropic's API does with such messages; the others
    /// refuse them. Content without a block is left out.
    pub(super) fn say(&mut self, is_user: bool, blocks: Vec<Block<'a>>) {
        match self.turns.last_mut().filter(|turn| turn.is_user == is_user) {
            Some(turn) => turn.blocks.extend(blocks),
            None if blocks.is_empty() => {}
            None => self.turns.push(Turn { is_user, blocks }),
        }
    }
}

/// What one side says before the other side does.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) is_user: bool,
    pub(super) blocks: Vec<Block<'a>>,
}

/// A piece of content.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Text(Cow<'a, str>),
    Image(Image<'a>),
    ToolUse { id: Cow<'a, str>, name: Cow<'a, str>, input: Cow<'a, str> },
    ToolResult { id: Cow<'a, str>, content: Vec<Block<'a>>, is_error: bool },
}

/// An image that is part of the request.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// As in `image/png`: one of [`FORMATS`].
    pub(super) format: &'static str,
    /// In Base64.
    pub(super) data: Cow<'a, str>,
}

/// The formats that Claude, Nova, and Converse take.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html>
pub(super) const FORMATS: [&str; 4] = ["png", "jpeg", "gif", "webp"];

/// Returns the format of a media type, if it is one of an image that models take.
pub(super) fn image_format(media_type: &str) -> Option<&'static str> {
    let format = media_type.trim().strip_prefix("image/")?;
    // Not registered, but common.
    let format = if format == "jpg" { "jpeg" } else { format };
    FORMATS.into_iter().find(|known| *known == format)
}

/// Returns whether a text can be Base64. What it stands for is not looked at.
pub(super) fn is_base64(data: &str) -> bool {
    let digits = data.trim_end_matches('=');
    data.len().is_multiple_of(4)
        && !digits.is_empty()
        && data.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
}

/// A function that the model may call.
#[derive(Debug)]
pub(super) struct Tool<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) description: Option<Cow<'a, str>>,
    /// The JSON schema of its input.
    pub(super) schema: Cow<'a, str>,
}

/// Which tools the model may or must call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ToolChoice<'a> {
    Auto,
    Any,
    Tool(Cow<'a, str>),
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_of_the_known_formats_and_base64() {
        assert_eq!(image_format("image/png"), Some("png"));
        assert_eq!(image_format("image/jpg"), Some("jpeg"));
        assert_eq!(image_format("image/svg+xml"), None);
        assert_eq!(image_format("audio/wav"), None);
        for (data, is_good) in [
            ("iVBORw==", true),
            ("iVBO", true),
            ("", false),
            ("iVB", false),
            ("i===", false),
            ("iV\n=", false),
        ] {
            assert_eq!(is_base64(data), is_good, "{data}");
        }
    }

    #[test]
    fn messages_of_one_side_are_one_turn() {
        let mut conversation = Conversation::default();
        let text = |text| vec![Block::Text(Cow::Borrowed(text))];
        for (is_user, blocks) in [(true, text("a")), (true, text("b")), (false, vec![]), (false, text("c"))] {
            conversation.say(is_user, blocks);
        }
        let turns: Vec<_> = conversation.turns.iter().map(|turn| (turn.is_user, turn.blocks.len())).collect();
        assert_eq!(turns, [(true, 2), (false, 1)]);
    }
}
